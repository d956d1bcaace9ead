"""One number of a results table, with all that it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile: two-sided 95 %


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


def wilson(count: int, of: int) -> tuple[float, float, float]:
    """A share and Wilson's 95 % score interval, without continuity correction; NaN of none.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    if not of:
        return math.nan, math.nan, math.nan
    share = count / of
    centre = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    # At 0 and 1 the interval ends there exactly; rounding would miss it.
    return share, 0.0 if count == 0 else centre - half, 1.0 if count == of else centre + half


def share_columns(name: str, hits: NDArray[np.bool_]) -> dict[str, float]:
    """A share of clips (N,) and its Wilson interval, as columns <name>, <name>_low and <name>_high of a row."""
    share, low, high = wilson(int(hits.sum()), len(hits))
    return {name: share, f"{name}_low": low, f"{name}_high": high}
