"""What a model's exam comes to, as plain data: card.json. `physlaw exam compare` reads it, and so may leader boards."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.errors import UserError
from physlaw.exam.score import Scored
from physlaw.metric import bounds
from physlaw.report.checks import NOT_APPLICABLE, NOT_RUN, over_seeds
from physlaw.report.compared import ERROR, IMPUTED, MEASURED
from physlaw.report.verdicts import Verdict
from physlaw.schema import read_record
from physlaw.studies import registry

FILE = "card.json"
KIND = "exam"
KEYS = ("kind", "exam_digest", "answers_sha256", "name", "study", "rows", "claims")
FOLLOW = "follow"
FOUND = ("claim", "verdict", "found", "threshold", "reason", "value", "low", "high", "sentence")


def card_of(scored: Scored, verdicts: list[Verdict]) -> dict[str, Any]:
    """The card. Numbers that could not be measured are null."""
    return {
        "kind": KIND,
        "exam_digest": scored.paper.digest,
        "answers_sha256": scored.answers_sha256,
        "name": scored.name,
        "study": scored.paper.config.study,
        "rows": rows_of(scored.metrics, scored.paper.config.study),
        "claims": [{key: _plain(asdict(one)[key]) for key in FOUND} for one in verdicts],
    }


def decided(scored: Scored) -> list[Verdict]:
    """The verdicts of the claims that one model can decide."""
    every = registry.report_of(scored.paper.config.study).verdicts(scored.metrics, {})
    return [one for one in every if one.verdict not in (NOT_RUN, NOT_APPLICABLE)]


def rows_of(metrics: pd.DataFrame, study: str) -> list[dict[str, Any]]:
    """A row per scenario and group of clips; with several seeds their mean, and its interval over seeds. What a study
    measures instead of velocities has its own columns behind."""
    own = [metric.column for metric in registry.report_of(study).shown if metric.column != ERROR]
    rows = []
    for (scenario, group), part in metrics.groupby(["scenario", "group"], sort=False):
        error = estimate(part, ERROR)
        row = {"scenario": scenario, "group": group, "clips": _clips(part)}
        row |= {"measured_share": mean(part, MEASURED), "corrected": error[0]}
        row |= {"corrected_low": error[1], "corrected_high": error[2]}
        row |= {"corrected_imputed": mean(part, IMPUTED), "follow": mean(part, FOLLOW)}
        if ERROR not in metrics:
            row |= {column: mean(part, column) for column in own}
        rows.append({key: _plain(value) for key, value in row.items()})
    return rows


def _clips(part: pd.DataFrame) -> int | None:
    counted = [name for name in ("clips", "decided_clips") if name in part]
    return int(part[counted[0]].sum()) if counted and part[counted[0]].notna().all() else None


def mean(part: pd.DataFrame, column: str) -> float:
    """Over seeds; NaN where the study has no such column."""
    return float(part[column].mean()) if column in part else math.nan


def estimate(part: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """Value and interval: over seeds, or of one seed over clips."""
    if column not in part or part[column].isna().all():
        return math.nan, math.nan, math.nan
    low, high = (part.get(name, pd.Series(math.nan, part.index)) for name in bounds(column))
    found = over_seeds(pd.DataFrame({"seed": part["seed"], "value": part[column], "low": low, "high": high}))
    return found.value, found.low, found.high


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_card(path: Path) -> dict[str, Any]:
    """A card.json, or the folder that holds it.

    Raises:
        UserError: it is not there, or none.
    """
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{path}: no such card; `physlaw exam score` writes it")
    card = read_record(path, *KEYS)
    if card["kind"] != KIND or not isinstance(card["rows"], list):
        raise UserError(f"{path}: not the card of an exam")
    return card
