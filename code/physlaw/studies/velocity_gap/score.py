"""Velocity errors, and generated speeds against the trained bands."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.bands import band_summary
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import score_velocities
from physlaw.studies.velocity_gap.sets import SCENARIOS
from physlaw.studies.velocity_gap.study import BANDS


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    name = evaluation.cell.scenario
    return score_velocities(SCENARIOS[name], evaluation, band_summary(BANDS[name]))
