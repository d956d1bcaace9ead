"""The printed row: a model beside what true clips, reference agents, committed models and the paper have."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from physlaw.errors import UserError
from physlaw.exam.card import FOLLOW, estimate, mean
from physlaw.exam.score import Scored
from physlaw.profiles import REPOSITORY
from physlaw.report.compared import ERROR, IMPUTED, MEASURED
from physlaw.report.metrics import read_metrics
from physlaw.report.study_report import finished_rows
from physlaw.report.tables import Table, number
from physlaw.studies import registry

HEADER = [
    "scenario",
    "clips of",
    "who",
    "clips",
    "measured",
    "velocity error [95 %]",
    "vanished standing still",
    "follow",
]
# Columns of a model's own rows that say what reference agents err by on the same clips.
BESIDE = {
    "true clips (law)": ("truth_corrected", 1.0),
    "held to the trained range (clamp)": ("clamp_corrected", 0.0),
    "the nearest training clip, copied": ("retrieved_corrected", math.nan),
}


def exam_table(scored: Scored) -> Table:
    """Rows per scenario and group of clips that the study's tables show. Velocities in world units / s."""
    study = scored.paper.config.study
    report = registry.report_of(study)
    if ERROR not in scored.metrics:
        return report.mean_table(scored.metrics)
    committed = committed_metrics(study)
    rows = []
    for scenario in scored.metrics["scenario"].unique():
        for group, called in report.groups.items():
            part = scored.metrics[(scored.metrics["scenario"] == scenario) & (scored.metrics["group"] == group)]
            if part.empty:
                continue
            names = [str(scenario), called]
            rows.append([*names, scored.name, *_cells(part)])
            if (floor := scored.floors.get((str(scenario), group))) is not None:
                rows.append(
                    [*names, "true clips through the answers' mp4", str(floor[1]), "", number(floor[0]), "", ""]
                )
            for who, (column, follow) in BESIDE.items():
                if column in part:
                    error = _interval(*estimate(part[part["seed"] == part["seed"].min()], column))  # the same for all
                    rows.append([*names, who, "", "", error, "", number(follow, 2) if math.isfinite(follow) else ""])
            rows += [[*names, who, *cells] for who, cells in _committed(committed, str(scenario), group)]
            rows += [
                [*names, who, "", "", f"{error:.3f}", "", ""] for who, error in _paper(study, str(scenario), group)
            ]
    return HEADER, rows


def _cells(part: pd.DataFrame) -> list[str]:
    own = [str(int(part["clips"].sum())), number(mean(part, MEASURED), 2), _interval(*estimate(part, ERROR))]
    return [*own, number(mean(part, IMPUTED)), number(mean(part, FOLLOW), 2)]


def _interval(value: float, low: float, high: float) -> str:
    shown = number(value)
    return shown if not math.isfinite(low + high) else f"{shown} [{number(low)}, {number(high)}]"


def committed_metrics(study: str) -> dict[str, pd.DataFrame]:
    """Scale -> the rows of this checkout's results; none where there are no results, as in an installed package."""
    found = {}
    for path in sorted((REPOSITORY / "results" / study).glob("*/metrics.csv")):
        try:
            found[path.parent.name] = finished_rows(read_metrics(path.parent))
        except UserError:
            continue  # they stand beside, no more
    return found


def _committed(found: dict[str, pd.DataFrame], scenario: str, group: str) -> list[tuple[str, list[str]]]:
    """Of every scale the largest model with the most training clips."""
    rows = []
    for scale, metrics in found.items():
        part = metrics[(metrics["scenario"] == scenario) & (metrics["group"] == group)]
        if part.empty or ERROR not in part:
            continue
        best = part.sort_values(["parameters", "training_clips"]).iloc[-1]
        part = part[(part["model"] == best["model"]) & (part["size"] == best["size"])]
        name = f"committed: {best['model']}, {best['size']} clips ({scale}, {best['resolution']:.0f} pixels)"
        rows.append((name, _cells(part)))
    return rows


def _paper(study: str, scenario: str, group: str) -> list[tuple[str, float]]:
    """The paper's largest model with the most clips, where it gives numbers."""
    words = registry.part(study, "study")
    known: dict[str, Any] = getattr(words, "PAPER_ERRORS", {})
    models = known.get(scenario, {}).get(group)
    if not models:
        return []
    model, errors = list(models.items())[-1]
    return [(f"the paper: {model}, {words.PAPER_CLIPS[-1]:,} clips", errors[-1])]
