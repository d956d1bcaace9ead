"""One number of a results table, with all that it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A metric's value over `clips` clips, or none, and then `note` says why.

    low, high: 95 % bootstrap interval over clips, NaN where none is drawn. protocol: how it was measured, to be shown
    beside the value. note: a warning, or the reason for there being no value.
    """

    name: str
    value: float | None
    clips: int
    protocol: str
    low: float = math.nan
    high: float = math.nan
    note: str = ""

    def text(self) -> str:
        """The value for a table's cell: "n/a", never 0, where there is none."""
        if self.value is None:
            return "n/a"
        interval = f" [{self.low:.4g}, {self.high:.4g}]" if math.isfinite(self.low + self.high) else ""
        return f"{self.value:.4g}{interval}"


def unavailable(name: str, clips: int, protocol: str, reason: str) -> Measure:
    """The measure without a value."""
    return Measure(name, None, clips, protocol, note=reason)
