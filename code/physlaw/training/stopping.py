"""How training answers a signal: it finishes its step and saves its state first. No torch."""

from __future__ import annotations

import signal
from types import FrameType

from physlaw.signals import stopping


class Interrupted(Exception):
    """The run was asked to stop and has saved its state."""


class StopRequest:
    """A signal that asks to stop as a flag that the loop reads between steps; a second Ctrl-C acts at once.

    A cluster sends the others more than once for one reason, to the supervisor and to this process.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._answering = stopping(self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number

    def __enter__(self) -> StopRequest:
        self._answering.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._answering.__exit__(None, None, None)
