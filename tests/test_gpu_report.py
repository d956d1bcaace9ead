"""`physlaw bench gpu`: no result is lost, whatever happens to a stage or to the whole; here on a CPU."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from physlaw.bench.gpu import training
from physlaw.bench.gpu.child import Outcome, run_stage
from physlaw.bench.gpu.command import PRELOADED
from physlaw.bench.gpu.page import GOALS, faults, page, summary
from physlaw.bench.gpu.plan import STAGES, GpuReportConfig, missing_packages, stages_of
from physlaw.compose import compose_cell
from physlaw.errors import UserError
from physlaw.words import read

HELPER = """
import os, signal, subprocess, sys, time
def good(report, count):
    for k in range(count): report.row(k=k, nothing=float("nan"), inside={"infinite": float("inf")})
def hang(report):
    report.row(k=0)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    report.row(pid=child.pid)
    time.sleep(600)
def fail(report):
    report.row(k=0)
    raise ValueError("as expected\\nand more")
def crash(report):
    report.row(k=0)
    os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Outcome, list[dict[str, Any]]]]:
    (tmp_path / "stage_helper.py").write_text(HELPER)
    monkeypatch.syspath_prepend(tmp_path)

    def stage(name: str, limit_s: float = 60.0, **arguments: object) -> tuple[Outcome, list[dict[str, Any]]]:
        rows: list[dict[str, Any]] = []
        context, function = get_context("forkserver"), f"stage_helper:{name}"
        folder, log = tmp_path / name, tmp_path / "log"
        return run_stage(context, function, arguments, folder, log, limit_s, rows.append), rows

    return stage


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_stage_reports_row_after_row(run: Callable[..., Any]) -> None:
    outcome, rows = run("good", count=3)
    assert (outcome.state, outcome.why) == ("done", "")
    assert rows == [{"k": k, "nothing": None, "inside": {"infinite": None}} for k in range(3)]


def test_a_stage_that_hangs_is_cut_with_all_that_it_started(run: Callable[..., Any]) -> None:
    run("good", count=0)  # what all stages are forked from runs now
    outcome, rows = run("hang", limit_s=5.0)
    assert outcome.state == "cut"
    assert rows[0] == {"k": 0}
    deadline = time.monotonic() + 20
    while alive(rows[1]["pid"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("name", "why"), [("fail", "ValueError: as expected"), ("crash", "its process ended with -11")]
)
def test_a_stage_that_fails_says_why_and_keeps_its_rows(run: Callable[..., Any], name: str, why: str) -> None:
    outcome, rows = run(name)
    assert (outcome.state, outcome.why) == ("failed", why)
    assert rows == [{"k": 0}]


def card(monkeypatch: pytest.MonkeyPatch, gib: int) -> None:
    monkeypatch.setattr("physlaw.training.ranks.device", lambda: "cuda")
    known = SimpleNamespace(total_memory=gib * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: known)


@pytest.mark.parametrize(("gib", "xl"), [(79, 64), (139, 128), (23, 8)])
def test_as_much_of_a_batch_is_in_memory_as_fits(monkeypatch: pytest.MonkeyPatch, gib: int, xl: int) -> None:
    card(monkeypatch, gib)
    assert training.part_of_batch(compose_cell(["profile=paper", "model=dit_xl"])) == xl
    small = compose_cell(["profile=paper", "model=dit_s", "train.batch_size=16"])
    assert training.part_of_batch(small) == 0


def test_what_does_not_fit_is_tried_with_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "part_of_batch", lambda cell: 0)
    tried = []

    def measure(cell: Any) -> dict[str, int]:
        tried.append(cell.machine.batch_per_device)
        if len(tried) < 3:
            raise torch.OutOfMemoryError("too much")
        return {"fits": tried[-1]}

    cell = compose_cell(["profile=paper"])
    assert training._attempt(cell, measure) == {"fits": 64}
    assert tried == [0, 128, 64]
    tried.clear()
    monkeypatch.setattr(training, "TRIES", 2)
    assert training._attempt(cell, measure) == {"error": "out of memory with 128 clips at once: too much"}


def test_stages_are_asked_for_by_name() -> None:
    assert tuple(stages_of(GpuReportConfig())) == STAGES
    assert list(stages_of(GpuReportConfig(stages=("vae",)))) == ["device", "vae"]
    longer = stages_of(GpuReportConfig(minutes=16.0))
    assert longer["smoke"].limit_s == 2 * stages_of(GpuReportConfig())["smoke"].limit_s
    for words, message in (
        (["stages=[device,train_m]"], "unknown stage 'train_m'; valid: device"),
        (["minutes=long"], "minutes must be a finite number, got 'long'"),
        (["dry=perhaps"], "dry must be true or false, got 'perhaps'"),
        (["output=x"], "unknown key 'output'; valid: out"),
        (["dry"], "not key=value: 'dry'"),
    ):
        with pytest.raises(UserError) as error:
            read(GpuReportConfig, words)
        assert message in str(error.value)


def found(*stages: dict[str, Any], **values: Any) -> dict[str, Any]:
    known = {"dry": False, "state": "done", "seconds": 400.0, "missing": {"av": "mp4 files, nothing here"}}
    origin = {"commit": "0123456789abcdef", "code_digest": "fedcba9876543210"}
    filled = [{"what": "it", "state": "done", "why": "", "limit_s": 60.0, "seconds": 5.0, **stage} for stage in stages]
    return {**known, "provenance": origin, "stages": filled, **values}


STEP = {"way": "own", "model": "dit_s", "batch_size": 256, "steps": 20, "mfu": 0.2, "model_gflops_per_s": 2e5,
        "step_s": 0.1, "clips_per_s": 2560.0, "data_stall": 0.01, "peak_memory_gb": 30.0, "batch_per_device": 256,
        "compiled": "blocks", "first_step_s": 20.0}  # fmt: skip
DEVICE = {"name": "device", "rows": [
    {"card": "A card", "device": "cuda", "driver": "1.2", "torch": "2.11", "cuda": "13.0", "python": "3.12.3"},
    {"matmul_type": "bfloat16", "matmul_tflops": 800.0, "peak_tflops": 989.0, "peak_source": "data sheet",
     "copy_gb_per_s": 3000.0}]}  # fmt: skip


def test_goals_stand_beside_what_was_measured_and_are_called_goals() -> None:
    assert GOALS == {"dit_s": 0.25, "dit_b": 0.36, "dit_l": 0.43, "dit_xl": 0.46}
    failed = {"way": "own", "model": "dit_b", "error": "out of memory with 64 clips at once"}
    switches = [STEP, {**STEP, "way": "flash attention", "step_s": 0.09}, {"way": "cuDNN attention", "error": "none"}]
    text = page(
        found(
            DEVICE,
            {"name": "train_s", "rows": [STEP, {**STEP, "way": "eager float32", "step_s": 0.3}]},
            {"name": "train_b", "rows": [failed]},
            {"name": "train_xl", "state": "skipped", "why": "3 s were left", "rows": []},
            {"name": "deterministic", "rows": [{**STEP, "way": "deterministic", "step_s": 0.11}]},
            {"name": "switches", "rows": switches},
        )
    )
    assert text.startswith("# GPU report: A card\n")
    assert "driver 1.2, torch 2.11, CUDA 13.0, Python 3.12.3, commit 0123456789, code fedcba9876" in text
    assert "| dit_s | own           | 25 %     | 20.0 %" in text
    assert "failed: out of memory with 64 clips at once" in text
    assert "goals, set before any GPU was measured; the best public figure for DiT-S's size is 22.9 %" in text
    assert "3.0 times as fast as eager in float32" in text
    assert "Deterministic mode costs +10.0 % of DiT-S's step" in text
    assert "flash attention | 0.0900" in text
    assert "0.900" in text
    assert "3 s were left" in text
    assert "Missing package: av" in text


def test_what_went_wrong_is_named_and_more_of_it_in_a_rehearsal() -> None:
    stages = [
        {"name": "tests", "rows": [{"test": "test_a", "outcome": "failed", "seconds": 1.0, "why": "assert"}]},
        {"name": "train_b", "state": "cut", "rows": []},
        {"name": "smoke", "state": "failed", "rows": []},
        {"name": "switches", "rows": [{"way": "own", "error": "no"}, {"way": "cuDNN attention", "refused": "no GPU"}]},
    ]
    assert faults(found(*stages)) == ["smoke failed"]
    assert faults(found(*stages, dry=True)) == ["train_b cut", "smoke failed", "switches: no", "test_a failed"]


def test_nothing_measured_is_said_to_be_so() -> None:
    text = page(found(state="failed"))
    assert text.count("Not measured") == 6
    assert "0 passed, 0 failed, 0 skipped" in text
    assert len(summary(found())) <= 10


def test_without_a_gpu_it_says_so_and_how_to_rehearse(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = physlaw(tmp_path, "stages=[device]", "minutes=30")
    assert done.returncode == 2
    assert "torch sees no CUDA device here; dry=true rehearses" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "gpu.json").read_text())["stages"][0]["rows"][0]["device"] == "cpu"


def command(out: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "physlaw", "bench", "gpu", f"out={out}", *words]


def physlaw(out: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(out, *words), capture_output=True, text=True, env=os.environ | environment)


# Every Python that finds this first cannot import the packages that BLOCKED names; so no process of a report can.
BLOCKER = """
import os, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["BLOCKED"].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def blocking(folder: Path, *packages: str) -> dict[str, str]:
    (folder / "sitecustomize.py").write_text(BLOCKER)
    paths = [str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "BLOCKED": ",".join(packages)}


@pytest.mark.slow
def test_it_runs_where_packages_are_missing(tmp_path: Path) -> None:
    absent = ("av", "pymunk", "jinja2", "matplotlib", "xdist")
    rows: dict[str, list[dict[str, Any]]] = {}
    # The VAE trains for as long as there is time: it gets the usual one.
    for words in (["minutes=30", "stages=[device,train_b,sample_s,renderer,smoke]"], ["stages=[vae]"]):
        out = tmp_path / words[-1]
        done = physlaw(out, "dry=true", *words, **blocking(tmp_path, *absent))
        assert done.returncode == 0, done.stderr + (out / "gpu.log").read_text()
        for name in absent[:-1]:
            assert f"{name} is missing here" in done.stderr
        for stage in json.loads((out / "gpu.json").read_text())["stages"]:
            assert (stage["state"], stage["why"]) == ("done", ""), stage["name"]
            rows[stage["name"]] = stage["rows"]
        text = (out / "gpu.md").read_text()
        assert "could not be drawn" not in text
        assert "A rehearsal" in text
        assert f"torch {torch.__version__}" in text
    assert list(rows) == ["device", "train_b", "sample_s", "renderer", "smoke", "vae"]
    assert all(rows.values())
    assert not any("error" in row for name in rows for row in rows[name])
    assert rows["vae"][-1]["table_3"]["id"]["clips"] > 0
    assert {row["group"] for row in rows["smoke"]} == {"id", "ood"}


@pytest.mark.slow
def test_what_needs_a_missing_package_is_skipped_by_name(tmp_path: Path) -> None:
    words = ["dry=true", "minutes=30", "stages=[device,train_b,renderer]"]
    done = physlaw(tmp_path / "out", *words, **blocking(tmp_path, "hydra", "omegaconf"))
    assert done.returncode == 2  # in a rehearsal nothing may be missing
    assert "error: not everything went well: train_b skipped; see" in done.stderr
    assert "train_b: skipped, hydra, omegaconf missing" in done.stderr
    states = {s["name"]: s["state"] for s in json.loads((tmp_path / "out" / "gpu.json").read_text())["stages"]}
    assert states == {"device": "done", "train_b": "skipped", "renderer": "done"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_cut_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        command(tmp_path, "dry=true", "minutes=60", "stages=[device,vae]"), stderr=subprocess.PIPE
    )
    path = tmp_path / "gpu.json"
    deadline = time.monotonic() + 300

    def stages() -> dict[str, dict[str, Any]]:
        return {s["name"]: s for s in json.loads(path.read_text())["stages"]} if path.exists() else {}

    while "vae" not in stages():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert stages()["device"]["state"] == "done"
    assert "matmul_tflops" in stages()["device"]["rows"][1]
    assert (tmp_path / "gpu.md").read_text().startswith("# Dry run on")
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert stages()["vae"]["state"] == "stopped"
        assert b"Traceback" not in said


def test_what_stages_are_forked_from_has_not_asked_for_the_device() -> None:
    """CUDA that is asked for, if only whether it is there, cannot be used after a fork."""
    code = "import torch\ncalls = []\n"
    code += "torch.cuda.is_available = torch.cuda.device_count = lambda: calls.append(1) or 0\n"
    code += f"import importlib\nfor name in {PRELOADED}: importlib.import_module(name)\nassert not calls"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_packages_are_found() -> None:
    assert missing_packages() == []
