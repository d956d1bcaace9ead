"""How far raters agree beyond chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Agreement:
    """How far two or more raters agree on the same items.

    observed: the share of agreeing pairs of votes. kappa: the same beyond what their shares of classes give by
    chance; None when nothing was compared, or when all votes are one class and chance alone explains everything.
    """

    items: int
    observed: float | None
    kappa: float | None


def cohen_kappa(a: NDArray[np.int64], b: NDArray[np.int64]) -> Agreement:
    """Two raters' (N,) classes. Each rater has shares of classes of their own (Cohen, 1960)."""
    a, b = np.asarray(a), np.asarray(b)
    if not len(a):
        return Agreement(0, None, None)
    expected = sum(np.mean(a == c) * np.mean(b == c) for c in np.union1d(a, b))
    return _beyond_chance(len(a), float(np.mean(a == b)), float(expected))


def fleiss_kappa(counts: NDArray[np.int64]) -> Agreement:
    """(N, classes) how many of the raters chose each class, as many votes for every item (Fleiss, 1971)."""
    counts = np.asarray(counts)
    if not len(counts):
        return Agreement(0, None, None)
    votes = int(counts[0].sum())
    assert votes > 1
    assert (counts.sum(axis=1) == votes).all()
    observed = float(((counts * (counts - 1)).sum(axis=1) / (votes * (votes - 1))).mean())
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return _beyond_chance(len(counts), observed, expected)


def _beyond_chance(items: int, observed: float, expected: float) -> Agreement:
    kappa = None if math.isclose(expected, 1.0, abs_tol=1e-12) else (observed - expected) / (1 - expected)
    return Agreement(items, observed, kappa)
