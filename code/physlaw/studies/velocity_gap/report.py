"""Section 5.1, Fig. 5: the scatter of generated speeds, the snap index, C8."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from physlaw.report.checks import NOT_RUN, Gate, Judgement, Part, judge, over_seeds
from physlaw.report.compared import (
    ERROR,
    IMPUTED,
    error_words,
    is_agent,
    judged_error,
    lacking,
    one_model,
    trained_gates,
    values_of,
)
from physlaw.report.sections import Figure
from physlaw.report.speeds import speed_panels
from physlaw.report.study_report import StudyReport
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.velocity_gap import score, study

THRESHOLD = (
    f"widest gap: share in a trained band and error / snapper's error, lower bounds > {study.HALF:g}; narrow gap and "
    f"two islands: error / snapper's error, upper bounds < {study.HALF:g}"
)
SPEEDS = (1.0, 4.0)


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C8: against a snapper, who takes every speed from the nearest trained band's edge."""
    model, size = one_model(metrics)
    cells = {name: {"scenario": name, "model": model, "size": size} for name in study.NAMES}
    sides = [{**cells[name], "group": "gap"} for name in study.DECIDING]
    column = study.EDGE_IMPUTED if judged_error(metrics, sides) == IMPUTED else study.EDGE
    found = [f"{model}, {size}, in the gap; error / snapper's error"]
    found += [text for name in study.NAMES if (text := _described(metrics, cells[name], column))]
    parts, missing = [], []
    for name, side in zip(study.DECIDING, sides, strict=True):
        ratio, share = (values_of(metrics, value, **side) for value in (column, "in_band"))
        if ratio.empty:
            missing.append(study.NAMES[name])
            continue
        wide = name == study.WIDE
        label = f"{study.NAMES[name]}, error / snapper's"
        parts.append(Part(label, over_seeds(ratio), study.HALF, above=wide))
        if wide:
            parts.append(Part(f"{study.NAMES[name]}, in a trained band", over_seeds(share), study.HALF))
    if why := lacking(metrics, [study.EDGE]) or (f"not finished: {', '.join(missing)}" if missing else ""):
        return [verdict_of(metrics, study, "C8", Judgement(NOT_RUN, why), "; ".join([*found, why]), THRESHOLD)]
    gates = trained_gates(metrics, [cells[name] for name in study.DECIDING])
    judged = judge(parts, [*gates, _equal(metrics, model, size)], agent=is_agent(metrics))
    found += [error_words(IMPUTED)] if column == study.EDGE_IMPUTED else []
    basis = parts[0].estimate.basis
    return [verdict_of(metrics, study, "C8", judged, "; ".join(found), THRESHOLD, basis)]


def _equal(metrics: pd.DataFrame, model: str, size: str) -> Gate:
    """Sets of different sizes would differ by more than the gap."""
    chosen = metrics["scenario"].isin(study.DECIDING) & (metrics["model"] == model) & (metrics["size"] == size)
    counts = sorted(set(metrics.loc[chosen & (metrics["kind"] != "missing"), "training_clips"].dropna().astype(int)))
    return Gate("equal training sets", len(counts) < 2, f"clips: {', '.join(map(str, counts))}")


def _described(metrics: pd.DataFrame, cell: dict[str, str], column: str) -> str:
    """A set's error over the snapper's, its share in a trained band, and both errors."""
    columns = (column, "in_band", ERROR, "snapper_corrected")
    known = [values_of(metrics, name, **cell, group="gap") for name in columns]
    if any(rows.empty for rows in known):
        return ""
    ratio, share, error, snapper = (float(rows["value"].mean()) for rows in known)
    name = study.NAMES[cell["scenario"]]
    return f"{name} {ratio:.2f} (in a trained band {share:.2f}, error {error:.3f}, snapper {snapper:.3f})"


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
