"""`physlaw status`: how every cell of a study does, from run folders and the queue. Runs without torch or numpy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from physlaw.config import FAILURE, CellConfig
from physlaw.errors import UserError
from physlaw.files import read_text, visible
from physlaw.launch.job import last_lines
from physlaw.launch.plan import is_finished, plan_of, read_manifest
from physlaw.launch.queue import jobs_in_queue
from physlaw.lease import holder

STALLED_S = 900  # a running cell whose log has been silent for so long is worth a look


def last_record(folder: Path) -> dict[str, Any]:
    """The last whole line of train.jsonl; empty when there is none."""
    for line in reversed(last_lines(folder / "train.jsonl", 3).splitlines()):
        try:
            return dict(json.loads(line))
        except (json.JSONDecodeError, ValueError):
            continue
    return {}


def progress(cell: CellConfig) -> str:
    """Steps done, rate, time left, or the evaluation that follows."""
    if (cell.folder / "provenance.json").is_file():
        blocks = len(visible(cell.folder / "eval", "*.csv"))
        return f"trained, {blocks} evaluation blocks done"
    record = last_record(cell.folder)
    if not record:
        return "no step logged yet"
    step, rate = record["step"], record.get("steps_per_s", 0.0)
    left = (cell.train.steps - step) / rate if rate else float("nan")
    text = f"step {step} of {cell.train.steps}, {rate:.3g} steps/s, {left / 60:.0f} min left"
    silent = time.time() - (cell.folder / "train.jsonl").stat().st_mtime
    return text + (f", silent for {silent / 60:.0f} min" if silent > STALLED_S else "")


def starts(log: Path) -> int:
    """How often the cell's job has started."""
    try:
        with log.open(encoding="utf-8", errors="replace") as stream:
            return sum(line.startswith("--- ") for line in stream)
    except OSError:
        return 0


def cell_states(words: list[str]) -> Iterator[tuple[CellConfig, str, str]]:
    """(cell, state, what there is to say) of every cell; states: finished, running, pending, failed, stopped,
    not launched."""
    plan = plan_of(words)
    manifest = read_manifest(plan.folder)
    queue: dict[str, tuple[str, str]] = {}
    if manifest["cells"]:
        try:
            queue = jobs_in_queue()
        except UserError as error:
            yield plan.cells[0], "queue", str(error)
    for cell in plan.cells:
        known = manifest["cells"].get(cell.name)
        again = starts(Path(known["log"])) - 1 if known else 0
        note = f"; went back to the queue {again} times" if again > 0 else ""
        if is_finished(cell):
            yield cell, "finished", note[2:]
        elif known and known["job"] in queue:
            state, reason = queue[known["job"]]
            if state == "running":
                yield cell, "running", progress(cell) + note
            elif reason == "DependencyNeverSatisfied":
                yield cell, "failed", _why_dependency(known, manifest)
            else:
                yield cell, "pending", f"{reason}{note}"
        elif (worker := holder(cell.folder)) is not None:
            yield cell, "running", f"{progress(cell)} ({worker})"
        elif known:
            cause = (
                _why_dependency(known, manifest) if not Path(known["log"]).exists() else last_lines(Path(known["log"]))
            )
            yield cell, "failed", cause + note
        elif (cell.folder / FAILURE).is_file():
            yield cell, "failed", read_text(cell.folder / FAILURE).rstrip()
        elif (cell.folder / "config.json").is_file():
            yield cell, "stopped", f"{progress(cell)}; no process works on it"
        else:
            yield cell, "not launched", ""


def _why_dependency(known: dict[str, Any], manifest: dict[str, Any]) -> str:
    """What a job waited for, and how that ended; a job that never started itself waited for another."""
    for key, job in manifest["prepare"].items():
        if job["job"] in known.get("after", []):
            if Path(job["log"]).is_file():
                return f"it waited for {key} (job {job['job']}), whose log ends with:\n{last_lines(Path(job['log']))}"
            return _why_dependency(job, manifest)
    return "its job left the queue before it started"


def status(words: list[str]) -> int:
    """Print every cell's state and the sums; returns the number of failed cells."""
    sums: dict[str, int] = {}
    for cell, state, text in cell_states(words):
        if state == "queue":
            print(f"physlaw: {text}")
            continue
        sums[state] = sums.get(state, 0) + 1
        lines = text.splitlines()
        print(f"{cell.name}: {state}" + (f": {lines[0]}" if lines else ""))
        for line in lines[1:]:
            print(f"    {line}")
    print(", ".join(f"{count} {state}" for state, count in sorted(sums.items())))
    return sums.get("failed", 0)
