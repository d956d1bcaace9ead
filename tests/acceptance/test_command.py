"""The command as a user meets it: one line for every mistake, exit codes, interruption, the whole chain."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.lease import leased
from physlaw.profiles import REPOSITORY
from processes import Verb, physlaw

TINY = [
    "train.steps=6",
    "train.batch_size=2",
    "train.log_every=2",
    "train.checkpoint_every=2",
    "eval.id_clips=4",
    "eval.ood_clips=2",
    "size=300",
    "grid.sizes=[300]",
    "model.depth=1",
    "model.hidden_size=48",
    "model.num_heads=2",
    "diffusion.denoise_steps=2",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_needs_no_torch(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; sys.modules['torch'] = None; from physlaw.__main__ import main; sys.exit(main(['--help']))"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    for verb in ("simulate", "train", "evaluate", "run", "reproduce", "collect", "report", "score"):
        assert main([verb, "--help"]) == 0
        assert capsys.readouterr().out


def test_the_command_is_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "physlaw", "jump"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("physlaw: error: unknown verb 'jump'; valid: simulate, ")
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "scenario=uni"], "unknown scenario of study id_ood 'uni'; valid: uniform, parabola, collision"),
        (["jump"], "unknown verb 'jump'"),
        (["score", "absent.npz"], "absent.npz: no such file"),
        (["score"], "score takes one path"),
        (["simulate", "out=x.npz", "size=7"], "unknown training size of scenario uniform '7'"),
        (["evaluate"], "is not trained"),
        (["collect"], "none of the 3 cells has finished"),
        (["report", "nowhere"], "no such file"),
        (["reproduce", "workers=two"], "workers must be a whole number"),
        (["reproduce", f"out={REPOSITORY}/results/id_ood/smoke"], "writes beside them, never over them"),
        (["run", "data.num_frames=30", "tokenizer=vae", "data.resolution=32"], "multiples of the tokenizer's strides"),
        (["run", "model.patch_size=[1,3,3]"], "do not divide into patches"),
    ],
)
@pytest.mark.usefixtures("here")
def test_every_mistake_is_one_line_and_a_failure(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("physlaw: error: ")]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_full_disk_is_one_line_and_its_own_exit_code(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", "clips.npz")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["simulate", "out=clips.npz", "size=300", "count=1", "resolution=16"]) == 75
    assert "No space left on device" in capsys.readouterr().err
    assert not list(here.glob("*.npz"))


@pytest.mark.slow
def test_a_second_process_on_a_cell_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "runs/id_ood/smoke/uniform-dit_xxs-n300-seed0"
    with leased(folder, "the test"):
        done = physlaw("run", "scenario=uniform", *TINY, folder=tmp_path)
    assert done.returncode == 2
    assert "cell uniform-dit_xxs-n300-seed0 is in use by another process" in done.stderr


@pytest.mark.usefixtures("here")
def test_code_that_composes_another_cell_than_its_launcher_stops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PHYSLAW_EXPECT_CONFIG", "0" * 64)
    assert main(["run", *TINY]) == 2
    assert "is not the launcher's (0000000000)" in capsys.readouterr().err


@pytest.mark.slow
def test_a_clusters_warning_ends_an_evaluation_that_then_continues(tmp_path: Path) -> None:
    words = [*TINY, "eval.ood_clips=300"]  # many after the first table
    started = Verb("run", *words, folder=tmp_path)
    tables = tmp_path / "runs/id_ood/smoke/uniform-dit_xxs-n300-seed0/eval"
    while started.poll() is None and not list(tables.glob("*.csv")):
        time.sleep(0.01)
    started.send_signal(signal.SIGURG)
    _, shown = started.communicate()
    assert started.wait() == 130, shown
    assert shown.splitlines()[-1] == "physlaw: interrupted; the same command continues"
    assert physlaw("run", *words, folder=tmp_path).returncode == 0


@pytest.mark.slow
def test_the_sampler_is_swept_on_a_trained_cell(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sweep_sampler", *TINY, "scenario=uniform", "steps=[1,2,4]", "seeds=2", "clips=6", "tolerance=5"]
    assert main(words) == 2
    assert "is not trained" in capsys.readouterr().err
    assert main(["run", *TINY, "scenario=uniform"]) == 0
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("steps are within 500% of 4")
    known = json.loads((here / "runs/id_ood/smoke/uniform-dit_xxs-n300-seed0/sampler.json").read_text())
    assert [row["steps"] for row in known["rows"]] == [1, 2, 4]
    assert all(len(row["per_seed"]) == 2 for row in known["rows"])
    assert known["rows"][-1]["ratio"] == 1


@pytest.mark.usefixtures("here")
def test_score_prints_one_json_object_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "out=clips.npz", "split=id", "count=3"]) == 0
    assert main(["score", "clips.npz", "resize=128"]) == 0
    score = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert score["classes"]["in"]["count"] == 3
    assert score["classes"]["in"]["corrected"] < 0.001 < score["classes"]["in"]["paper_code"]


@pytest.mark.slow
def test_the_whole_chain_survives_interruption(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reproduce", "workers=1", *TINY, "train.steps=200", "train.checkpoint_every=25"]
    started = Verb(*words, folder=here)
    cell = here / "runs/id_ood/smoke/uniform-dit_xxs-n300-seed0"
    while not list(cell.glob("checkpoints/*.json")):
        assert started.poll() is None, started.communicate()[1]
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.wait() == 130, errors
    assert "the same command continues" in errors
    assert not (cell / "model.safetensors").exists()

    assert main(words) == 0
    shown = capsys.readouterr().out
    folder = here / "reproduced/id_ood/smoke"
    assert str(folder / "report.html") in shown
    assert "| scenario " in shown
    assert "agree" in shown or "No committed results" in shown
    metrics = pd.read_csv(folder / "metrics.csv")
    assert set(metrics["cell"]) == {f"{s}-dit_xxs-n300-seed0" for s in ("uniform", "parabola", "collision")}
    assert {"id", "ood", "ood1", "level2_v1"} <= set(metrics["group"])

    # finished: nothing is trained again
    before = {p: p.stat().st_mtime_ns for p in (here / "runs").rglob("*.safetensors")}
    assert main(words) == 0
    assert {p: p.stat().st_mtime_ns for p in (here / "runs").rglob("*.safetensors")} == before

    # everything is drawn again from the results folder alone, byte for byte
    drawn = {p: p.read_bytes() for p in folder.rglob("*") if p.suffix in (".md", ".svg", ".html")}
    for path in drawn:
        path.unlink()
    assert main(["report", str(folder)]) == 0
    assert {p: p.read_bytes() for p in drawn} == drawn

    # the same folder does not take another configuration
    assert main(["run", "scenario=uniform", *TINY]) == 2
    assert "another configuration" in capsys.readouterr().err


@pytest.mark.slow
def test_several_cells_run_at_once_and_stop_with_their_parent(tmp_path: Path) -> None:
    words = ["reproduce", "workers=2", *TINY, "train.steps=100000"]
    started = Verb(*words, folder=tmp_path)
    cells = [tmp_path / f"runs/id_ood/smoke/{s}-dit_xxs-n300-seed0" for s in ("uniform", "parabola")]
    while not all(list(cell.glob("checkpoints/*.json")) for cell in cells):
        assert started.poll() is None
        time.sleep(0.1)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    assert len(children) >= 2
    started.kill()
    started.wait()
    done = physlaw("run", "scenario=uniform", *TINY, "train.steps=100000", "train.batch_size=1", folder=tmp_path)
    assert "another configuration" in done.stderr  # the folder is free again, and still that of the first run
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
    # the third cell was waiting for a worker: nobody has started it
    assert not list((tmp_path / "runs/id_ood/smoke/collision-dit_xxs-n300-seed0").glob("checkpoints/*"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ctrl_c", "kill"])
def test_interrupting_several_cells_stops_all_and_starts_none(tmp_path: Path, how: str) -> None:
    words = ["reproduce", "workers=2", *TINY, "train.steps=100000"]
    started = Verb(*words, folder=tmp_path, new_session=True)
    cells = [tmp_path / f"runs/id_ood/smoke/{s}-dit_xxs-n300-seed0" for s in ("uniform", "parabola")]
    while not all(list(cell.glob("checkpoints/*.json")) for cell in cells):
        assert started.poll() is None
        time.sleep(0.1)
    if how == "ctrl_c":
        os.killpg(started.pid, signal.SIGINT)  # reaches the whole group
    else:
        started.send_signal(signal.SIGTERM)  # reaches this process alone
    _, errors = started.communicate(timeout=60)
    assert started.wait() == 130, errors
    assert errors.count("the same command continues") == 1
    assert errors.splitlines()[-1].endswith(("the same command continues", "the same command continues from there"))
    assert "resource_tracker" not in errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "runs/id_ood/smoke/collision-dit_xxs-n300-seed0").glob("checkpoints/*"))


@pytest.mark.slow
def test_the_faithful_recipe_runs_end_to_end(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scenario=uniform", "recipe=faithful", "tokenizer=vae", "data.resolution=32", "model=dit_xxs", *TINY]
    words += ["model.patch_size=[1,2,2]", "tokenizer.base_channels=8", "tokenizer.steps=3", "tokenizer.batch_size=2"]
    words += ["tokenizer.res_blocks=1", "train.precision=float32"]
    assert main(["run", *words]) == 0
    cell = here / "runs/id_ood/smoke-faithful/uniform-dit_xxs-n300-seed0"
    assert (cell / "rows.csv").exists()
    (tokenizer,) = (here / "runs/tokenizers").glob("vae-32px-*")
    (weights,) = tokenizer.glob("vae.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert main(["run", *words]) == 2
    assert "vae.safetensors is damaged" in capsys.readouterr().err


def test_a_job_with_gpus_that_torch_cannot_use_stops_with_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PHYSLAW_EXPECT_GPUS", "99")
    assert main(["run", *TINY]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("physlaw: error: this job asked for 99 GPU(s), but torch")
    assert len(shown.splitlines()) == 1
    # at once: nothing was built or trained
    assert not [path for path in here.rglob("*") if path.suffix == ".safetensors" or path.name == "config.json"]


@pytest.mark.slow
def test_a_cell_trains_from_released_files_as_from_rendered_clips(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same clips through an npz file give the same weights; through mp4 other ones; a wrong file is named."""
    for out in ("clips.npz", "shards"):
        assert main(["simulate", "size=300", "resolution=16", f"out={out}"]) == 0
    weights = {}
    for name, files in (("rendered", []), ("npz", ["data.files=clips.npz"]), ("mp4", ["data.files=shards"])):
        assert main(["run", *TINY, f"runs=runs-{name}", *files]) == 0
        (card,) = (here / f"runs-{name}").rglob("provenance.json")
        weights[name] = json.loads(card.read_text())["weights_sha256"]
    assert weights["rendered"] == weights["npz"] != weights["mp4"]
    assert main(["simulate", "size=300", "count=5", "resolution=16", "out=few.npz"]) == 0
    assert main(["run", *TINY, "runs=runs-few", "data.files=few.npz"]) == 2
    assert "few.npz holds 5 clips; scenario=uniform size=300 has 300" in capsys.readouterr().err
