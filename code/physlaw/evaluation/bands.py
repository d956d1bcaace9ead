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
from physlaw.metric import MEAN, SHARE, Metric

Array = NDArray[np.float64]
Bands = tuple[tuple[float, float], ...]

NEAR = 0.1  # world units / s; nearer to a band than this, copying it and following the law look the same
SLACK = (
    0.05  # world units / s that a speed may miss a band by and still count as in it; the tracker's own error is 0.01
)
LIMITS = (-1.0, 2.0)  # of a clip's snap index, so that one wild clip does not make the mean

# Of a group of clips: the mean index, of the clips that have one, and shares of the clips whose speed was measured.
SNAP = Metric("snap", "snap index", 2, interval=MEAN, counted=True)
IN_BAND = Metric("in_band", "in a trained band", 2, interval=SHARE)  # either way
REVERSED = Metric("reversed", "reversed", 2, interval=SHARE)  # the ball moves to the left
METRICS = (SNAP, IN_BAND, REVERSED)


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
    """The columns of METRICS for a group of clips."""

    def summary(table: pd.DataFrame) -> dict[str, float]:
        conditioned, generated = (table[f"{name}_vx1"].to_numpy(dtype=np.float64) for name in ("law", "generated"))
        measured = generated[np.isfinite(generated)]
        index = snap_index(conditioned, generated, bands)
        near = np.abs(nearest_in_bands(np.abs(measured), bands) - np.abs(measured)) <= SLACK
        return SNAP.over(index) | IN_BAND.over(near) | REVERSED.over(measured < -SLACK)

    return summary
