"""Shares with their intervals, and how far raters agree beyond chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile: two-sided 95 %


@dataclass(frozen=True)
class Share:
    """count of `of` as a fraction with its 95 % interval; None when `of` is 0."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


def wilson(count: int, of: int) -> Share:
    """A share with Wilson's score interval, without continuity correction.

    Sensible where the usual interval is not: few clips, shares of 0 and 1.
    Source: Wilson, J. Am. Stat. Assoc. 22 (1927); Newcombe, Stat. Med. 17 (1998), method 3.
    """
    assert 0 <= count <= of
    if not of:
        return Share(0, 0, None, None, None)
    p = count / of
    centre = (p + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * math.sqrt(p * (1 - p) / of + Z**2 / (4 * of**2))
    # At 0 and 1 the interval ends there exactly; rounding would miss it.
    return Share(count, of, p, 0.0 if count == 0 else centre - half, 1.0 if count == of else centre + half)


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
