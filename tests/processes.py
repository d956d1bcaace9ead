"""Verbs of `physlaw` in processes of their own, without the seconds that their imports take.

Each is forked from a server that has imported everything once per test process. It is a process like any other: it has
a folder, variables and streams of its own, gets signals, and leaves an exit status. What imports what is for others to
check: they start `python -m physlaw`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

PRELOADED = ["hydra", "physlaw.__main__", "physlaw.cell.run", "physlaw.cell.sweep", "physlaw.launch.cells",
             "physlaw.results.reproduce", "physlaw.report.page", "physlaw.data.write",
             "physlaw.data.phyre_write"]  # fmt: skip
_context = get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)
_running: list[Verb] = []


class Verb:
    """`physlaw WORDS` at work in a folder: what a test needs of subprocess.Popen.

    Args:
        environment: variables that differ from this process's.
        first: called there before the verb, e.g. to make a disk full.
        new_session: it leads a process group of its own, as under a shell.
    """

    def __init__(
        self,
        *words: str,
        folder: Path,
        environment: dict[str, str] | None = None,
        first: Callable[[], None] | None = None,
        new_session: bool = False,
    ) -> None:
        self._streams = [Path(tempfile.mkstemp(prefix="physlaw-verb-")[1]) for _ in range(2)]
        variables = {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
        self._process = _context.Process(
            target=_become, args=(words, str(folder), variables, first, new_session, [str(s) for s in self._streams])
        )
        self._process.start()
        _running.append(self)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Exit status; None: it runs. Minus the signal's number if one ended it."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float = 300) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("physlaw", timeout)
        return self._process.exitcode

    def said(self) -> str:
        """What it has printed on stderr so far."""
        return self._streams[1].read_text()

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """All that it printed, on stdout and on stderr, once it has ended."""
        self.wait(timeout)
        out, errors = (stream.read_text() for stream in self._streams)
        return out, errors

    def close(self) -> None:
        """End it if it runs, and forget what it printed."""
        self.kill()
        self._process.join()
        self._process.close()
        for stream in self._streams:
            stream.unlink()


def physlaw(
    *words: str, folder: Path, environment: dict[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end, as `subprocess.run(["physlaw", *words], capture_output=True, text=True)` would."""
    verb = Verb(*words, folder=folder, environment=environment)
    out, errors = verb.communicate(timeout)
    return subprocess.CompletedProcess(list(words), verb.wait(), out, errors)


def together(count: int, *words: str, folder: Path) -> list[Verb]:
    """The same verb in several processes that share its work, with the variables that torchrun sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [
        Verb(*words, folder=folder, environment={**common, "RANK": str(k), "LOCAL_RANK": str(k)}) for k in range(count)
    ]


def close_all() -> None:
    """End whatever a test left running."""
    while _running:
        _running.pop().close()


def _become(
    words: tuple[str, ...],
    folder: str,
    variables: dict[str, str],
    first: Callable[[], None] | None,
    new_session: bool,
    streams: list[str],
) -> None:
    import torch

    from physlaw.__main__ import main

    if new_session:
        os.setsid()
    for number, stream in zip((1, 2), streams, strict=True):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    torch.set_num_threads(1)  # the server may have been started with other variables
    if first:
        first()
    sys.exit(main(list(words)))
