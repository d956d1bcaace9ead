"""Pictures at the release's size made smaller: every pixel is the average over its area."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NATIVE = 256


def area_weights(resolution: int) -> NDArray[np.float64]:
    """(resolution, 256): row i holds the share of each native pixel in averaged pixel i; rows sum to 1."""
    edges = np.arange(resolution + 1) * (NATIVE / resolution)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(NATIVE)[None]
    overlap = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return overlap / overlap.sum(axis=1, keepdims=True)


def area_average(frames: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """(..., 256, 256, C) uint8 -> (..., resolution, resolution, C) uint8, rounded half up."""
    if NATIVE % resolution == 0:  # whole blocks, in integers
        factor = NATIVE // resolution
        rows = frames.reshape(*frames.shape[:-3], resolution, factor, NATIVE, frames.shape[-1])
        sums = rows.sum(axis=-3, dtype=np.uint16)
        blocks = sums.reshape(*sums.shape[:-2], resolution, factor, frames.shape[-1])
        return ((blocks.sum(axis=-2, dtype=np.uint32) + factor**2 // 2) // factor**2).astype(np.uint8)
    weights = area_weights(resolution)
    averaged = np.einsum("ih,...hwc->...iwc", weights, frames.astype(np.float64), optimize=True)
    averaged = np.einsum("jw,...iwc->...ijc", weights, averaged, optimize=True)
    return np.floor(averaged + 0.5 + 1e-9).astype(np.uint8)
