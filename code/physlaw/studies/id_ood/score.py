"""Velocity errors in and out of distribution."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import METRICS, SOURCES, score_velocities
from physlaw.studies.id_ood.sets import SCENARIOS

__all__ = ["CLIP_COLUMNS", "METRICS", "OF_TWO_BALLS", "score"]
# Of a clip: what figures need.
OF_TWO_BALLS = tuple(f"{source}_vx2" for source in ("law", *SOURCES))
CLIP_COLUMNS = (*(f"{source}_vx1" for source in ("law", *SOURCES)), "generated_corrected", "nearer_to_case")


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    return score_velocities(SCENARIOS[evaluation.cell.scenario], evaluation)
