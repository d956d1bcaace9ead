"""Velocity errors, and generated speeds against the trained bands."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.bands import band_summary
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import score_velocities
from physlaw.worlds.variants import GAPS


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    return score_velocities(evaluation, band_summary(GAPS[evaluation.cell.scenario]))
