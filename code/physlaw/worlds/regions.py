"""Regions of initial values: where scenes may come from, as objects that can be sampled and asked.

In-distribution and out-of-distribution are regions, so "every training scene is in-dist, no OOD scene is" is a
checkable fact. A point is a row of a (N, K) array whose K columns are the region's `factors`, in order.

A rim belongs to its region, give or take RIM: files may hold 0.7 as the float32 0.69999999.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RIM = 1e-6  # world units, or world units per second: above a float32's rounding, far below the steps of any grid


def within(values: Array, low: Array | float, high: Array | float) -> NDArray[np.bool_]:
    """Which values lie in [low, high], give or take RIM."""
    return np.asarray((values >= np.asarray(low) - RIM) & (values <= np.asarray(high) + RIM))


class Region(Protocol):
    """A set of points over named factors."""

    @property
    def factors(self) -> tuple[str, ...]:
        """Column names, in order."""
        ...

    def contains(self, points: Array) -> NDArray[np.bool_]:
        """(N, K) -> (N,) bool; boundaries belong to the region, give or take RIM."""
        ...

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """(count, K) points, uniform over the region."""
        ...


@dataclass(frozen=True)
class Box:
    """Cartesian product of closed intervals `{factor: (low, high)}`."""

    bounds: tuple[tuple[str, float, float], ...]

    @classmethod
    def of(cls, **intervals: tuple[float, float]) -> Box:
        """Box.of(r=(0.7, 1.4), v=(1, 4)).

        Raises:
            ValueError: an interval is empty (the message names it).
        """
        for name, (low, high) in intervals.items():
            if not low <= high:
                raise ValueError(f"empty interval for {name}: [{low}, {high}]")
        return cls(tuple((name, float(low), float(high)) for name, (low, high) in intervals.items()))

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.bounds)

    def but(self, **intervals: tuple[float, float]) -> Box:
        """The same box with other intervals of these factors. Raises as `of`."""
        return Box.of(**{name: intervals.get(name, (low, high)) for name, low, high in self.bounds})

    def interval(self, factor: str) -> tuple[float, float]:
        """(low, high) of one factor."""
        return next((low, high) for name, low, high in self.bounds if name == factor)

    def contains(self, points: Array) -> NDArray[np.bool_]:
        low = np.array([b[1] for b in self.bounds])
        high = np.array([b[2] for b in self.bounds])
        return np.asarray(within(points, low, high).all(axis=-1))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        return np.stack([rng.uniform(low, high, count) for _, low, high in self.bounds], axis=-1)


@dataclass(frozen=True)
class Union:
    """Points in at least one part; sampled part by part with equal probability (exact when parts are disjoint
    and of equal size, a mixture otherwise)."""

    parts: tuple[Region, ...]

    @property
    def factors(self) -> tuple[str, ...]:
        return self.parts[0].factors

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return np.asarray(np.any([part.contains(points) for part in self.parts], axis=0))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        which = rng.integers(len(self.parts), size=count)
        drawn = np.stack([part.sample(rng, count) for part in self.parts])
        return np.asarray(drawn[which, np.arange(count)])


@dataclass(frozen=True)
class Difference:
    """Points of `outer` that are not in `hole`; sampled by rejection."""

    outer: Region
    hole: Region

    @property
    def factors(self) -> tuple[str, ...]:
        return self.outer.factors

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return np.asarray(self.outer.contains(points) & ~self.hole.contains(points))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Raises ValueError when the hole leaves (almost) nothing: under one point kept in 10,000 draws."""
        return _sample_by_rejection(self.outer, lambda points: ~self.hole.contains(points), rng, count)


@dataclass(frozen=True)
class Intersection:
    """Points of `outer` that are in `other` too; sampled by rejection."""

    outer: Region
    other: Region

    @property
    def factors(self) -> tuple[str, ...]:
        return self.outer.factors

    def contains(self, points: Array) -> NDArray[np.bool_]:
        return np.asarray(self.outer.contains(points) & self.other.contains(points))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Raises ValueError when they share (almost) nothing, as Difference does."""
        return _sample_by_rejection(self.outer, self.other.contains, rng, count)


@dataclass(frozen=True)
class SumAtMost:
    """Points whose `summed` factors add up to `limit` or less: a half-space."""

    factors: tuple[str, ...]
    summed: tuple[str, ...]
    limit: float

    def contains(self, points: Array) -> NDArray[np.bool_]:
        columns = [self.factors.index(factor) for factor in self.summed]
        return np.asarray(points[..., columns].sum(axis=-1) <= self.limit + RIM)

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Raises ValueError: it is unbounded; its intersection with a box can be sampled."""
        raise ValueError("a half-space is unbounded")


def _sample_by_rejection(
    outer: Region, keep: Callable[[Array], NDArray[np.bool_]], rng: np.random.Generator, count: int
) -> Array:
    kept = np.empty((0, len(outer.factors)))
    for _ in range(64):
        drawn = outer.sample(rng, max(10_000, 2 * count))
        kept = np.concatenate([kept, drawn[keep(drawn)]])
        if len(kept) >= count:
            return kept[:count]
        if not len(kept):
            break
    raise ValueError(f"cannot sample {count} points: (almost) the whole region is left out")
