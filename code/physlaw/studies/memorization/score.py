"""Velocity errors, and generated speeds against the trained band."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from physlaw.evaluation.bands import IN_BAND, REVERSED, band_summary
from physlaw.evaluation.bands import METRICS as OF_BANDS
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import CLIP_COLUMNS, score_velocities
from physlaw.evaluation.velocity_blocks import METRICS as VELOCITIES
from physlaw.studies.memorization.sets import SCENARIOS
from physlaw.studies.memorization.study import BANDS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
_WORDS = {REVERSED: replace(REVERSED, digits=3), IN_BAND: replace(IN_BAND, header="at a trained speed")}
METRICS = (*VELOCITIES, *(_WORDS.get(metric, metric) for metric in OF_BANDS))


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips."""
    name = evaluation.cell.scenario
    return score_velocities(SCENARIOS[name], evaluation, band_summary(BANDS[name]), BANDS[name])
