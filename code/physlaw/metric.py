"""A number of a group of clips, declared once, beside the function that computes it: its columns, its name for people,
how it is shown, and what its interval is. Whoever writes or reads a table's numbers does it here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from physlaw.intervals import bootstrap, wilson

# What is taken over the clips, and with which interval.
MEAN: Final = "mean"  # the mean of clips' values, with its bootstrap interval
SHARE: Final = "share"  # the share of clips, with Wilson's
COUNT: Final = "count"  # the sum, a whole number; no interval
OWN: Final = "own"  # a number of the set as a whole; who computes it gives the interval
LOWER: Final = "lower"
HIGHER: Final = "higher"


@dataclass(frozen=True)
class Value:
    """A metric's value in one row; NaN where there is none. clips: of how many clips it is."""

    value: float
    low: float = math.nan
    high: float = math.nan
    clips: float = math.nan


@dataclass(frozen=True)
class Metric:
    """One number of a group of clips.

    name: its column, with the source of the clips in front where several sources have it: <source>_<name>. header: for
    people. digits: shown after the point. better: LOWER or HIGHER, None where neither is. interval: MEAN, SHARE, COUNT
    or OWN; None: the mean of clips' values, without an interval. protocol: how it is taken, in words; {names} in braces
    are settings of the cell. counted: it is of fewer clips than the row, of <column>_clips.
    """

    name: str
    header: str
    digits: int = 3
    better: Literal["lower", "higher"] | None = None
    interval: Literal["mean", "share", "count", "own"] | None = None
    protocol: str = ""
    counted: bool = False
    source: str = ""

    def of(self, source: str, header: str = "") -> Metric:
        """The same of clips of one source."""
        return replace(self, source=source, header=header or self.header)

    @property
    def column(self) -> str:
        return f"{self.source}_{self.name}" if self.source else self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it is written to."""
        ends = bounds(self.column) if self.interval in (MEAN, SHARE, OWN) else ()
        return (self.column, *ends, *([self._clips] if self.counted else []))

    @property
    def _clips(self) -> str:
        return f"{self.column}_clips"

    def over(self, values: NDArray[Any]) -> dict[str, float]:
        """Its columns, from (N,) clips' values: numbers, or of a SHARE whether the clip is a hit. NaN: not known."""
        known = values[np.isfinite(values)]
        if self.interval == COUNT:
            return {self.column: int(known.sum())}
        if self.interval == SHARE:
            share = wilson(int((known > 0).sum()), len(known))
            value, low, high = (math.nan if end is None else end for end in (share.share, share.low, share.high))
            return self.stated(value, low, high, len(known))
        mean = float(known.mean()) if len(known) else math.nan
        low, high = bootstrap(known) if self.interval == MEAN else (math.nan, math.nan)
        return self.stated(mean, low, high, len(known))

    def stated(self, value: float, low: float = math.nan, high: float = math.nan, clips: int = 0) -> dict[str, float]:
        """Its columns, from a value with its interval and the number of clips."""
        row = dict(zip((self.column, *bounds(self.column)), (value, low, high), strict=True))
        return {name: row.get(name, clips) for name in self.columns}

    def read(self, row: Mapping[Any, Any]) -> Value:
        """Its value in a row of a table; NaN of columns that are not there (tables of before may have no interval).

        clips: of a counted one its own, else the row's, NaN without a value.
        """
        value, low, high = (float(row.get(name, math.nan)) for name in (self.column, *bounds(self.column)))
        clips = row.get(self._clips) if self.counted else row.get("clips") if math.isfinite(value) else None
        return Value(value, low, high, math.nan if clips is None else float(clips))


def bounds(column: str) -> tuple[str, str]:
    """The columns that the interval of a column is in."""
    return f"{column}_low", f"{column}_high"


def by_column(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Metrics by their columns.

    Raises:
        ValueError: two have one column.
    """
    every = list(metrics)
    found = {metric.column: metric for metric in every}
    if len(found) != len(every):
        raise ValueError(f"metrics share a column: {sorted(metric.column for metric in every)}")
    return found


def of_sources(sources: Iterable[str], metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """Every metric of every source, source by source."""
    every = tuple(metrics)
    return tuple(metric.of(source) for source in sources for metric in every)


def notes_text(notes: Mapping[str, str]) -> str:
    """What there is to know of metrics, by name, as the text of a row's `notes`: "fvd: no weights; lpips: ..."."""
    return "; ".join(f"{name}: {text.replace('; ', ', ')}" for name, text in notes.items() if text)


def notes_of(row: Mapping[Any, Any]) -> dict[str, str]:
    """The other way round: a row's notes by metric."""
    text = row.get("notes")
    parts = re.split(r"(?:^|; )(\w+): ", text)[1:] if isinstance(text, str) else []
    return dict(zip(parts[::2], parts[1::2], strict=True))
