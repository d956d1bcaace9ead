"""Agents take the exam as strangers do: what they get is what the study gives them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.agents.config import PREFIX
from physlaw.cell.run import run_cell
from physlaw.data.npz import write_arrays
from physlaw.errors import UserError
from physlaw.exam.config import ExportConfig, PaperConfig, RunConfig, ScoreConfig
from physlaw.exam.export import export
from physlaw.exam.page import finish
from physlaw.exam.paper import Paper, read_paper
from physlaw.exam.run import run_model
from physlaw.exam.score import Scored, answers_by_seed, score_answers
from physlaw.exam.video import encode
from physlaw.render.discs import render_clips
from physlaw.studies import registry

PAPER = Paper(PaperConfig(scenarios=("uniform",), resolution=64, count=2))


def quiet(line: str) -> None:
    pass


def whole(paper: Paper, part) -> np.ndarray:
    """True clips of some items."""
    return render_clips(paper.scenes(part.scenario, part.block).trajectory(part.numbers), paper.config.resolution)


def answer(paper: Paper, folder: Path, kind: str) -> Path:
    for part in paper.parts:
        for item, clip in zip(part.items, whole(paper, part), strict=True):
            if kind == "mp4":
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{item}.mp4").write_bytes(encode(clip, 10))
            else:
                write_arrays(folder / f"{item}.npz", {"frames": clip})
    return folder


def scored(paper: Paper, folder: Path, out: Path, **settings) -> Scored:
    return score_answers(paper, answers_by_seed(folder), ScoreConfig(**settings), out, quiet)


@pytest.fixture(scope="module")
def law(tmp_path_factory) -> dict[str, Scored]:
    """The law as npz, as mp4, as a function."""
    root = tmp_path_factory.mktemp("law")
    found = {
        kind: scored(PAPER, answer(PAPER, root / kind, kind), root / f"{kind}.scored", name="law")
        for kind in ("npz", "mp4")
    }
    parts = iter(list(PAPER.batches(8)))

    def generate(frames, num_frames, prompts, seed):
        part = next(parts)
        clips = whole(PAPER, part)
        assert (clips[:, :3] == frames).all()
        assert num_frames == 32
        assert len(prompts) == len(frames)
        return clips

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("physlaw.exam.run.load_model", lambda name: generate)
        places = run_model(PAPER, RunConfig(model="law", out=str(root / "run")), quiet)
    found["function"] = score_answers(PAPER, places, ScoreConfig(name="law"), root / "run", quiet)
    return found


def test_the_law_gets_the_same_as_npz_as_function_and_within_the_codecs_floor_as_mp4(law) -> None:
    def numbers(kind):
        rows = law[kind].metrics
        return rows.set_index("group")[["generated_corrected", "measured_share", "follow"]]

    pd.testing.assert_frame_equal(numbers("npz"), numbers("function"))
    away = (numbers("npz") - numbers("mp4")).abs()
    for group in ("id", "ood"):
        floor, clips = law["mp4"].floors["uniform", group]
        found = law["mp4"].metrics.set_index("group").loc[group]
        assert clips == found["clips"]  # all of so few
        assert found["generated_corrected"] == pytest.approx(floor, rel=1e-6)  # the floor took the same way
        assert 0 < floor < 0.02
    assert not law["npz"].floors
    assert away["measured_share"].max() == 0
    assert away["follow"].max() < 0.02
    for kind in law:
        assert not law[kind].notes
        assert not law[kind].extra


@pytest.mark.slow
@pytest.mark.parametrize(("study", "scenario", "agent"), [
    (registry.studies.NAMES[0], "parabola", "clamp"),
    ("velocity_gap", "gap_125_375", "snapper"),
])  # fmt: skip
def test_an_agents_row_is_its_row_in_the_study(tmp_path: Path, study: str, scenario: str, agent: str) -> None:
    paper = Paper(PaperConfig(study=study, scenarios=(scenario,), resolution=32, count=3))
    cell = paper.cell(scenario, tmp_path / "runs", "x")
    cell = replace(cell, model=replace(cell.model, name=PREFIX + agent))
    rows = pd.read_csv(run_cell(cell))
    make = registry.part(study, "agents").MAKERS[agent]
    codec = make(cell, registry.world(scenario), lambda: paper.training(scenario))
    for part in paper.parts:
        clips = codec.generate(whole(paper, part), part.block, part.numbers)
        for item, clip in zip(part.items, clips, strict=True):
            write_arrays(tmp_path / "answers" / f"{item}.npz", {"frames": clip})
    found = scored(paper, tmp_path / "answers", tmp_path / "out").metrics[rows.columns]
    pd.testing.assert_frame_equal(found, rows, check_dtype=False)


@pytest.mark.slow
@pytest.mark.parametrize("study", ["square_out", "memorization", "attributes", "ring", "resolution_and_length"])
def test_every_study_of_drawn_objects_is_an_exam(tmp_path: Path, study: str) -> None:
    scenario = next(iter(registry.scenarios_of(study)))
    paper = Paper(PaperConfig(study=study, scenarios=(scenario,), resolution=64, count=1))
    folder = answer(paper, tmp_path / "a", "npz")
    text = finish(scored(paper, folder, tmp_path / "out", name="law"), tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["study"] == study
    assert {row["scenario"] for row in card["rows"]} == {scenario}
    assert "law" in text


def test_items_are_those_that_the_study_scores(law) -> None:
    assert set(law["npz"].clips["item"]) == set(PAPER.items)
    assert PAPER.items[0].startswith("uniform-id-")


@pytest.mark.parametrize("written", ["mp4", "npz", "png", "hdf5"])
def test_an_exported_exam_is_read_again_and_holds_no_truth(tmp_path: Path, written: str) -> None:
    paper = Paper(PaperConfig(scenarios=("collision",), resolution=32, count=1, cond_frames=4))
    export(paper, ExportConfig(out=str(tmp_path / "exam"), format=written))
    again = read_paper(tmp_path / "exam")
    assert again.digest == paper.digest
    known = json.loads((tmp_path / "exam" / "exam.json").read_text())
    assert [one["item"] for one in known["items"]] == list(paper.items)
    assert not any(character.isdigit() for one in known["items"] for character in one["prompt"])
    files = sorted(path.name for path in (tmp_path / "exam").iterdir())
    assert files[:2] != ["exam.json"]
    export(paper, ExportConfig(out=str(tmp_path / "exam"), format=written))  # again is fine
    if written == "npz":
        with np.load(tmp_path / "exam" / f"{paper.items[0]}.npz") as archive:
            assert list(archive) == ["frames"]
            assert archive["frames"].shape == (4, 32, 32, 3)


def test_a_card_has_the_keys_that_others_read(tmp_path: Path, law) -> None:
    finish(law["npz"], tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    assert list(card) == ["kind", "exam_digest", "answers_sha256", "name", "study", "rows", "claims"]
    assert card["kind"] == "exam"
    assert list(card["rows"][0]) == [
        *("scenario", "group", "clips", "measured_share", "corrected", "corrected_low", "corrected_high"),
        *("corrected_imputed", "follow"),
    ]
    assert "NaN" not in (tmp_path / "card.json").read_text()


@pytest.mark.slow
def test_a_new_users_way(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("still.py").write_text(
        "import numpy as np\n\n"
        "def generate(frames, num_frames, prompts, seed):\n"
        "    return np.concatenate([frames, frames[:, -1:].repeat(num_frames - frames.shape[1], axis=1)], axis=1)\n"
    )
    words = ["scenarios=[uniform]", "count=1", "resolution=32"]
    assert main(["exam", "export", "out=exam", "format=npz", *words]) == 0
    assert main(["exam", "run", "model=still:generate", "out=still", "seeds=[0,1]", *words]) == 0
    assert "still:generate" in capsys.readouterr().out
    for k in (0, 1):
        assert main(["exam", "run", "model=still:generate", "out=shared", f"part={k}/2", *words]) == 0
    shared, alone = (
        sorted(path.name for path in Path(f"{one}/answers/seed0").iterdir()) for one in ("shared", "still")
    )
    assert shared == alone
    assert main(["exam", "run", "model=still:generate", "out=shared", "part=2/2", *words]) == 2
    answers = sorted(Path("still/answers/seed0").glob("*.npz"))
    times = [path.stat().st_mtime_ns for path in answers]
    answers[0].unlink()
    assert main(["exam", "run", "model=still:generate", "out=still", "seeds=[0,1]", *words]) == 0
    assert [path.stat().st_mtime_ns for path in answers[1:]] != times  # its whole batch is asked again
    assert main(["exam", "score", "still/answers/seed1", "name=one seed"]) == 0
    capsys.readouterr()
    assert main(["exam", "compare", "still/card.json", "still/answers/seed1.scored"]) == 0
    shown = capsys.readouterr().out
    assert "one seed" in shown
    assert "+0.000" in shown
    assert Path("compared/compared.svg").is_file()
    assert main(["exam", "run", "model=nothing:generate", "out=x", *words]) == 2
    assert "nothing" in capsys.readouterr().err
    assert main(["exam", "score", "exam", "out=y"]) == 0  # condition clips are answers that stop early
    assert "lacking, blank" in capsys.readouterr().out
    assert main(["exam", "marks"]) == 2
    assert "train, leaks, export, run, score, compare" in capsys.readouterr().err


def test_models_that_fail_are_one_line_and_what_is_answered_is_kept(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fails.py").write_text(
        "import numpy as np\ncalls = []\nvalue = 3\n\n"
        "def later(frames, num_frames, prompts, seed):\n"
        "    calls.append(seed)\n"
        "    if len(calls) > 1:\n        raise RuntimeError('out of ideas')\n"
        "    return np.zeros((len(frames), num_frames, 20, 30, 3), np.uint8)\n\n"
        "def short(frames, num_frames, prompts, seed):\n    return frames[:1]\n"
    )
    Path("broken.py").write_text("import a_package_that_is_not_there\n")
    for model, said in (
        ("fails:later", "raised RuntimeError: out of ideas; finished answers are kept"),
        ("fails:short", "returned uint8"),
        ("fails:value", "is no function but int"),
        ("fails:nothing", "has no attribute 'nothing'"),
        ("broken:x", "a_package_that_is_not_there"),
        ("no_entry_point", "unknown model 'no_entry_point'; valid: package.module:generate"),
    ):
        words = [
            "exam",
            "run",
            f"model={model}",
            f"out={model[-5:]}",
            "scenarios=[uniform]",
            "count=2",
            "resolution=32",
        ]
        assert main(words) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("physlaw: error: model") or "unknown model" in last
        assert said in last
    assert len(list(Path("later/answers/seed0").glob("*.npz"))) == 2


def test_scores_overwrite_nothing_of_others(tmp_path: Path, law) -> None:
    (tmp_path / "metrics.csv").write_text("mine")
    folder = answer(PAPER, tmp_path / "a", "npz")
    with pytest.raises(UserError, match="holds other files"):
        scored(PAPER, folder, tmp_path)
    assert (tmp_path / "metrics.csv").read_text() == "mine"
    with pytest.raises(UserError, match="no multiple"):
        Paper(PaperConfig(resolution=1021))
