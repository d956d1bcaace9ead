"""How far beyond the added speeds a model draws balls at the speed that was asked for."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.metric import HIGHER, OWN, Metric
from physlaw.studies.dose.study import ADDED, BEYOND, BIN, CLOSE
from physlaw.studies.dose.study import REACH as NAME

Array = NDArray[np.float64]
REACH = Metric(NAME, "reach", 2, HIGHER, OWN)
_SAMPLES = 1000  # of the bootstrap


def reach(table: pd.DataFrame) -> dict[str, float]:
    """Its columns, of a group of clips: the far end, measured from the added speeds, of the last of BIN-wide bins that
    all have a mean error below CLOSE, vanished balls standing still; 0 where the first has not. Its interval is a
    bootstrap over clips. NaN for clips that are no faster than the added ones."""
    speed, error = (table[name].to_numpy(dtype=np.float64) for name in ("law_vx1", "corrected_imputed"))
    far = speed >= BEYOND[0] - 1e-9
    if not far.any():
        return REACH.stated(math.nan)
    bins, error = ((speed[far] - BEYOND[0] + 1e-9) / BIN).astype(int), error[far]
    ends = np.minimum(BEYOND[0] + BIN * (np.arange(bins.max() + 1) + 1), BEYOND[1]) - ADDED[1]
    draws = np.random.default_rng(0).integers(len(error), size=(_SAMPLES, len(error)))
    low, high = np.quantile([_reached(bins[draw], error[draw], ends) for draw in draws], [0.025, 0.975])
    return REACH.stated(_reached(bins, error, ends), float(low), float(high))


def _reached(bins: NDArray[np.int64], error: Array, ends: Array) -> float:
    """The end of the last bin before the first that is empty or not close."""
    counts = np.bincount(bins, minlength=len(ends))
    sums = np.bincount(bins, weights=error, minlength=len(ends))
    close = (counts > 0) & (sums < CLOSE * counts)
    count = len(close) if close.all() else int(close.argmin())
    return float(ends[count - 1]) if count else 0.0
