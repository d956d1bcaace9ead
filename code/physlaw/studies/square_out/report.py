"""Section 5.1, Fig. 6: errors over the grid of speeds or sizes, inside and outside the hull of what was trained, C9."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle

from physlaw.report.checks import NOT_RUN, Judgement, Part, judge, paired
from physlaw.report.compared import error_words, is_agent, judged_error, one_model, trained_gates, values_of
from physlaw.report.figures import save
from physlaw.report.sections import Figure
from physlaw.report.study_report import StudyReport
from physlaw.report.verdicts import Verdict, logarithms, verdict_of
from physlaw.studies.square_out import score, study

ERROR = "generated_corrected"
COLOURS = "viridis"
MASS = "hole_mass"  # its grid is over sizes
TRAINED_EDGE = "#d1242f"


THRESHOLD = (
    f"(outside / inside) of the rim over that of the control: lower bound >= {study.RATIO:g}; inside / trained of the "
    f"rim: upper bound <= {study.INSIDE:g}"
)


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C9: the rim against a control that was trained on everything, on the same clips in the same range of speeds, so
    that what is harder outside for any model is taken out."""
    model, size = one_model(metrics)
    rim, control = ({"scenario": name, "model": model, "size": size} for name in (study.RIM, study.CONTROL))
    sides = [{**cell, "group": group} for cell in (rim, control) for group in ("id", "inside", study.OUTSIDE)]
    error = judged_error(metrics, sides)
    found = [f"{model}, {size}", *([error_words(error)] if error_words(error) else [])]
    found += [text for name in study.NAMES if (text := _described(metrics, name, model, size, error))]
    logs = [logarithms(values_of(metrics, error, **side)) for side in sides]
    missing = [f"{side['scenario']} {side['group']}" for side, rows in zip(sides, logs, strict=True) if rows.empty]
    if missing:
        why = f"not finished: {', '.join(missing)}"
        return [verdict_of(metrics, study, "C9", Judgement(NOT_RUN, why), "; ".join([*found, why]), THRESHOLD)]
    trained, inside, outside, _, easy, hard = logs
    ratios = paired(_change(easy, hard), _change(inside, outside)).map(math.exp)
    within = paired(trained, inside).map(math.exp)
    parts = [
        Part("rim's outside / inside over the control's", ratios, study.RATIO, meets=True),
        Part("rim's inside / trained", within, study.INSIDE, above=False, meets=True),
    ]
    judged = judge(parts, trained_gates(metrics, [rim, control], reversible=False), agent=is_agent(metrics))
    return [verdict_of(metrics, study, "C9", judged, "; ".join(found), THRESHOLD, ratios.basis)]


def _change(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """After minus before, seed by seed; ends as of independent values."""
    both = before.merge(after, on="seed", suffixes=("_a", "_b"))
    value = both["value_b"] - both["value_a"]
    down = np.hypot(both["value_b"] - both["low_b"], both["high_a"] - both["value_a"])
    up = np.hypot(both["high_b"] - both["value_b"], both["value_a"] - both["low_a"])
    return pd.DataFrame({"seed": both["seed"], "value": value, "low": value - down, "high": value + up})


def _described(metrics: pd.DataFrame, scenario: str, model: str, size: str, error: str) -> str:
    known = {
        name: values_of(metrics, error, scenario=scenario, model=model, size=size, group=group)["value"].mean()
        for group, name in (("id", "trained"), ("inside", "inside"), (study.OUTSIDE, "outside in range"))
    }
    texts = [f"{name} {value:.3f}" for name, value in known.items() if np.isfinite(value)]
    return f"{study.NAMES[scenario]}: {', '.join(texts)}" if texts else ""


def _grids(metrics: pd.DataFrame, clips: pd.DataFrame) -> list[tuple[str, str, str, pd.DataFrame]]:
    """(training set, first factor, second factor, mean error and level by their values) of every finished set."""
    found = []
    done = metrics.loc[metrics["kind"] != "missing", ["cell", "scenario"]].drop_duplicates()
    for scenario in study.NAMES:
        cells = done.loc[done["scenario"] == scenario, "cell"]
        part = clips[clips["cell"].isin(cells) & clips[ERROR].notna()]
        if len(part):
            first, second = ("r1", "r2") if scenario == MASS else ("v1", "v2")
            found.append(
                (scenario, first, second, part.groupby([first, second])[[ERROR, "level"]].mean().reset_index())
            )
    return found


def _scale(grids: list[tuple[str, str, str, pd.DataFrame]]) -> Normalize:
    values = np.concatenate([grid[ERROR].to_numpy() for *_, grid in grids])
    values = values[values > 0]
    return LogNorm(values.min(), values.max()) if len(values) and values.min() < values.max() else Normalize(0, 1)


def _half_steps(values: np.ndarray) -> float:
    return float(np.diff(np.sort(values)).min()) / 2 if len(values) > 1 else 0.5


def _heat_map(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """A square per pair of values, coloured by the mean error; trained ones have a red frame."""
    grids = _grids(metrics, clips)
    columns = min(4, max(1, len(grids)))
    rows = max(1, -(-len(grids) // columns))
    figure, panels = plt.subplots(
        rows, columns, figsize=(3.1 * columns, 2.7 * rows), squeeze=False, layout="constrained"
    )
    scale = _scale(grids) if grids else Normalize(0, 1)
    for axes in panels.flat[len(grids) :]:
        axes.set_visible(False)
    for axes, (scenario, first, second, grid) in zip(panels.flat, grids, strict=False):
        _paint_squares(axes, grid, first, second, scale)
        axes.set(title=study.NAMES[scenario], xlabel=first, ylabel=second)
        axes.grid(visible=False)
    figure.colorbar(plt.cm.ScalarMappable(scale, COLOURS), ax=panels, label="velocity error", shrink=0.8)
    save(figure, path)


def _paint_squares(axes: Axes, grid: pd.DataFrame, first: str, second: str, scale: Normalize) -> None:
    colours = plt.get_cmap(COLOURS)
    w, h = (_half_steps(grid[name].unique()) for name in (first, second))
    for x, y, error, level in grid[[first, second, ERROR, "level"]].itertuples(index=False):
        edge = TRAINED_EDGE if level == 0 else "none"
        axes.add_patch(Rectangle((x - w, y - h), 2 * w, 2 * h, facecolor=colours(scale(error)), edgecolor=edge, lw=0.8))
    axes.set_xlim(grid[first].min() - w, grid[first].max() + w)
    axes.set_ylim(grid[second].min() - h, grid[second].max() + h)


def _bars(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """The paper's bars over the plane: height is the error, trained pairs are red."""
    grids = _grids(metrics, clips)
    columns = min(4, max(1, len(grids)))
    rows = max(1, -(-len(grids) // columns))
    figure = plt.figure(figsize=(3.6 * columns, 3.2 * rows))
    for number, (scenario, first, second, grid) in enumerate(grids, 1):
        axes = figure.add_subplot(rows, columns, number, projection="3d")
        w, h = (2 * _half_steps(grid[name].unique()) * 0.8 for name in (first, second))
        colours = [TRAINED_EDGE if level == 0 else "#1f6feb" for level in grid["level"]]
        axes.bar3d(grid[first] - w / 2, grid[second] - h / 2, 0, w, h, grid[ERROR], color=colours, shade=True)  # type: ignore[attr-defined]
        axes.set(title=study.NAMES[scenario], xlabel=first, ylabel=second)
    save(figure, path)


REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    columns=(ERROR, "truth_corrected", "retrieved_corrected", "nearer_to_case", "generated_missing"),
    groups={"id": "trained", "inside": "removed, inside the hull", "outside": "outside the hull"},
    clip_columns=score.CLIP_COLUMNS,
    figures=(
        Figure(
            "heat_map",
            "Error by speeds. Each square is the mean velocity error of the generated clips with these values, over "
            "sizes (over speeds for the hole in sizes) and seeds; a red frame marks what was trained.",
            _heat_map,
        ),
        Figure("bars", "The same as bars. Height is the velocity error; red was trained.", _bars),
    ),
    decide=_verdicts,
    legend="Velocity error: the corrected one after the contact, world units per second, mean over clips. Retrieval: "
    "of the nearest training clip, copied.",
)
