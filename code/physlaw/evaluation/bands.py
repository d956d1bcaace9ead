"""Generated speeds against the bands of speed that a model was trained on: does it interpolate, snap to a band, or
reverse the motion?

Source: paper sections 5.1 and 5.2, which show scatter plots and give no measure; these are ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.evaluation.following import nearest_in_bands
from physlaw.intervals import mean_columns, share_columns

Array = NDArray[np.float64]
Bands = tuple[tuple[float, float], ...]

NEAR = 0.1  # world units / s; nearer to a band than this, copying it and following the law look the same
SLACK = (
    0.05  # world units / s that a speed may miss a band by and still count as in it; the tracker's own error is 0.01
)
LIMITS = (-1.0, 2.0)  # of a clip's snap index, so that one wild clip does not make the mean


def snap_index(conditioned: Array, generated: Array, bands: Bands) -> Array:
    """(N,) how far the generated speed went from the conditioned one towards the nearest trained one: 0 follows the
    law, 1 copies the nearest band's edge, above 1 lies within the band; within LIMITS. NaN where the condition is
    less than NEAR away from a band, or nothing was measured."""
    edge = nearest_in_bands(conditioned, bands)
    away = edge - conditioned
    with np.errstate(invalid="ignore", divide="ignore"):
        index = np.clip((generated - conditioned) / away, *LIMITS)
    return np.asarray(np.where(np.abs(away) >= NEAR, index, np.nan))


def band_summary(bands: Bands) -> Callable[[pd.DataFrame], dict[str, float]]:
    """Columns for a group of clips: snap (mean index, bootstrap interval over clips) and, as shares of the measured
    clips with Wilson intervals, in_band (the generated speed, either way, is a trained one) and reversed (the ball
    moves to the left). snap_clips is how many clips snap is the mean of."""

    def summary(table: pd.DataFrame) -> dict[str, float]:
        conditioned, generated = (table[f"{name}_vx1"].to_numpy(dtype=np.float64) for name in ("law", "generated"))
        measured = generated[np.isfinite(generated)]
        index = snap_index(conditioned, generated, bands)
        row = {**mean_columns("snap", index), "snap_clips": float(np.isfinite(index).sum())}
        near = np.abs(nearest_in_bands(np.abs(measured), bands) - np.abs(measured)) <= SLACK
        return row | share_columns("in_band", near) | share_columns("reversed", measured < -SLACK)

    return summary
