"""Velocity errors, follow, and the reach."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import CLIP_COLUMNS, score_velocities
from physlaw.evaluation.velocity_blocks import METRICS as VELOCITIES
from physlaw.studies.dose.reach import REACH, reach
from physlaw.studies.dose.sets import SCENARIOS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
METRICS = (*VELOCITIES, REACH)


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    return score_velocities(SCENARIOS[evaluation.cell.scenario], evaluation, reach)
