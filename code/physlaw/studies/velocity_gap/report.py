"""Section 5.1, Fig. 5: the scatter of generated speeds, the snap index, C8."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pandas as pd

from physlaw.report.sections import Figure
from physlaw.report.speeds import speed_panels
from physlaw.report.study_report import StudyReport, make_verdict, not_run, one_model, values_of
from physlaw.report.verdicts import Verdict, basis, decide, difference
from physlaw.studies.velocity_gap import score, study

THRESHOLD = "every difference > 0, its interval beyond 0"
SPEEDS = (1.0, 4.0)


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """The sets that have finished must fall in order; the widest, a narrower one and one with islands are needed."""
    model, size = one_model(metrics)

    def errors(scenario: str) -> pd.DataFrame:
        return values_of(metrics, "generated_corrected", scenario=scenario, model=model, size=size, group="gap")

    known = [[name for name in order if len(errors(name))] for order in study.ORDERS]
    short = [order for order, found in zip(study.ORDERS, known, strict=True) if len(found) < 2 or order[0] not in found]
    if short:
        wanted = " or ".join(study.NAMES[name] for name in short[0][1:])
        why = f"not finished: {study.NAMES[short[0][0]]}, and {wanted}"
        return [not_run(metrics, study, "C8", why, THRESHOLD)]
    steps = [pair for found in known for pair in pairwise(found)]
    falls = [difference(errors(after), errors(before)) for before, after in steps]
    shown = list(dict.fromkeys(name for found in known for name in found))
    texts = [f"{model}, {size}; in the gap: " + ", ".join(_described(metrics, name, model, size) for name in shown)]
    texts += [
        f"{study.NAMES[before]} minus {study.NAMES[after]} {fall.text(3)}"
        for (before, after), fall in zip(steps, falls, strict=True)
    ]
    left_out = [study.NAMES[name] for order in study.ORDERS for name in order if name not in shown]
    texts += [f"not finished: {', '.join(left_out)}"] if left_out else []
    found = "; ".join(texts)
    return [make_verdict(metrics, study, "C8", decide(falls), found, THRESHOLD, basis(falls))]


def _described(metrics: pd.DataFrame, scenario: str, model: str, size: str) -> str:
    mean, snap = (
        values_of(metrics, column, scenario=scenario, model=model, size=size, group="gap")["value"].mean()
        for column in ("generated_corrected", "snap")
    )
    return f"{study.NAMES[scenario]} {mean:.3f} (snap index {snap:.2f})"


def _draw(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    speed_panels(metrics, clips, path, study.NAMES, study.BANDS, SPEEDS)


def _draw_extrapolation(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    speed_panels(metrics, clips, path, study.NAMES, study.BANDS, (0.0, 6.0))


REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    columns=(
        "generated_corrected",
        "truth_corrected",
        "snap",
        "in_band",
        "reversed",
        "nearer_to_case",
        "generated_missing",
    ),
    groups={"id": "trained bands", "gap": "the gap", "extrapolation": "beyond 1 to 4"},
    clip_columns=score.CLIP_COLUMNS,
    figures=(
        Figure(
            "speeds",
            "Generated against conditioned speed. Each dot is a clip; grey bands are trained speeds. A model that "
            "interpolates lies on y = x in the gap too, one that snaps on the nearer band.",
            _draw,
        ),
        Figure(
            "extrapolation",
            "Generated against conditioned speed from 0 to 6. No set has speeds beyond 1 to 4.",
            _draw_extrapolation,
        ),
    ),
    decide=_verdicts,
    legend="Velocity error: the corrected one, world units per second. Snap index: 0 follows the conditioned speed, 1 "
    "copies the nearer band's edge; of clips at least 0.1 away from a band. In a trained band: within 0.05 of one. "
    "Nearer to case: nearer to the speed of the most similar training clip than to the law.",
)
