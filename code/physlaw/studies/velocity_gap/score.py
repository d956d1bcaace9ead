"""Velocity errors, and generated speeds against the trained bands."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.bands import METRICS as OF_BANDS
from physlaw.evaluation.bands import band_summary
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import CLIP_COLUMNS, score_velocities
from physlaw.evaluation.velocity_blocks import METRICS as VELOCITIES
from physlaw.studies.velocity_gap.sets import SCENARIOS
from physlaw.studies.velocity_gap.study import BANDS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
METRICS = (*VELOCITIES, *OF_BANDS)


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    name = evaluation.cell.scenario
    return score_velocities(SCENARIOS[name], evaluation, band_summary(BANDS[name]), BANDS[name])
