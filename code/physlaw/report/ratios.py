"""Claims that something does not help: ratios of errors, with and without it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.intervals import ratio_bootstrap
from physlaw.metric import Metric
from physlaw.report.checks import Estimate, Part, paired
from physlaw.report.compared import ERROR, Names, clips_of, values_of
from physlaw.report.figures import save
from physlaw.report.sections import Figure
from physlaw.report.study_report import Decide, StudyReport
from physlaw.report.verdicts import logarithms

COLUMNS = (ERROR, "truth_corrected", "reconstruction_corrected", "nearer_to_case", "generated_missing")
LEGEND = "Velocity error: the corrected one, world units per second, mean over clips."


def log_ratio(metrics: pd.DataFrame, error: str, before: Names, after: Names) -> Estimate | None:
    """log(after / before) of two cells' errors on the same clips, paired by seed, or by clip where there is one seed
    and clips are known; None where one has no positive value."""
    sides = [logarithms(values_of(metrics, error, **side)) for side in (before, after)]
    if any(rows.empty for rows in sides):
        return None
    clips = [clips_of(metrics, error, side) for side in (before, after)]
    both = clips[0].merge(clips[1], on=["block", "scene"], suffixes=("_before", "_after"))
    if max(map(len, sides)) > 1 or len(both) < 2:
        return paired(*sides)
    first, second = (both[f"{error}_{end}"].to_numpy(dtype=float) for end in ("before", "after"))
    low, high = ratio_bootstrap(second, first)
    return Estimate(math.log(second.sum() / first.sum()), math.log(low), math.log(high), 1)


def percent(ratio: Estimate) -> str:
    """A log ratio with its interval, and what it is in percent."""
    return f"{ratio.text(2, '+')} ({math.expm1(ratio.value):+.0%})"


def no_help(name: str, ratio: Estimate, margin: float) -> Part:
    """That a log ratio of errors is no help: one beyond the margin is excluded."""
    return Part(name, ratio, -margin)


def threshold_text(margin: float) -> str:
    """The threshold that goes with no_help."""
    return f"lower bound of the log ratio > -{margin:g}"


def _dots(names: Mapping[str, str], metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Errors of every cell in and out of distribution: a dot per seed, by data size and model, or by training set."""
    done = metrics[metrics["group"].isin(["id", "ood"])]
    by = "scenario" if done["scenario"].nunique() > 1 else "size"
    places = list(done[by].unique())
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for axes, (group, title) in zip(panels, (("id", "in distribution"), ("ood", "out of distribution")), strict=True):
        for number, (model, rows) in enumerate(done[done["group"] == group].groupby("model", sort=False)):
            x = [places.index(value) + 0.12 * number for value in rows[by]]
            axes.plot(x, rows[ERROR], "osd^v"[number % 5], ms=4, alpha=0.8, label=str(model))
        axes.set_xticks(range(len(places)), [names.get(place, str(place)) for place in places])
        axes.set(title=title, yscale="log")
    panels[0].set_ylabel("velocity error (world units / s)")
    panels[0].legend(fontsize=7)
    save(figure, path)


def ratio_report(
    study: ModuleType, metrics: tuple[Metric, ...], clip_columns: tuple[str, ...], decide: Decide, caption: str
) -> StudyReport:
    """The report of a study that compares errors with and without something; metrics, clip_columns: its score's."""
    names = getattr(study, "NAMES", {})
    return StudyReport(
        study,
        metrics,
        COLUMNS,
        groups={"id": "in distribution", "ood": "out of distribution"},
        clip_columns=clip_columns,
        figures=(Figure("errors", caption, partial(_dots, names)),),
        decide=decide,
        legend=LEGEND,
    )
