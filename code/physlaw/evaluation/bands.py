"""Generated speeds against the bands of speed that a model was trained on: does it interpolate, snap to a band, or
reverse the motion?

Source: paper sections 5.1 and 5.2, which show scatter plots and give no measure; these are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.evaluation.following import nearest_in_bands
from physlaw.intervals import ratio_bootstrap
from physlaw.metric import MEAN, OWN, SHARE, Metric

Array = NDArray[np.float64]
Bands = tuple[tuple[float, float], ...]

NEAR = 0.1  # world units / s; nearer to a band than this, copying it and following the law look the same
SLACK = (
    0.05  # world units / s that a speed may miss a band by and still count as in it; the tracker's own error is 0.01
)
BACK = 0.5  # world units / s to the left
LIMITS = (-1.0, 2.0)  # of a clip's snap index, so that one wild clip does not make the mean

# Of a group of clips: the mean index, of the clips that have one, and shares of the clips whose speed was measured.
SNAP = Metric("snap", "snap index", 2, interval=MEAN, counted=True)
IN_BAND = Metric("in_band", "in a trained band", 2, interval=SHARE)  # either way
REVERSED = Metric("reversed", "reversed", 2, interval=SHARE)  # the ball moves to the left
# Of all clips: a ball that is seen and moves to the left faster than BACK, and one that vanishes.
REVERSED_OF_ALL = Metric("reversed_of_all", "reversed, of all clips", 3, interval=SHARE)
VANISHED = Metric("vanished", "vanished", 3, interval=SHARE)
# The generated clips' error over the snapper's; and with vanished balls standing still.
EDGE = Metric("edge_ratio", "error / snapper's error", 2, interval=OWN)
EDGE_IMPUTED = Metric("edge_ratio_imputed", "the same, vanished balls standing still", 2, interval=OWN)
METRICS = (SNAP, IN_BAND, REVERSED, REVERSED_OF_ALL, VANISHED, EDGE, EDGE_IMPUTED)


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
        row = SNAP.over(index) | IN_BAND.over(near) | REVERSED.over(measured < -SLACK)
        seen = table["measured_share"].to_numpy() > 0
        with np.errstate(invalid="ignore"):
            row |= REVERSED_OF_ALL.over(seen & (generated < -BACK)) | VANISHED.over(~seen)
        return row | _edge(table, EDGE, "generated_corrected") | _edge(table, EDGE_IMPUTED, "corrected_imputed")

    return summary


def _edge(table: pd.DataFrame, metric: Metric, error: str) -> dict[str, float]:
    """Sum of the error over sum of the snapper's, over the clips that have both; NaN where the snapper errs nowhere."""
    errors, snapper = (table[name].to_numpy(dtype=np.float64) for name in (error, "snapper_corrected"))
    known = np.isfinite(errors) & (snapper > 0)
    if not known.any():
        return metric.stated(math.nan)
    value = float(errors[known].sum() / snapper[known].sum())
    return metric.stated(value, *ratio_bootstrap(errors[known], snapper[known]))
