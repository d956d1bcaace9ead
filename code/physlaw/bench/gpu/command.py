"""Runs the stages one after the other and writes gpu.json and gpu.md anew after every result."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

from physlaw.bench.gpu.child import run_stage
from physlaw.bench.gpu.page import faults, page, summary
from physlaw.bench.gpu.plan import HERE, LEAST_S, USES, VAE_S, GpuReportConfig, Stage, missing_packages, stages_of
from physlaw.errors import UserError
from physlaw.files import write_json, write_text
from physlaw.provenance import provenance

CLOSING_S = 4.0  # of the whole time, to end in
# Imported once, in the process that the stages' processes are forked from; none of it touches the device.
PRELOADED = [f"{HERE}.training", f"{HERE}.stages", f"{HERE}.vae"]


class _Pages:
    """What has been found so far, in memory and in the two files."""

    def __init__(self, config: GpuReportConfig, missing: list[str]) -> None:
        self.folder, self.started = Path(config.out), time.monotonic()
        self.found: dict[str, Any] = {
            "what": "physlaw bench gpu",
            "dry": config.dry,
            "state": "running",
            "minutes": config.total_s / 60,
            "seconds": 0.0,
            "missing": {name: USES[name] for name in missing},
            "stages": [],
            "provenance": provenance(),
        }

    def begin(self, name: str, stage: Stage, limit_s: float) -> dict[str, Any]:
        entry = {"name": name, "what": stage.what, "state": "running", "why": "", "limit_s": round(limit_s, 1)}
        entry |= {"seconds": None, "rows": []}
        self.found["stages"].append(entry)
        self.write()
        return entry

    def write(self) -> None:
        self.found["seconds"] = round(time.monotonic() - self.started, 1)
        write_json(self.folder / "gpu.json", self.found)
        try:
            text = page(self.found)
        except Exception as error:  # of the page alone: measuring goes on
            text = f"This page could not be drawn ({type(error).__name__}: {error}); gpu.json has everything.\n"
        write_text(self.folder / "gpu.md", text)


def _say(text: str) -> None:
    print(f"physlaw: {text}", file=sys.stderr, flush=True)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def bench_gpu(config: GpuReportConfig) -> dict[str, Any]:
    """The whole report; returns what is in gpu.json.

    Raises:
        UserError: no torch, or no CUDA device and no dry run; at the end, if something failed (names it).
    """
    missing = missing_packages()
    for name in missing:
        _say(f"{name} is missing here ({USES[name]})")
    if "torch" in missing:
        raise UserError("bench gpu needs torch, which this Python has not; choose another with PYTHON=")
    pages = _Pages(config, missing)
    log = pages.folder / "gpu.log"
    pages.write()
    log.write_text("")
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    work = Path(tempfile.mkdtemp(prefix="physlaw-gpu-"))
    old = signal.signal(signal.SIGTERM, _terminate)
    try:
        for name, stage in stages_of(config).items():
            _run(config, pages, name, stage, missing, (context, work / name, log))
        pages.found["state"] = "done"
    except KeyboardInterrupt:
        pages.found["state"] = "stopped"
        for entry in pages.found["stages"]:
            entry["state"] = "stopped" if entry["state"] == "running" else entry["state"]
        raise
    finally:
        signal.signal(signal.SIGTERM, old)
        pages.found["state"] = pages.found["state"].replace("running", "failed")
        pages.write()
        shutil.rmtree(work, ignore_errors=True)
        _say(f"{pages.folder / 'gpu.md'} has what was measured")
    print("\n".join(summary(pages.found)))
    if named := faults(pages.found):
        raise UserError(f"not everything went well: {'; '.join(named)}; see {log}")
    return pages.found


def _run(config: GpuReportConfig, pages: _Pages, name: str, stage: Stage, missing: list[str], where: Any) -> None:
    """One stage, or why it is skipped."""
    left_s = config.total_s - CLOSING_S - (time.monotonic() - pages.started)
    asked = stages_of(config)
    allowed_s = min(stage.limit_s, left_s - (VAE_S if "vae" in asked and name != "vae" and not config.dry else 0))
    absent = [package for package in stage.needs if package in missing]
    entry = pages.begin(name, stage, max(allowed_s, 0.0))
    if absent or allowed_s < LEAST_S:
        entry["state"] = "skipped"
        entry["why"] = f"{', '.join(absent)} missing" if absent else f"{max(left_s, 0):.0f} s were left"
        _say(f"{name}: skipped, {entry['why']}")
        pages.write()
        return
    _say(f"{name}: {stage.what}, at most {allowed_s:.0f} s")
    context, folder, log = where
    with log.open("a") as stream:
        stream.write(f"\n===== {name}: {stage.what}\n")

    def keep(row: dict[str, Any]) -> None:
        entry["rows"].append(row)
        pages.write()

    outcome = run_stage(context, stage.function, stage.arguments, folder, log, allowed_s, keep)
    entry |= {"state": outcome.state, "seconds": outcome.seconds, "why": outcome.why}
    pages.write()
    _say(f"{name}: {outcome.state} after {outcome.seconds:.0f} s{f', {outcome.why}' if outcome.why else ''}")
    if name == "device" and not config.dry and not any(row.get("device") == "cuda" for row in entry["rows"]):
        raise UserError("torch sees no CUDA device here; dry=true rehearses every stage on a CPU")
