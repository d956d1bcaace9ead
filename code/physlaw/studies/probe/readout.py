"""A linear read-out: ridge regression, its penalty chosen by leaving one out.

Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, sections 3.4.1 and 7.10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PENALTIES = np.logspace(-6, 2, 33)  # in units of the kernel's mean eigenvalue


@dataclass(frozen=True)
class ReadOut:
    """(N, K) features -> (N,) values."""

    centre: Array
    weights: Array
    offset: float

    def __call__(self, features: NDArray[np.floating]) -> Array:
        return np.asarray((features.astype(np.float64) - self.centre) @ self.weights + self.offset)


def fit_readout(features: NDArray[np.floating], values: Array) -> ReadOut:
    """The read-out of (N, K) features with the least error on what it leaves out one by one; features count by their
    spread, so that none matters for its unit alone. K may exceed N.

    Raises:
        ValueError: fewer than three rows.
    """
    if len(values) < 3:
        raise ValueError(f"a read-out needs three clips or more, got {len(values)}")
    x = features.astype(np.float64)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 1e-9 * max(1e-300, float(spread.max())), spread, np.inf)
    x = (x - centre) / scale
    offset = float(values.mean())
    y = values - offset
    eigenvalues, vectors = np.linalg.eigh(x @ x.T)
    eigenvalues = eigenvalues.clip(min=0)
    turned = vectors.T @ y
    best, chosen = np.inf, PENALTIES[-1]
    unit = max(float(eigenvalues.mean()), 1e-300)
    for penalty in PENALTIES * unit:
        kept = eigenvalues / (eigenvalues + penalty)
        leverage = (vectors**2) @ kept + 1 / len(y)  # the offset is fitted too
        left_out = (y - vectors @ (kept * turned)) / np.maximum(1 - leverage, 1e-9)
        error = float((left_out**2).mean())
        if error < best:
            best, chosen = error, penalty
    weights = x.T @ (vectors @ (turned / (eigenvalues + chosen))) / scale
    return ReadOut(centre, weights, offset)


def explained(read: Array, values: Array) -> float:
    """The share of the values' variance that a read-out explains; below 0 where their mean would be better."""
    return float(1 - ((read - values) ** 2).sum() / ((values - values.mean()) ** 2).sum())
