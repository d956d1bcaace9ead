"""What SLURM says about jobs, by squeue alone: sites without accounting have no more."""

from __future__ import annotations

import subprocess

from physlaw.errors import UserError

_RUNNING = ("RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING")


def jobs_in_queue() -> dict[str, tuple[str, str]]:
    """job or <array>_<task> -> (pending or running, SLURM's reason), of every job of this user.

    Raises:
        UserError: squeue is missing or fails.
    """
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i|%T|%r"]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"squeue cannot be asked ({error}); use cluster=local where there is no SLURM") from None
    if done.returncode:
        raise UserError(f"squeue failed: {done.stderr.strip()}")
    found = {}
    for line in done.stdout.splitlines():
        job, state, reason = (line + "||").split("|")[:3]
        found[job.strip()] = ("running" if state in _RUNNING else "pending", reason.strip())
    return found
