"""As attribute pairs."""

from __future__ import annotations

import pandas as pd

from physlaw.evaluation.blocks import Evaluation
from physlaw.studies.attributes.score import CLIP_COLUMNS, METRICS, score_pair
from physlaw.studies.ring.sets import PAIR, SCENARIOS

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]


def score(evaluation: Evaluation) -> pd.DataFrame:
    """Which of two attributes the generated objects keep, a row per group of clips."""
    return score_pair(SCENARIOS[evaluation.cell.scenario], PAIR, evaluation)
