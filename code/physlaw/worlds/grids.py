"""Grids of initial values: the Cartesian product of one list of values per factor, addressed by index.

The last factor runs fastest, as in the release's nested loops. A grid may carry a feasibility rule; scenes that break
it are dropped and the remaining ones are numbered without gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rule = Callable[[Array], NDArray[np.bool_]]


class Grid:
    """All combinations of the axes' values that the rule accepts.

    Args:
        axes: one (n_k,) array per factor.
        feasible: (N, K) -> (N,) bool, or None to keep every point.
    """

    def __init__(self, axes: tuple[Array, ...], feasible: Rule | None = None) -> None:
        self.axes = axes
        self.feasible = feasible
        self.size_before_drops = int(np.prod([len(axis) for axis in axes]))

    @cached_property
    def _kept(self) -> NDArray[np.int64] | None:
        if self.feasible is None:
            return None
        kept = []
        for start in range(0, self.size_before_drops, 1 << 20):
            chunk = np.arange(start, min(start + (1 << 20), self.size_before_drops))
            kept.append(chunk[self.feasible(self._points(chunk))])
        return np.concatenate(kept)

    def __len__(self) -> int:
        return self.size_before_drops if self._kept is None else len(self._kept)

    def _points(self, index: NDArray[np.int64]) -> Array:
        places = np.unravel_index(index, tuple(len(axis) for axis in self.axes))
        return np.stack([axis[place] for axis, place in zip(self.axes, places, strict=True)], axis=-1)

    def values(self, index: NDArray[np.int64]) -> Array:
        """(N,) numbers in [0, len(self)) -> (N, K) initial values.

        Raises:
            IndexError: a number is outside the grid (the message names it).
        """
        index = np.asarray(index)
        outside = index[(index < 0) | (index >= len(self))]
        if len(outside):
            raise IndexError(f"scene {int(outside[0])} is outside the grid of {len(self)} scenes")
        return self._points(index if self._kept is None else self._kept[index])
