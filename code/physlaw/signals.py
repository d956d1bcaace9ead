"""The signals that ask a process to stop, and who answers them. Standard library alone."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from types import FrameType
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Union

Handler = Union[Callable[[int, Optional[FrameType]], object], signal.Handlers, int, None]  # as signal.signal has it

# A closed terminal (HUP), Ctrl-C, kill, and the warnings of clusters. URG: see launch.job.
STOP = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGURG)
ONES_OWN = (signal.SIGHUP, signal.SIGUSR1)  # whoever starts a process with these ignored (nohup) means it


def answer(handler: Handler, numbers: Sequence[signal.Signals] = STOP) -> Dict[int, Any]:
    """From now on `handler` answers these signals, unless they are to be ignored; returns what did before, by signal.

    Outside the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    meant = [n for n in numbers if not (n in ONES_OWN and signal.getsignal(n) == signal.SIG_IGN)]
    return {number: signal.signal(number, handler) for number in meant}


@contextmanager
def stopping(handler: Handler) -> Iterator[None]:
    """Inside, `handler` answers every signal that asks to stop."""
    old = answer(handler)
    try:
        yield
    finally:
        for number, known in old.items():
            if known is not None:  # else not Python's: nothing here can give it back
                signal.signal(number, known)


@contextmanager
def held() -> Iterator[None]:
    """Inside, signals that ask to stop wait; a process that is started here begins with them waiting."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def release() -> None:
    """In a process that was started with signals held: it is ready to answer them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


def interrupt(number: int, frame: Optional[FrameType] = None) -> None:
    """A handler: KeyboardInterrupt. Clusters ask more than once for one reason: only Ctrl-C counts again."""
    for other in STOP:
        if other != signal.SIGINT:
            signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
