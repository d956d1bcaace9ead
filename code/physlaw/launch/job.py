"""One job on a compute node: a supervisor that runs a cell as its child, hands signals on and gives way.

It runs outside the container, with the standard library and submitit alone; the child may run inside one. On the
cluster's signal the child saves a checkpoint and ends, and then the job goes back to the queue.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from physlaw import signals
from physlaw.lease import slurm_job
from physlaw.words import from_environment

INTERRUPTED = 130  # the child's exit status after it has saved
ENDED_BY_SIGNAL = (INTERRUPTED, *(-number for number in signals.STOP))  # the others: before it answered them
# SLURM signals every process of a step. A container's file system is served by one of them (FUSE), which USR2 would
# end before the cell has saved; URG is ignored by whoever does not wait for it. submitit reads it from this variable.
SIGNAL, SIGNAL_VARIABLE = "URG", "SUBMITIT_PREEMPT_SIGNAL"
SAVING_PATIENCE_S = 90.0
LAST_LINES = 12


class CellFailed(RuntimeError):
    """The cell ended with an error; the message ends with its last lines."""


@dataclass
class CellJob:
    """Callable that submitit runs, and asks for a checkpoint before the job is stopped.

    With several processes per cell every one has its supervisor; the first one's speaks for the job.

    command: of the child, as the site writes it; ~ and shell variables in it are expanded on the node, and then every
    name in `places` by its value. words: follow it as they are. log: its output, appended to; of rank k > 0 beside it
    with -k in the name.
    """

    command: list[str]
    log: str
    environment: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _stopping: bool = False

    def __call__(self) -> None:
        rank = from_environment("SLURM_PROCID")
        log = Path(self.log)
        if rank:
            log = log.with_name(f"{log.stem}-{rank}{log.suffix}")
        log.parent.mkdir(parents=True, exist_ok=True)
        # The usual warnings ask for the same.
        signals.answer(signal.getsignal(signal.SIGURG), (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2))
        with log.open("ab") as stream:
            stream.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} job {slurm_job() or 'local'}\n".encode())
            stream.flush()
            self._child = subprocess.Popen(
                self._command(), stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, **self.environment}
            )
            status = self._wait()
        if status == 0:
            return
        if status in ENDED_BY_SIGNAL and not self._stopping:
            # The signal reached the child alone or first (preemption without a warning, scancel --signal).
            if rank:
                return  # the first one's supervisor puts the job back
            requeue()
        raise CellFailed(f"exit status {status}; {log} ends with:\n{last_lines(log)}")

    def _command(self) -> list[str]:
        expanded = [os.path.expanduser(os.path.expandvars(word)) for word in self.command]
        if self.places:
            place = re.compile("|".join(map(re.escape, self.places)))
            expanded = [place.sub(lambda found: self.places[found.group()], word) for word in expanded]
        return [*expanded, *self.words]

    def _wait(self) -> int:
        # Not Popen.wait: the signal handler asks for the child's state while this loop waits for it.
        assert self._child is not None
        while self._child.poll() is None:
            time.sleep(0.2)
        return self._child.returncode

    def checkpoint(self) -> Any:
        """Let the child save and end; returns what submitit puts back into the queue."""
        from submitit.helpers import DelayedSubmission

        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + SAVING_PATIENCE_S
            while self._child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            if self._child.poll() is None:
                self._child.kill()
        return DelayedSubmission(CellJob(self.command, self.log, self.environment, self.words, self.places))


def requeue() -> None:
    """Put this SLURM job back into the queue, unless SLURM is ending it (scancel); does not return when that works."""
    job = slurm_job()
    if job is None:
        return
    state = subprocess.run(
        ["squeue", "--noheader", f"--jobs={job}", "--format=%T"], capture_output=True, encoding="utf-8"
    )
    if state.stdout.strip() == "RUNNING" and subprocess.run(["scontrol", "requeue", job], check=False).returncode == 0:
        time.sleep(60)  # SLURM ends this process


def last_lines(path: Path, count: int = LAST_LINES) -> str:
    """The end of a log file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return "".join(deque(stream, count)).rstrip()
    except OSError as error:
        return f"({error})"
