"""`physlaw status`: how every cell of a study does, from run folders and the queue. Runs without torch or numpy."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from physlaw.config import FAILURE, CellConfig
from physlaw.errors import UserError
from physlaw.files import read_text, visible
from physlaw.launch.causes import cause_of, is_held, states_of_ended, submitit_log
from physlaw.launch.job import last_lines
from physlaw.launch.plan import Plan, is_finished, plan_of, read_manifest
from physlaw.launch.queue import jobs_in_queue
from physlaw.lease import holder

ORDER = ("failed", "held", "stopped", "running", "pending", "not launched", "finished")
WIDTH = 120
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
    """(cell, state, what there is to say) of every cell; states: see ORDER."""
    plan = plan_of(words)
    yield from _states(plan, read_manifest(plan.folder))


def _states(plan: Plan, manifest: dict[str, Any]) -> Iterator[tuple[CellConfig, str, str]]:
    ended: dict[str, str] | None = None  # SLURM is asked once, if any job has left the queue
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
            elif is_held(reason):
                text = f"{reason}; it waits for: scontrol release {known['job']}"
                yield cell, "held", text + _log_of(plan.folder, known)
            else:
                yield cell, "pending", f"{reason}{note}"
        elif (worker := holder(cell.folder)) is not None:
            yield cell, "running", f"{progress(cell)} ({worker})"
        elif known:
            if ended is None:
                ended = states_of_ended(job["job"] for job in manifest["cells"].values() if job["job"] not in queue)
            yield cell, "failed", _why_failed(plan.folder, known, manifest, ended) + note
        elif (cell.folder / FAILURE).is_file():
            yield cell, "failed", read_text(cell.folder / FAILURE).rstrip()
        elif (cell.folder / "config.json").is_file():
            yield cell, "stopped", f"{progress(cell)}; no process works on it"
        else:
            yield cell, "not launched", ""


def _why_failed(folder: Path, known: dict[str, Any], manifest: dict[str, Any], ended: dict[str, str]) -> str:
    """Why a job that has left the queue did not finish its cell: a line, the end of its log, where the log is."""
    own, log = submitit_log(folder, known["job"]), Path(known["log"])
    state = ended.get(known["job"], "")
    cause = cause_of(state, own)
    if not log.exists() and not own.exists():
        waited = state == "CANCELLED" and known.get("after")  # so SLURM ends a job whose dependency failed
        return _why_dependency(known, manifest) if waited or not cause else cause
    text = last_lines(log if log.exists() else own)
    return "\n".join(part for part in (cause, text) if part) + _log_of(folder, known)


def _log_of(folder: Path, known: dict[str, Any]) -> str:
    """A line that names the job's log, the supervisor's where the cell has none yet; empty if there is neither."""
    for path in (Path(known["log"]), submitit_log(folder, known["job"])):
        if path.exists():
            return f"\nlog: {path}"
    return ""


def _why_dependency(known: dict[str, Any], manifest: dict[str, Any]) -> str:
    """What a job waited for, and how that ended; a job that never started itself waited for another."""
    for key, job in manifest["prepare"].items():
        if job["job"] in known.get("after", []):
            if Path(job["log"]).is_file():
                return f"it waited for {key} (job {job['job']}), whose log ends with:\n{last_lines(Path(job['log']))}"
            return _why_dependency(job, manifest)
    return "its job left the queue before it started"


def status(words: list[str], as_json: bool = False) -> int:
    """Print how many cells are in which state, then every cell by state; returns how many failed or are held.

    As JSON one object on a line, {"study", "table", "counts": {state: n}, "cells": [{"cell", "state", "why", "job",
    "log"}]}.
    """
    plan = plan_of(words)
    manifest = read_manifest(plan.folder)
    groups: dict[str, list[tuple[str, str]]] = {}
    for cell, state, text in _states(plan, manifest):
        if state == "queue":
            print(f"physlaw: {text}", file=sys.stderr if as_json else sys.stdout)
        else:
            groups.setdefault(state, []).append((cell.name, text))
    counts = {state: len(groups[state]) for state in ORDER if state in groups}
    if as_json:
        cells = [
            {"cell": name, "state": state, "why": text, **{key: known.get(key) for key in ("job", "log")}}
            for state in counts
            for name, text in groups[state]
            for known in [manifest["cells"].get(name, {})]
        ]
        print(
            json.dumps({"study": plan.cells[0].study, "table": plan.cells[0].table, "counts": counts, "cells": cells})
        )
    else:
        print(", ".join(f"{count} {state}" for state, count in counts.items()))
        for state in counts:
            print(*_lines(state, groups[state]), sep="\n")
    return counts.get("failed", 0) + counts.get("held", 0)


def _lines(state: str, cells: list[tuple[str, str]]) -> Iterator[str]:
    """A line for each cell that has something of its own to say; the names of the others together."""
    alike: dict[str, list[str]] = {}
    for name, text in cells:
        alike.setdefault(text, []).append(name)
    for text, names in alike.items():
        if state in ("pending", "not launched", "finished") and len(names) > 1:
            said = f"{len(names)} {state}" + (f": {text}" if text else "")
            yield f"{said}:"
            yield from textwrap.wrap(" ".join(names), WIDTH, initial_indent="    ", subsequent_indent="    ",
                                     break_on_hyphens=False)  # fmt: skip
            continue
        first, *rest = text.splitlines() or [""]
        for name in names:
            yield f"{name}: {state}" + (f": {first}" if first else "")
            yield from (f"    {line}" for line in rest)
