"""Grids of initial values: the Cartesian product of one list of values per factor, addressed by index.

The last factor runs fastest, as in the release's nested loops. A grid may carry a feasibility rule; scenes that break
it are dropped and the remaining ones are numbered without gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Rule = Callable[[Array], NDArray[np.bool_]]

_CHUNK = 1 << 18  # points that a rule is asked about at once


def check_numbers(index: Index, count: int, what: str) -> Index:
    """The numbers as an array.

    Raises:
        IndexError: one is not in [0, count) (the message names it).
    """
    index = np.asarray(index)
    outside = index[(index < 0) | (index >= count)]
    if len(outside):
        raise IndexError(f"{what} {int(outside[0])} is outside 0 to {count - 1}")
    return index


def spread(count: int, limit: int) -> Index:
    """Up to `limit` numbers below `count`, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(np.int64))


class Points(Protocol):
    """Initial values by number."""

    def __len__(self) -> int: ...

    def values(self, index: Index) -> Array:
        """(N,) numbers in [0, len(self)) -> (N, K) initial values.

        Raises:
            IndexError: a number is outside (the message names it).
        """
        ...


class Joined:
    """Several sets of points, one after the other."""

    def __init__(self, parts: tuple[Points, ...]) -> None:
        self.parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def values(self, index: Index) -> Array:
        index = check_numbers(index, len(self), "scene")
        part = np.searchsorted(self._ends, index, side="right")
        starts = self._ends - [len(one) for one in self.parts]
        drawn = [(part == k, one.values(index[part == k] - starts[k])) for k, one in enumerate(self.parts)]
        out = np.empty((len(index), drawn[0][1].shape[1]))
        for mine, values in drawn:
            out[mine] = values
        return out


class Chosen:
    """Some points of a set, by their numbers."""

    def __init__(self, points: Points, numbers: Index) -> None:
        self.points, self.numbers = points, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def values(self, index: Index) -> Array:
        return self.points.values(self.numbers[check_numbers(index, len(self), "scene")])


class Subset(Chosen):
    """The points of a set that a rule keeps, in their order."""

    def __init__(self, points: Points, keep: Rule) -> None:
        chunks = np.array_split(np.arange(len(points)), len(points) // _CHUNK + 1)
        super().__init__(points, np.concatenate([chunk[keep(points.values(chunk))] for chunk in chunks]))


class Grid:
    """All combinations of the axes' values that the rule accepts.

    Args:
        axes: one (n_k,) array per factor, ascending.
        feasible: (N, K) -> (N,) bool, or None to keep every point. It must be monotone in the last factor: where a
            value is infeasible, every larger one is. So the kept scenes of a row are its first ones, and a grid of
            millions is counted and addressed from one number per row.
    """

    def __init__(self, axes: tuple[Array, ...], feasible: Rule | None = None) -> None:
        self.axes = axes
        self.feasible = feasible
        self.size_before_drops = int(np.prod([len(axis) for axis in axes]))

    @cached_property
    def _row_counts(self) -> Index:
        """(rows,) kept scenes of each combination of all factors but the last."""
        last = self.axes[-1]
        rows = self.size_before_drops // len(last)
        if self.feasible is None:
            return np.full(rows, len(last))
        start = np.arange(rows) * len(last)
        low, high = np.zeros(rows, dtype=np.int64), np.full(rows, len(last))
        for _ in range(len(last).bit_length()):  # bisection in all rows at once
            middle = (low + high) // 2
            keep = (middle < high) & self.feasible(self.points(start + np.minimum(middle, len(last) - 1)))
            low, high = np.where(keep, middle + 1, low), np.where(keep, high, middle)
        return low

    @cached_property
    def _row_ends(self) -> Index:
        return np.cumsum(self._row_counts)

    def __len__(self) -> int:
        return int(self._row_ends[-1])

    def points(self, place: Index) -> Array:
        """(N,) places in the full product, infeasible ones included -> (N, K) initial values."""
        places = np.unravel_index(place, tuple(len(axis) for axis in self.axes))
        return np.stack([axis[k] for axis, k in zip(self.axes, places, strict=True)], axis=-1)

    def kept(self, place: Index | NDArray[np.int32]) -> NDArray[np.bool_]:
        """(N,) places in the full product -> (N,) whether the scene is feasible."""
        row, last = np.divmod(place, len(self.axes[-1]))
        return np.asarray(last < self._row_counts[row])

    def place(self, index: Index) -> Index:
        """(N,) numbers in [0, len(self)) -> (N,) places in the full product.

        Raises:
            IndexError: a number is outside the grid (the message names it).
        """
        index = check_numbers(index, len(self), "scene")
        row = np.searchsorted(self._row_ends, index, side="right")
        before = self._row_ends[row] - self._row_counts[row]
        return np.asarray(row * len(self.axes[-1]) + index - before)

    def values(self, index: Index) -> Array:
        """(N,) numbers in [0, len(self)) -> (N, K) initial values.

        Raises:
            IndexError: a number is outside the grid (the message names it).
        """
        return self.points(self.place(index))
