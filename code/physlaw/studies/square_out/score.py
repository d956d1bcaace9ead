"""Velocity errors in what was trained, in the hole and outside the hull."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import METRICS, score_velocities
from physlaw.studies.square_out.sets import SCENARIOS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
CLIP_COLUMNS = ("r1", "r2", "v1", "v2", "generated_corrected", "generated_missing")  # of a clip: what figures need


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    return score_velocities(SCENARIOS[evaluation.cell.scenario], evaluation)
