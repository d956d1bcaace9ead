"""The one exception for what a user can put right; the command line prints it as a single line."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(ValueError):
    """Bad input: the message names the value and what would be valid, on one line whatever the value holds."""

    def __str__(self) -> str:
        text = super().__str__()
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else repr(c)[1:-1] for c in text)


def unknown(kind: str, value: object, valid: Iterable[object]) -> UserError:
    """The error for a name outside a known set: names the value and every valid choice."""
    return UserError(f"unknown {kind} {str(value)!r}; valid: {', '.join(str(v) for v in valid)}")
