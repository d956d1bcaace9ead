"""Velocity errors in and out of distribution, follow, and the ratio of errors."""

from __future__ import annotations

import math

import pandas as pd

from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import CLIP_COLUMNS, ERROR, IMPUTED, score_velocities
from physlaw.evaluation.velocity_blocks import METRICS as VELOCITIES
from physlaw.metric import Metric
from physlaw.studies.carrier.sets import SCENARIOS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
# A group's error over that in distribution; and with vanished balls standing still in both.
RATIO = Metric("ratio", "error / ID error", 1)
RATIO_IMPUTED = Metric("ratio_imputed", "the same, vanished balls standing still", 1)
METRICS = (*VELOCITIES, RATIO, RATIO_IMPUTED)


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    rows = score_velocities(SCENARIOS[evaluation.cell.scenario], evaluation)
    known = rows[rows["group"] == "id"].iloc[0]
    for ratio, error in ((RATIO, ERROR), (RATIO_IMPUTED, IMPUTED)):
        below = float(known[error.column])
        rows[ratio.column] = rows[error.column] / below if below > 0 else math.nan
    return rows
