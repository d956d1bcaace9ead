"""The tokenizer's own errors (the paper's Table 3): the measurement, the verdict, what is kept, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from physlaw.__main__ import main
from physlaw.cell import acceptance as cell_acceptance
from physlaw.cell.model import FrameCodec
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.data.config import DataConfig
from physlaw.data.records import Frames
from physlaw.evaluation.config import EvalConfig
from physlaw.evaluation.tokenizer import measure_block, measure_tokenizer, summarize_tokenizer
from physlaw.evaluation.velocity import METRICS
from physlaw.evaluation.velocity_blocks import OF_CLIPS, SOURCES, summarize_blocks
from physlaw.files import sha256_file, write_json
from physlaw.models.tokenizers import build_tokenizer
from physlaw.report import acceptance
from physlaw.report.acceptance import LIMIT, read_measured, verdict
from physlaw.training.state import save_tensors
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenarios import SCENARIOS

DATA = DataConfig(resolution=32)
ERRORS = [metric.name for metric in METRICS]
FEW = ["profile=smoke", "eval.id_clips=3", "eval.ood_clips=2"]
TINY = ["profile=smoke_faithful", "data.num_frames=8", "eval.id_clips=2", "eval.ood_clips=1"]


def place_untrained_vae(cell: CellConfig, seed: int = 0) -> Path:
    """The folder that `physlaw prepare stage=tokenizer` makes, with initial weights."""
    folder = cell.tokenizer_run()[1]
    torch.manual_seed(seed)
    save_tensors(folder / "vae.safetensors", dict(build_tokenizer(cell.tokenizer).state_dict()))
    write_json(folder / "card.json", {"sha256": sha256_file(folder / "vae.safetensors"), "seconds": 1.5})
    return folder


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Runs in an empty folder; the scenarios that are really measured, in order."""
    found: list[str] = []

    def noting(scenario: Scenario, *rest: object) -> pd.DataFrame:
        found.append(scenario.name)
        return measure_tokenizer(scenario, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cell_acceptance, "measure_tokenizer", noting)
    monkeypatch.chdir(tmp_path)
    return found


def later(frames: Frames) -> Frames:
    """Frames 8 on are held: whatever moves seems to stand."""
    held = frames.copy()
    held[:, 8:] = held[:, 8:9]
    return held


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, LIMIT, "accepted"),
        (-0.01, -0.001, "accepted"),
        (0.001, 0.0016, "inconclusive"),
        (LIMIT, 0.01, "inconclusive"),
        (0.0016, 0.002, "not accepted"),
        (np.nan, np.nan, "inconclusive"),
    ],
)
def test_the_whole_interval_must_be_within_the_limit(low: float, high: float, expected: str) -> None:
    assert verdict(low, high) == expected


@pytest.mark.parametrize("scenario", ["uniform", "collision"])
def test_a_perfect_tokenizer_costs_nothing_and_a_bad_one_what_it_does(scenario: str) -> None:
    block, config = SCENARIOS[scenario].eval_blocks()["id"], EvalConfig(id_clips=12, batch_size=5)
    same = measure_block(SCENARIOS[scenario], block, lambda frames: frames, DATA, config)
    assert len(same) == 12
    for error in ERRORS:
        pd.testing.assert_series_equal(same[f"truth_{error}"], same[f"reconstruction_{error}"], check_names=False)
    row = summarize_tokenizer(same)["id"]
    assert row["difference"] == row["difference_low"] == row["difference_high"] == 0
    held = summarize_tokenizer(measure_block(SCENARIOS[scenario], block, later, DATA, config))["id"]
    assert held["difference_low"] > 0.1
    blank = measure_block(SCENARIOS[scenario], block, np.zeros_like, DATA, config)
    assert blank["reconstruction_missing"].sum() > 0
    assert blank["truth_missing"].sum() == 0


def test_clips_are_averaged_as_a_cells_are() -> None:
    """The release's rule for paper_ errors, sums of missing balls, and ID and OOD: the same as summarize_blocks."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"level": np.repeat([0, 1, 2], 40), "release_class": "in"})
    table.loc[[3, 50, 90], "release_class"] = ["dropped", "v_zero", "r_out"]
    for source in ("truth", "reconstruction"):
        for error in ERRORS:
            table[f"{source}_{error}"] = rng.random(120)
    table.loc[[7, 60], "reconstruction_paper_code"] = np.nan
    cell = table.assign(block=table["level"].map({0: "id", 1: "a", 2: "b"}), nearer_to_case=0.0)
    for source in SOURCES:
        for error in ERRORS:
            cell[f"{source}_{error}"] = cell.get(f"{source}_{error}", 0.0)
    cell = cell.assign(
        **dict.fromkeys([*(metric.column for metric in OF_CLIPS), "follow_moved", "follow_asked"], 0.0),
        radius_px=2.0,
        kind="",
    )
    theirs = summarize_blocks(cell).set_index("group")
    for group, row in summarize_tokenizer(table).items():
        for source in ("truth", "reconstruction"):
            for error in ERRORS:
                assert row[f"{source}_{error}"] == pytest.approx(theirs.loc[group, f"{source}_{error}"])
        chosen = table[((table["level"] > 0) == (group == "ood")) & table["release_class"].isin(["in", "r_out"])]
        expected = (chosen["reconstruction_paper_code"] - chosen["truth_paper_code"]).dropna()
        assert row["judged"] == len(expected) == {"id": 38, "ood": 78}[group]
        assert row["difference"] == pytest.approx(expected.mean())
        assert row["difference_low"] < row["difference"] < row["difference_high"]


def test_the_columns_are_the_evaluators() -> None:
    assert set(acceptance.SHOWN) <= set(ERRORS)


def test_pixels_are_measured_for_every_scenario(measured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokenizer", *FEW, "eval.blocks=paper"]) == 0
    assert measured == ["uniform", "parabola", "collision"]
    folder = Path("results/id_ood/smoke")
    table = read_measured(folder)
    assert list(table["group"]) == ["id", "ood"] * 3
    assert list(table["clips"]) == [3, 6, 3, 6, 3, 12]  # the paper's sets have three OOD levels, or six
    assert (table["difference"] == 0).all()
    assert set(table["verdict"][table["judged"] > 1]) == {"accepted"}
    shown = capsys.readouterr().out
    assert shown == (folder / "tokenizer.md").read_text()
    assert "| 0.0210 / 0.0212 " in shown
    assert "`pixels` has no learned part" in shown
    known = json.loads((folder / "tokenizer.json").read_text())
    assert known["scenarios"]["uniform"]["tokenizer"]["learned"] is False
    assert known["scenarios"]["uniform"]["config"]["eval"]["blocks"] == "paper"
    for key in ("commit", "code_digest", "hardware", "seconds"):
        assert key in known["scenarios"]["collision"]


def test_a_vae_is_judged_without_any_model(measured: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*rest: object) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr("physlaw.cell.model.DiT", refuse)
    folder = place_untrained_vae(compose_cell(TINY))
    assert main(["tokenizer", *TINY, "out=here"]) == 0
    table = read_measured(Path("here"))
    assert list(table["tokenizer"]) == ["vae_tiny"] * 2
    assert set(table["tokenizer_digest"]) == {sha256_file(folder / "vae.safetensors")}
    assert list(table["verdict"]) == ["not accepted"] * 2
    known = json.loads(Path("here/tokenizer.json").read_text())["scenarios"]["uniform"]["tokenizer"]
    assert known["learned"] is True
    assert known["folder"] == folder.name
    assert not Path("runs/id_ood").exists()


def test_an_untrained_tokenizer_is_refused_before_anything_is_measured(
    measured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tokenizer", *TINY]) == 2
    assert "prepare stage=tokenizer profile=smoke_faithful" in capsys.readouterr().err
    assert measured == []
    assert not Path("results").exists()
    assert not Path("runs").exists()
    (place_untrained_vae(compose_cell(TINY)) / "vae.safetensors").write_bytes(b"damaged")
    assert main(["tokenizer", *TINY]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_finished_scenarios_are_kept(measured: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["tokenizer", *FEW, "out=here"]
    real = cell_acceptance.measure_tokenizer

    def interrupted(scenario: Scenario, *rest: object) -> pd.DataFrame:
        if scenario.name == "collision":
            raise KeyboardInterrupt
        return real(scenario, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cell_acceptance, "measure_tokenizer", interrupted)
    assert main(words) == 130
    assert [row[-1] for row in rows_of("here")] == ["measured"] * 4 + ["not run"] * 2
    monkeypatch.setattr(cell_acceptance, "measure_tokenizer", real)
    measured.clear()
    before = rows_of("here")[:4]
    assert main(words) == 0
    assert measured == ["collision"]
    assert rows_of("here")[:4] == before
    text = Path("here/tokenizer.csv").read_bytes()
    assert main(words) == 0
    assert measured == ["collision"]
    assert Path("here/tokenizer.csv").read_bytes() == text
    assert main([*words, "scenario=parabola", "eval.id_clips=4"]) == 0  # other clips: what was measured is another's
    assert measured == ["collision", "parabola"]
    assert [row[-1] for row in rows_of("here")] == ["not run"] * 2 + ["measured"] * 2 + ["not run"] * 2


def test_another_tokenizer_or_a_card_of_another_is_measured_again(measured: list[str]) -> None:
    words = ["tokenizer", *TINY, "out=here"]
    place_untrained_vae(compose_cell(TINY))
    assert main(words) == main(words) == 0
    assert measured == ["uniform"]
    place_untrained_vae(compose_cell(TINY), seed=1)
    assert main(words) == 0
    assert measured == ["uniform"] * 2
    card = Path("here/tokenizer.json")
    write_json(card, {"scenarios": {"uniform": {"identity": "another"}}})
    assert main(words) == 0
    assert measured == ["uniform"] * 3


def rows_of(folder: str) -> list[tuple[object, ...]]:
    """scenario, group, difference, source of every row."""
    table = pd.read_csv(Path(folder) / "tokenizer.csv").fillna({"difference": -1.0})
    return list(table[["scenario", "group", "difference", "source"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("words", [["scenario=square"], ["tokenizer=none"], ["outt=x"]])
def test_mistakes_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokenizer", *words]) == 2
    assert capsys.readouterr().err.startswith("physlaw: error: ")


def test_the_verbs_keys_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokenizer", "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("out=\n")
    assert "eval.ood_clips=" in shown


@pytest.mark.parametrize(("name", "expected"), [("vae_tiny", [8, 3]), ("pixels", [11])])
def test_clips_go_through_a_vae_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: list[int]
) -> None:
    tokenizer = build_tokenizer(compose_cell([*FEW, f"tokenizer={name}"]).tokenizer).eval()
    frames = np.random.default_rng(0).integers(0, 256, (11, 4, 16, 16, 3), dtype=np.uint8)
    sizes: list[int] = []
    encode: Callable[[torch.Tensor], torch.Tensor] = tokenizer.encode
    monkeypatch.setattr(tokenizer, "encode", lambda clips: (sizes.append(len(clips)), encode(clips))[1])
    assert FrameCodec(tokenizer, 3).reconstruct(frames).shape == frames.shape
    assert sizes == expected
