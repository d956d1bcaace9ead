"""The standard streams as shells leave them: closed, cut off, of another encoding; and how progress is shown there."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from typing import Any, TextIO, Tuple, Type

PLAIN = "PHYSLAW_PLAIN_PROGRESS"  # set: no bars; "quiet": no lines either
LINE_S = 30.0  # without a terminal, progress is never silent for longer
CLOSED_PIPE = 141  # what a shell shows of a program that SIGPIPE ended


def prepare() -> None:
    """Make the standard streams of this process usable, once at its start.

    A closed stream's number would be given to the next file, and what is printed would go there; so it is taken. What
    is printed then fails, because a result would be lost; what is said on standard error is only lost. Characters that
    the encoding has not are replaced.
    """
    for name, number, flags, kind in (
        ("stdin", 0, os.O_RDONLY, None),
        ("stdout", 1, os.O_RDONLY, _Printed),  # nothing can be written there
        ("stderr", 2, os.O_WRONLY, _Said),
    ):
        stream = getattr(sys, name)
        if stream is None:
            taken = os.open(os.devnull, flags)  # the lowest number that is free
            if taken == number:
                os.set_inheritable(taken, True)
            if kind is not None:
                stream = io.TextIOWrapper(io.FileIO(taken, "w"), "utf-8", write_through=True)
        if kind is not None and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _rebuilt(stream, kind))


def show_bar() -> bool:
    """Progress bars only on a terminal, and only when this process has it for itself."""
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get(PLAIN)


def quiet() -> bool:
    """Somebody else reports how far this process is."""
    return os.environ.get(PLAIN) == "quiet"


def finish_printing() -> None:
    """Raises OSError when what was printed cannot be delivered."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up_printing() -> None:
    """After a failure: what is still to be printed goes nowhere, so that the interpreter ends without a word."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


class _Printed(io.TextIOWrapper):
    """Standard output: errors name it."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _named(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _named(error) from None


class _Said(io.TextIOWrapper):
    """Standard error: nobody listens any more is no reason to stop."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def _named(error: OSError) -> OSError:
    return type(error)(error.errno, error.strerror, "standard output") if error.errno != errno.EPIPE else error


def _rebuilt(stream: io.TextIOWrapper, kind: Type[io.TextIOWrapper]) -> TextIO:
    """The stream as another class, with its settings."""
    settings: Any = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
    encoding = stream.encoding
    return kind(stream.detach(), encoding, "physlaw", **settings)


def _replace(error: UnicodeError) -> Tuple[Any, int]:
    """Bytes of a file's name that Python could not decode come out as they are; other characters as a question mark."""
    assert isinstance(error, UnicodeEncodeError)
    character = error.object[error.start]
    code = ord(character)
    return (bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else b"?"), error.start + 1


codecs.register_error("physlaw", _replace)
