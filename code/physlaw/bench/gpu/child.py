"""One stage in a process of its own, which can be killed at its limit; what it has reported until then is kept."""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess, parent_process
from pathlib import Path
from typing import Any

POLL_S = 0.2
FAILED = "failed"  # a stage's last line, where it failed: why


class Report:
    """What a stage reports to: one row after the other, at once."""

    def __init__(self, path: Path, deadline: float) -> None:
        self.folder = path.parent  # the stage's own, removed at the end
        self._path, self._deadline = path, deadline

    def row(self, **values: Any) -> None:
        """One result, as plain data."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(_plain(values), allow_nan=False) + "\n")

    @property
    def left_s(self) -> float:
        """Until the stage is killed."""
        return self._deadline - time.monotonic()


def _plain(value: Any) -> Any:
    """As JSON can hold it: None for what is no number."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: done, failed, or cut at its limit; and why."""

    state: str
    seconds: float
    why: str = ""


def _end_with(report: BaseProcess) -> None:
    """Kill this process and what it has started once the report's ends, however it ends: the server that both came
    from lives as long as either."""
    report.join()
    os.killpg(0, signal.SIGKILL)


def _work(function: str, arguments: dict[str, Any], rows: Path, log: Path, deadline: float) -> None:
    os.setsid()  # what it starts is killed with it
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    report = Report(rows, deadline)
    try:
        module, name = function.split(":")
        getattr(import_module(module), name)(report, **arguments)
    except BaseException as error:
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0][:200]
        report.row(**{FAILED: f"{type(error).__name__}: {first}"})
    finally:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(f"{sum(one.ru_utime + one.ru_stime for one in used):.0f} s of processor time")
        sys.stdout.flush()
        sys.stderr.flush()


def run_stage(
    context: ForkServerContext,
    function: str,
    arguments: dict[str, Any],
    folder: Path,
    log: Path,
    limit_s: float,
    keep: Callable[[dict[str, Any]], None],
) -> Outcome:
    """Call a function of ours, "module:name", in a new process with a Report and the arguments.

    Args:
        folder: an empty one, for the rows on their way.
        log: a file that gets what the process prints.
        keep: called with every row as it comes.
    """
    folder.mkdir(parents=True)
    rows, started = folder / "rows.jsonl", time.monotonic()
    process = context.Process(target=_work, args=(function, arguments, rows, log, started + limit_s))
    process.start()
    read, failure = 0, ""

    def take() -> None:
        nonlocal read, failure
        lines = rows.read_text(encoding="utf-8").split("\n") if rows.exists() else [""]
        for line in lines[read:-1]:
            row = json.loads(line)
            if FAILED in row:
                failure = row[FAILED]
            else:
                keep(row)
        read = len(lines) - 1

    try:
        while process.is_alive() and time.monotonic() - started < limit_s:
            process.join(POLL_S)
            take()
        cut = process.is_alive()
    finally:
        _kill(process)
    take()
    seconds = round(time.monotonic() - started, 1)
    if cut:
        return Outcome("cut", seconds, f"at its limit of {limit_s:.0f} s")
    if failure or process.exitcode:
        return Outcome("failed", seconds, failure or f"its process ended with {process.exitcode}")
    return Outcome("done", seconds)


def _kill(process: BaseProcess) -> None:
    """The stage, and what it has started, which may outlive it."""
    assert process.pid
    process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
