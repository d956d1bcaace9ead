"""95 % intervals, all of them scipy's: of shares, of means over clips, and quantiles for differences between seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
UPPER = (1 + LEVEL) / 2  # the quantile at a two-sided interval's upper end


@dataclass(frozen=True)
class Share:
    """count of `of` as a fraction with its interval; None when `of` is 0."""

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
    from scipy.stats import binomtest  # half a second, and only needed here

    if not of:
        return Share(0, 0, None, None, None)
    found = binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    # At 0 and 1 the interval ends there exactly; rounding would miss it.
    low, high = 0.0 if count == 0 else float(found.low), 1.0 if count == of else float(found.high)
    return Share(count, of, count / of, low, high)


def bootstrap(values: NDArray[np.float64], draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Interval of the mean of (N,) values, by the percentile bootstrap; NaN for fewer than two."""
    from scipy.stats import bootstrap as resample

    if len(values) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    settings = {"n_resamples": draws, "confidence_level": LEVEL, "method": "percentile", "rng": rng}
    found = resample((values,), np.mean, vectorized=True, **settings).confidence_interval
    return float(found.low), float(found.high)


def ratio_bootstrap(above: NDArray[np.float64], below: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """Interval of sum(above) / sum(below) over (N,) clips, by the percentile bootstrap over clips; NaN for fewer than
    two."""
    from scipy.stats import bootstrap as resample

    if len(above) < 2:
        return math.nan, math.nan

    def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(top.sum(axis=axis) / bottom.sum(axis=axis))

    settings = {"n_resamples": 1000, "confidence_level": LEVEL, "method": "percentile", "paired": True}
    found = resample((above, below), ratio, vectorized=True, rng=np.random.default_rng(seed), **settings)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def paired_change(changes: NDArray[np.float64], shares: bool = False) -> tuple[float, float]:
    """Interval of the mean of (N,) changes, each of one clip in two cells; NaN for fewer than two.

    Student's t. Of shares (each clip has it or not) as if four more half clips had changed up, changed down, and not
    changed twice: where hardly any clip changes, the interval would else have no width.
    Source: Agresti, Min, Stat. Med. 24 (2005) 729.
    """
    count = len(changes)
    if count < 2:
        return math.nan, math.nan
    value = float(changes.mean())
    if not shares:
        half = student(count - 1) * float(changes.std(ddof=1)) / math.sqrt(count)
        return value - half, value + half
    mean = float(changes.sum()) / (count + 2)
    half = normal() * math.sqrt(((changes**2).sum() + 1) / (count + 2) - mean**2) / math.sqrt(count + 2)
    return min(value, mean - half), max(value, mean + half)


def student(freedom: float) -> float:
    """The quantile of Student's t at UPPER, for any number of degrees of freedom above 0."""
    from scipy.special import stdtrit  # as scipy.stats.t.ppf, which takes longer to import

    return float(stdtrit(freedom, UPPER))


def student_at(freedom: float, quantile: float = UPPER) -> float:
    """The quantile of Student's t; of the normal distribution for infinite degrees of freedom."""
    from scipy.special import ndtri, stdtrit

    return float(ndtri(quantile) if math.isinf(freedom) else stdtrit(freedom, quantile))


def normal() -> float:
    """The normal distribution's quantile at UPPER, 1.96."""
    from scipy.special import ndtri

    return float(ndtri(UPPER))
