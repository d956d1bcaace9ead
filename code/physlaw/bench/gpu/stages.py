"""The other stages: the device itself, the tests that need it, the renderer, the smoke study."""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from physlaw.bench.gpu.child import Report
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.profiles import REPOSITORY

ROWS = "PHYSLAW_TEST_ROWS"  # the file that gets a line per test
WORKERS, MIN_CORES = 8, 8  # tests at once on one card, where there are cores for it: most of them compile
AFTER_S = 3.0  # before the limit a stage stops by itself what it started, to say how far it came


def device(report: Report, size: int) -> None:
    """What is here and what it reaches: a bfloat16 matrix product, a copy of `size` bytes."""
    import torch

    from physlaw.bench.device import copy_gb_per_s, matmul_tflops, peak_tflops
    from physlaw.provenance import hardware
    from physlaw.training import ranks
    from physlaw.training.precision import resolve_precision

    facts = {
        "card": hardware()["processor"],
        "device": "cpu",
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        facts |= {
            "card": card.name,
            "device": "cuda",
            "driver": _driver(),
            "cudnn": torch.backends.cudnn.version(),
            "triton": _version("triton"),
            "memory_gib": round(card.total_memory / 2**30, 1),
            "multiprocessors": card.multi_processor_count,
            "capability": f"{card.major}.{card.minor}",
        }
    report.row(**facts)  # at once: all else may fail
    if facts["device"] == "cpu":
        size = min(size, 1 << 24)  # nobody waits for a rehearsal's figure
    precision = resolve_precision("auto", ranks.device())
    rate = matmul_tflops(getattr(torch, precision))
    peak, source = peak_tflops(precision) if facts["device"] == "cuda" else (rate, "as measured")
    report.row(
        matmul_type=precision,
        matmul_tflops=round(rate, 3),
        peak_tflops=round(peak, 3),
        peak_source=source,
        copy_gb_per_s=round(copy_gb_per_s(size), 1),
    )


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return (
            subprocess.run(query, capture_output=True, encoding="utf-8", errors="replace", timeout=10)
            .stdout.split("\n")[0]
            .strip()
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def tests(report: Report) -> None:
    """A row per test that is marked gpu, as it ends; all of them, whatever fails.

    Raises:
        UserError: no tests here.
    """
    folder = REPOSITORY / "tests"
    files = sorted(str(path) for path in folder.rglob("test_*.py") if "mark.gpu" in path.read_text(encoding="utf-8"))
    if not files:
        raise UserError(f"no tests marked gpu in {folder}")
    words = [sys.executable, "-m", "pytest", *files, "-m", "gpu", "-p", "physlaw.bench.gpu.pytest_rows"]
    words += ["-p", "no:cacheprovider", "--continue-on-collection-errors", "--rootdir", str(REPOSITORY)]
    if find_spec("xdist") and len(os.sched_getaffinity(0)) >= MIN_CORES:
        words += ["-n", str(WORKERS)]
    rows = report.folder / "tests.jsonl"
    environment = os.environ | {ROWS: str(rows)}
    process = subprocess.Popen(words, cwd=REPOSITORY, env=environment)
    read = 0
    while True:
        ended = process.poll() is not None
        lines = rows.read_text(encoding="utf-8").split("\n") if rows.exists() else [""]
        for line in lines[read:-1]:
            report.row(**json.loads(line))
        read = len(lines) - 1
        if ended:
            break
        time.sleep(0.2)
    if process.returncode not in (0, 1, 5):  # passed, some failed, none chosen
        raise UserError(f"pytest ended with {process.returncode}, see gpu.log")


def renderer(report: Report, clips: int, resolution: int) -> None:
    """Seconds of drawing so many clips on the device, and of filling the memory that they take."""
    import numpy as np
    import torch

    from physlaw.bench.device import best_seconds, synchronize
    from physlaw.render.gpu import render_clips_torch
    from physlaw.training import ranks
    from physlaw.worlds.scenarios import SCENARIOS
    from physlaw.worlds.scenes import training_scenes

    place, compiled = ranks.device(), ranks.device() == "cuda"
    for scenario in ("uniform", "collision"):
        trajectory = training_scenes(SCENARIOS[scenario], "30k").trajectory(np.arange(clips))

        def draw(trajectory=trajectory) -> torch.Tensor:  # type: ignore[no-untyped-def]
            return render_clips_torch(trajectory, resolution, device=place, compiled=compiled, chunk=clips)

        started = time.perf_counter()
        frames = draw()
        synchronize()
        first_s = time.perf_counter() - started
        drawing, filling = best_seconds(draw, 5), best_seconds(lambda frames=frames: frames.fill_(7), 5)  # type: ignore[misc]
        size = frames.numel()
        report.row(
            scenario=scenario,
            clips=clips,
            resolution=resolution,
            compiled=compiled,
            render_s=drawing,
            clips_per_s=round(clips / drawing, 1),
            render_gb_per_s=round(size / drawing / 1e9, 3),
            fill_s=filling,
            fill_gb_per_s=round(size / filling / 1e9, 3),
            times_fill=round(drawing / filling, 2),
            first_s=round(first_s, 2),
        )


def smoke(report: Report, words: list[str]) -> None:
    """The smoke study's cells, each in a process of its own and all at once, beside the committed numbers.

    words: that make them smaller, in a rehearsal. A cell that has not finished in time is a row that says how far it
    came.
    """
    from physlaw.launch.cells import study_cells

    words = ["profile=smoke", *words, f"runs={report.folder / 'runs'}"]
    running = {}
    for number, cell in enumerate(study_cells(words)):
        command = [sys.executable, "-m", "physlaw", "run", *words, f"number={number}"]
        environment = os.environ | {"PHYSLAW_PLAIN_PROGRESS": "1"}
        running[subprocess.Popen(command, env=environment)] = cell
    started = time.monotonic()
    while running:
        for process in [p for p in running if p.poll() is not None]:
            cell = running.pop(process)
            if process.returncode:
                report.row(cell=cell.name, error=f"ended with {process.returncode}, see gpu.log")
                continue
            for row in _beside_committed(cell):
                report.row(seconds=round(time.monotonic() - started, 1), **row)
        if report.left_s < AFTER_S:
            for cell in running.values():
                report.row(cell=cell.name, error=f"not finished: {_progress(cell)}")
            return
        time.sleep(0.2)


def _progress(cell: CellConfig) -> str:
    log = cell.folder / "train.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    done = json.loads(lines[-1])["step"] if lines else 0
    return f"{done} of {cell.train.steps} steps"


def _beside_committed(cell: CellConfig) -> list[dict[str, object]]:
    """In and out of distribution: the cell's error here and the committed one."""
    path = REPOSITORY / "results" / cell.study / cell.table / "metrics.csv"
    committed = [row for row in _table(path) if row["cell"] == cell.name] if path.exists() else []
    known = json.loads((cell.folder / "provenance.json").read_text(encoding="utf-8"))
    rows = []
    for group in ("id", "ood"):
        (here,) = (row for row in _table(cell.folder / "rows.csv") if row["group"] == group)
        there = next((row for row in committed if row["group"] == group), None)
        rows.append(
            {
                "cell": cell.name,
                "group": group,
                "error_here": float(here["generated_corrected"]),
                "error_committed": float(there["generated_corrected"]) if there else None,
                "same_configuration": bool(there) and there["config_digest"] == cell.digest(),  # type: ignore[index]
                "tolerance": cell.grid.tolerance,
                "train_s": known["train_seconds"],
                "train_s_committed": float(there["train_seconds"]) if there else None,
            }
        )
    return rows


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
