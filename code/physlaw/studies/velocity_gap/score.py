"""Velocity errors, and generated speeds against the trained bands."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.bands import METRICS as BANDS
from physlaw.evaluation.bands import band_summary
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import CLIP_COLUMNS, score_velocities
from physlaw.evaluation.velocity_blocks import METRICS as VELOCITIES
from physlaw.worlds.variants import GAPS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
METRICS = (*VELOCITIES, *BANDS)


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    return score_velocities(evaluation, band_summary(GAPS[evaluation.cell.scenario]))
