"""One process at a time works on a folder, on whichever machine of a cluster it runs. Standard library alone.

The lease is a file `.lease-<n>` in the folder, created exclusively, which works on network file systems that do not
share locks between nodes. Its holder renews the file's time every HEARTBEAT_S. The newest number counts. Who finds it
given back, or left by a process that is gone, creates number n + 1; of several only one can.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physlaw.errors import UserError

HEARTBEAT_S = 10.0
STALE_S = 120.0  # network file systems may show a minute-old time
GIVEN_BACK = 0.0  # a file time that no heartbeat has
PREFIX = ".lease-"


def _number(path: Path) -> int:
    text = path.name[len(PREFIX) :]
    return int(text) if text.isdigit() else -1


def _newest(folder: Path) -> int:
    """The number that counts; -1 when there never was a lease."""
    return max((_number(path) for path in folder.glob(f"{PREFIX}*")), default=-1)


def _boot() -> str:
    """The running kernel and its process numbers' namespace: a process number means something within both."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return platform.node()


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None when it has ended. A process number may be used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


def _file_system_now(folder: Path) -> float:
    """The time as the folder's file server has it: clocks of nodes differ."""
    probe = folder / f"{PREFIX}clock.{os.getpid()}.{threading.get_ident()}"
    try:
        with probe.open("wb") as stream:
            return os.fstat(stream.fileno()).st_mtime
    except OSError:  # no right to write here
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


@dataclass(frozen=True)
class Holder:
    """What a lease says about its holder."""

    renewed: float  # the file's time
    pid: int
    node: str
    here: bool  # on this machine, where the process can be looked at
    job: str | None  # SLURM's number of its job

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.node}" + (f", job {self.job}" if self.job else "")


def slurm_job() -> str | None:
    """This process's SLURM job as squeue shows it, <job> or <array>_<task>; None outside SLURM."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def holder(folder: Path) -> Holder | None:
    """Who holds the folder's lease; None when nobody does, or nobody alive."""
    return _look(folder)[1]


def _look(folder: Path) -> tuple[int, Holder | None]:
    """The number that counts, and who holds it."""
    number = _newest(folder)
    if number < 0:
        return number, None
    try:
        with (folder / f"{PREFIX}{number}").open(encoding="utf-8", errors="replace") as stream:
            renewed = os.fstat(stream.fileno()).st_mtime
            text = stream.read()
    except FileNotFoundError:  # a newer one has just taken its place
        return _look(folder)
    if renewed == GIVEN_BACK:
        return number, None
    known = _content(text)
    here = known.get("boot") == _boot()
    if here and _started(known["pid"]) != known["started"]:
        return number, None
    if not here:
        now = _file_system_now(folder)
        if renewed > now + HEARTBEAT_S:  # no clock is so far ahead of the server's: it tells nothing
            renewed = _first_seen(folder / f"{PREFIX}{number}", renewed, now)
        if now - renewed > STALE_S:
            return number, None
    return number, Holder(renewed, known.get("pid", 0), known.get("node", "another machine"), here, known.get("job"))


def _content(text: str) -> dict[str, Any]:
    """What a lease says; nothing where it is created and not yet written, or cut off: then its time alone counts."""
    try:
        known = json.loads(text)
    except ValueError:
        return {}
    return known if isinstance(known, dict) and {"pid", "started"} <= set(known) else {}


_seen: dict[tuple[Path, float], float] = {}  # leases of a time in the future, and when they were first seen


def _first_seen(path: Path, renewed: float, now: float) -> float:
    """What counts instead of a lease's time in the future. The file says so too, for other processes."""
    counts = _seen.setdefault((path, renewed), now)
    with contextlib.suppress(OSError):  # it belongs to somebody else
        os.utime(path, (counts, counts))
        counts = path.stat().st_mtime
    return counts


def _create(folder: Path, number: int) -> bool:
    """Take this number; False when another process was faster."""
    path = folder / f"{PREFIX}{number}"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    pid = os.getpid()
    known = {"pid": pid, "started": _started(pid), "boot": _boot(), "node": platform.node(), "job": slurm_job()}
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(known, stream)
    if _newest(folder) != number:  # made from a listing that was old: the newer one counts
        path.unlink()
        return False
    for old in folder.glob(f"{PREFIX}*"):
        if 0 <= _number(old) < number:
            with contextlib.suppress(OSError):
                old.unlink()
    return True


def _abandon(folder: Path) -> None:
    """Two processes must not write: the one whose lease was taken ends on the spot."""
    print(f"physlaw: error: another process has taken over {folder}; this one stops", file=sys.stderr, flush=True)
    os._exit(3)


def _renew(folder: Path, number: int, done: threading.Event, on_lost: Callable[[Path], None]) -> None:
    path = folder / f"{PREFIX}{number}"
    while not done.wait(HEARTBEAT_S):
        try:
            os.utime(path)
            lost = _newest(folder) != number
        except FileNotFoundError:
            lost = True
        except OSError:  # the file server is away: try again
            continue
        if lost:
            on_lost(folder)
            return


def _wait_for_turn(folder: Path, what: str, patience_s: float, say: Callable[[str], None]) -> int:
    """The number of a lease of our own."""
    started, told, pause, first = time.monotonic(), False, 0.05, None
    while True:
        number, found = _look(folder)
        if found is None:
            folder.mkdir(parents=True, exist_ok=True)  # whoever finished may have removed it
            with contextlib.suppress(FileNotFoundError):
                if _create(folder, number + 1):
                    return number + 1
            continue
        first = first or found
        # Elsewhere, only a heartbeat since we came shows that the holder lives; without one it goes stale in time.
        alive = found.here or found.renewed != first.renewed
        waited = time.monotonic() - started
        if alive and waited >= patience_s:
            raise UserError(f"{what} is in use by another process ({found}): {folder}")
        if not told and waited > 3:
            told = True
            say(f"waiting for {found}, which works on {what}")
        time.sleep(pause)
        pause = min(1.5 * pause, 2.0 if found.here else 5.0)


@contextlib.contextmanager
def leased(
    folder: Path,
    what: str,
    patience_s: float = 3.0,
    say: Callable[[str], None] = lambda text: None,
    on_lost: Callable[[Path], None] = _abandon,
) -> Iterator[None]:
    """Hold the folder for this process.

    A holder on this machine that has died is followed at once, one elsewhere when it has not renewed its lease for
    STALE_S. Waits up to patience_s for a living one: an interrupted process may still be saving.

    Args:
        what: names the folder's content in messages.
        say: is told once when this waits longer than some seconds.
        on_lost: called when another process has taken the lease, after this one was stopped for long; ends the process.

    Raises:
        UserError: a living process holds it.
    """
    number = _wait_for_turn(folder, what, patience_s, say)
    done = threading.Event()
    heart = threading.Thread(target=_renew, args=(folder, number, done, on_lost), daemon=True, name="lease")
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        with contextlib.suppress(OSError):  # the folder may be gone by now
            os.utime(folder / f"{PREFIX}{number}", (GIVEN_BACK, GIVEN_BACK))
