"""Why a job ended: what SLURM still knows of it, and what stands in submitit's log of it."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Dict, Iterable

from physlaw.launch.job import last_lines
from physlaw.launch.limits import answer

LINES = 60  # of submitit's log: the end of the last start
STATES = {
    "OUT_OF_MEMORY": "out of memory: ask for more (mem_gb)",
    "TIMEOUT": "its time was up before it had saved: a longer time_min, or an earlier warning (signal_delay_s)",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "preempted, and not put back into the queue",
    "CANCELLED": "cancelled",
    "DEADLINE": "its deadline passed",
}
_SAID = (
    (r"oom[-_ ]kill|out of memory", "OUT_OF_MEMORY"),
    (r"DUE TO TIME LIMIT", "TIMEOUT"),
    (r"DUE TO NODE FAILURE", "NODE_FAIL"),
    (r"DUE TO PREEMPTION", "PREEMPTED"),
    (r"\*\*\* .*CANCELLED AT", "CANCELLED"),
)


def is_held(reason: str) -> bool:
    """A pending job that waits until somebody releases it, e.g. "launch failed requeued held"."""
    return reason in ("JobHeldUser", "JobHeldAdmin") or "held" in reason.replace("_", " ").split()


def states_of_ended(jobs: Iterable[str]) -> Dict[str, str]:
    """job or <array>_<task> -> SLURM's state of jobs that have left the queue: by sacct, or for some minutes by squeue.

    Empty where neither answers.
    """
    arrays = sorted({job.partition("_")[0] for job in jobs})
    if not arrays:
        return {}
    command = ["sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State"]
    text = answer(*command, f"--jobs={','.join(arrays)}")
    text = text or answer("squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i|%T")
    lines = [line.split("|") for line in text.splitlines()]
    return {line[0].strip(): line[1].split()[0] for line in lines if len(line) > 1 and line[1].strip()}


def submitit_log(folder: Path, job: str) -> Path:
    """What submitit and SLURM said of a job; `folder` is that of the launch."""
    return folder / "jobs" / f"{job}_0_log.out"


def cause_of(state: str, log: Path) -> str:
    """One line; empty where nothing is known. `state` is SLURM's, or empty."""
    text = last_lines(log, LINES) if log.is_file() else ""
    for pattern, name in _SAID:
        if re.search(pattern, text, re.IGNORECASE):
            state = state if state in STATES else name
    if state in STATES:
        return STATES[state]
    found = re.findall(r"exit status (-?\d+); ", text)
    return exit_text(int(found[-1])) if found else state.lower().replace("completed", "")


def exit_text(status: int) -> str:
    """An exit status in words; a signal by its name."""
    number = -status if status < 0 else status - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"exit status {status}"
    return f"killed by {name}" + (", as a node does when its memory is short" if name == "SIGKILL" else "")
