"""Runs the stages one after the other and writes gpu.json and gpu.md anew after every result."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from physlaw.bench.gpu.child import run_stage
from physlaw.bench.gpu.page import faults, page, summary
from physlaw.bench.gpu.plan import HERE, LEAST_S, USES, VAE_S, GpuReportConfig, missing_packages, stages_of
from physlaw.errors import UserError
from physlaw.files import write_json, write_text
from physlaw.provenance import provenance

CLOSING_S = 4.0  # of the whole time, to end in
# Imported once, in the process that the stages' processes are forked from; none of it touches the device.
PRELOADED = [f"{HERE}.training", f"{HERE}.stages", f"{HERE}.vae"]


class _Run:
    """A report on its way: what has been found so far, in memory and in the two files."""

    def __init__(self, config: GpuReportConfig, missing: list[str]) -> None:
        self.config, self.missing, self.plan = config, missing, stages_of(config)
        self.folder, self.started = Path(config.out), time.monotonic()
        self.log, self.work = self.folder / "gpu.log", Path(tempfile.mkdtemp(prefix="physlaw-gpu-"))
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
        self.write()
        self.log.write_text("", encoding="utf-8")

    def write(self) -> None:
        self.found["seconds"] = round(time.monotonic() - self.started, 1)
        write_json(self.folder / "gpu.json", self.found)
        try:
            text = page(self.found)
        except Exception as error:  # of the page alone: measuring goes on
            text = f"This page could not be drawn ({type(error).__name__}: {error}); gpu.json has everything.\n"
        write_text(self.folder / "gpu.md", text)

    def all_stages(self) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        first = context.Process(target=int)  # imports them, before any stage's time runs
        first.start()
        first.join()
        for name in self.plan:
            self.stage(context, name)
            if name == "device" and not self.config.dry:
                self._check_device()

    def stage(self, context: ForkServerContext, name: str) -> None:
        """Run one stage, or say why it is skipped."""
        stage = self.plan[name]
        left_s = self.config.total_s - CLOSING_S - (time.monotonic() - self.started)
        kept_s = VAE_S if "vae" in self.plan and name != "vae" and not self.config.dry else 0
        allowed_s = max(0.0, min(stage.limit_s, left_s - kept_s))
        entry: dict[str, Any] = {
            "name": name,
            "what": stage.what,
            "state": "running",
            "why": "",
            "limit_s": round(allowed_s, 1),
        }
        entry |= {"seconds": None, "rows": []}
        self.found["stages"].append(entry)
        absent = [package for package in stage.needs if package in self.missing]
        if absent or allowed_s < LEAST_S:
            entry["state"] = "skipped"
            entry["why"] = f"{', '.join(absent)} missing" if absent else f"{max(left_s, 0):.0f} s were left"
            _say(f"{name}: skipped, {entry['why']}")
            self.write()
            return
        self.write()
        _say(f"{name}: {stage.what}, at most {allowed_s:.0f} s")
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(f"\n===== {name}: {stage.what}\n")

        def keep(row: dict[str, Any]) -> None:
            entry["rows"].append(row)
            self.write()

        outcome = run_stage(context, stage.function, stage.arguments, self.work / name, self.log, allowed_s, keep)
        entry |= {"state": outcome.state, "seconds": outcome.seconds, "why": outcome.why}
        self.write()
        _say(f"{name}: {outcome.state} after {outcome.seconds:.0f} s{f', {outcome.why}' if outcome.why else ''}")

    def _check_device(self) -> None:
        if any(row.get("device") == "cpu" for row in self.found["stages"][0]["rows"]):
            raise UserError("torch sees no CUDA device here; dry=true rehearses every stage on a CPU")

    def stop(self) -> None:
        self.found["state"] = "stopped"
        for entry in self.found["stages"]:
            entry["state"] = "stopped" if entry["state"] == "running" else entry["state"]


def _say(text: str) -> None:
    print(f"physlaw: {text}", file=sys.stderr, flush=True)


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
    # A killed stage leaves what Python would warn of at the end.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    run = _Run(config, missing)
    try:
        run.all_stages()
        run.found["state"] = "done"
    except KeyboardInterrupt:
        run.stop()
        raise
    finally:
        if run.found["state"] == "running":
            run.found["state"] = "failed"
        run.write()
        shutil.rmtree(run.work, ignore_errors=True)
        _say(f"{run.folder / 'gpu.md'} has what was measured")
    print("\n".join(summary(run.found)))
    if named := faults(run.found):
        raise UserError(f"not everything went well: {'; '.join(named)}; see {run.log}")
    return run.found
