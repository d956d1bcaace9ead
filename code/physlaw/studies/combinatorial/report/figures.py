"""The study's figures as SVG, from metrics.csv and frames.csv alone."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from physlaw.report.figures import IN_DIST, OOD, save
from physlaw.report.page import MAX_SHOWN
from physlaw.report.study_report import finished_rows as finished
from physlaw.studies.combinatorial.abnormal import CAUSES
from physlaw.studies.combinatorial.ambiguity import ALL
from physlaw.studies.combinatorial.measures import OF_FRAMES
from physlaw.studies.combinatorial.report.rows import (
    MEASURES,
    OBJECT_MEASURES,
    SET_NAMES,
    families,
    keys,
    known_values,
    margin_name,
    margin_rows,
    margins,
    metric_of,
    ranked_models,
)
from physlaw.studies.combinatorial.study import IN_TEMPLATE, OUT_OF_TEMPLATE, SETS

SET_COLOURS = {IN_TEMPLATE: IN_DIST, OUT_OF_TEMPLATE: OOD}
STYLES, MARKERS = ("-", "--", ":", "-."), "osd^"  # models, the largest first
NOTHING = "nothing measured yet"


def first_cells(metrics: pd.DataFrame) -> pd.DataFrame:
    """Finished cells of the first seed each, the largest model first: columns cell, model, size."""
    cells = finished(metrics).sort_values("seed", kind="stable").drop_duplicates(["model", "size"])
    order = {key: k for k, key in enumerate(keys(metrics))}
    rank = [order[str(m), str(n)] for m, n in cells[["model", "size"]].itertuples(index=False)]
    return cells.iloc[np.argsort(rank, kind="stable")][["cell", "model", "size"]].head(MAX_SHOWN)


def _bars(rows: pd.DataFrame) -> tuple[float, float, float]:
    """A point and its interval: over clips, or with several seeds their mean and their range."""
    if len(rows) > 1:
        return float(rows["value"].mean()), float(rows["value"].min()), float(rows["value"].max())
    row = rows.iloc[0]
    low, high = (row[end] if pd.notna(row[end]) else row["value"] for end in ("low", "high"))
    return float(row["value"]), float(low), float(high)


def measures_against_templates(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Every measure that has values against the number of templates, in and out of template, a line per model."""
    every, models = keys(metrics), ranked_models(metrics)
    measures = [
        m
        for m in (*MEASURES, *OBJECT_MEASURES)
        if any(len(known_values(metrics, key, g, m)) for key in every for g in SETS)
    ]
    columns = min(4, max(1, len(measures)))
    rows = max(1, -(-len(measures) // columns))
    figure, panels = plt.subplots(rows, columns, figsize=(2.7 * columns, 2.6 * rows), squeeze=False)
    for axes in panels.flat[len(measures) :]:
        axes.set_visible(False)
    for axes, measure in zip(panels.flat, measures, strict=False):
        for k, model in enumerate(models):
            for group in SETS:
                found = [(int(n), known_values(metrics, (m, n), group, measure)) for m, n in every if m == model]
                points = [(n, *_bars(rows)) for n, rows in found if len(rows)]
                if points:
                    label = f"{SET_NAMES[group]}, {model}"
                    style = MARKERS[k % len(MARKERS)] + STYLES[k % len(STYLES)]
                    _line(axes, np.array(points), SET_COLOURS[group], style, label, 1.2 * k)
        sizes = sorted({int(size) for _, size in every})
        axes.set(title=metric_of(measure).header, xticks=sizes, xlabel="templates")
    _legend_below(figure, panels.flat[0])
    save(figure, path)


def _legend_below(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, where it hides no data."""
    figure.tight_layout()
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=6, fontsize=8)


def _line(axes: Axes, points: np.ndarray, colour: str, style: str, label: str, shift: float) -> None:
    """Points (n, 4): x, value, low, high.

    Args:
        style: matplotlib's format, marker and line.
        shift: along x, so that bars of two models do not hide each other.
    """
    x, value, low, high = points.T
    bars = np.array([value - low, high - value]).clip(min=0)  # rounding
    axes.errorbar(x + shift, value, yerr=bars, fmt=style, ms=4, lw=1.2, capsize=3, color=colour, label=label)


def quality_by_frame(metrics: pd.DataFrame, frames: pd.DataFrame, path: Path) -> None:
    """Mean of each measure against the frame's index, in and out of template, a line per cell (first seeds)."""
    measures = [one.name for one in OF_FRAMES if f"generated_{one.name}_mean" in frames]
    cells = first_cells(metrics)
    shape = (len(SETS), max(1, len(measures)))
    figure, panels = plt.subplots(*shape, figsize=(3.5 * shape[1], 2.5 * shape[0]), squeeze=False, sharey="col")
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, max(1, len(cells))))
    for row, group in enumerate(SETS):
        for column, measure in enumerate(measures):
            axes = panels[row][column]
            for shade, (cell, model, size) in zip(shades, cells.itertuples(index=False), strict=True):
                part = frames[(frames["cell"] == cell) & (frames["set"] == group)]
                style = STYLES[ranked_models(metrics).index(model) % len(STYLES)]
                label = f"{model}, {size} templates"
                axes.plot(part["frame"], part[f"generated_{measure}_mean"], ls=style, lw=1.3, color=shade, label=label)
            axes.set(title=f"{metric_of(measure).header}, {SET_NAMES[group]}", xlabel="frame" if row else "")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for column, measure in enumerate(measures):
        later = frames.loc[frames["frame"] > 0, f"generated_{measure}_mean"].dropna()
        if len(later):  # the first frame is given: a PSNR of 100 would leave no room for the others
            margin = 0.05 * max(float(later.max() - later.min()), 1e-3)
            panels[0][column].set_ylim(later.min() - margin, later.max() + margin)
    _legend_below(figure, panels[0][0])
    save(figure, path)


def cause_bars(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Shares of clips with each cause, stacked, per cell and set; black mark: the share of abnormal clips, which is
    less where clips have several causes."""
    cells = first_cells(metrics)
    figure, axes = plt.subplots(figsize=(1.6 + 0.75 * 2 * max(1, len(cells)), 3))
    shades = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
    ticks: list[tuple[float, str]] = []
    for k, (cell, model, size) in enumerate(cells.itertuples(index=False)):
        for j, group in enumerate(SETS):
            own, key = metrics[metrics["cell"] == cell], (str(model), str(size))
            x, below = 2.4 * k + j, 0.0
            for number, cause in enumerate(CAUSES):
                share = float(known_values(own, key, group, cause)["value"].sum())
                label = cause if not ticks else "_"
                axes.bar(x, share, 0.8, bottom=below, color=shades[number % len(shades)], label=label)
                below += share
            whole = known_values(own, key, group, "abnormal")
            if len(whole):
                label = "abnormal" if not ticks else "_"
                axes.plot([x - 0.4, x + 0.4], [whole["value"].iloc[0]] * 2, "k-", lw=2, label=label)
            ticks.append((x, f"{model}\n{size} {SET_NAMES[group]}"))
    if ticks:
        axes.set_xticks([x for x, _ in ticks], [text for _, text in ticks], fontsize=7)
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    axes.set(ylabel="share of clips")
    axes.grid(axis="x", visible=False)
    save(figure, path)


def accuracy_against_margin(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Accuracy of the red ball's outcome by margin, a panel per cell (first seeds), a line per family of scenes."""
    cells, ranges = first_cells(metrics), margins(metrics)
    columns = min(4, max(1, len(cells)))
    rows = max(1, -(-len(cells) // columns))
    figure, panels = plt.subplots(rows, columns, figsize=(3 * columns, 2.8 * rows), squeeze=False, sharey=True)
    for axes in panels.flat[len(cells) :]:
        axes.set_visible(False)
    labels = [f"≥ {low:g}" if np.isinf(high) else f"{low:g}–{high:g}" for low, high in ranges]
    for axes, (cell, model, size) in zip(panels.flat, cells.itertuples(index=False), strict=False):
        part = metrics[metrics["cell"] == cell]
        for number, family in enumerate(sorted(families(part), key=lambda name: name == ALL)):
            known, accuracy = margin_rows(part, family), metric_of("accuracy")
            names = [margin_name(*pair) for pair in ranges]
            there = [(k, accuracy.read(known[name])) for k, name in enumerate(names) if name in known]
            points = [(k, found.value, found.low, found.high) for k, found in there]
            if points:
                whole = family == ALL
                colour, style = ("black", "o-") if whole else (f"C{number}", "o:")
                _line(axes, np.array(points, dtype=float), colour, style, family, 0 if whole else 0.1 * (number - 2))
        axes.axvline(sum(high <= 1 for _, high in ranges) - 0.5, color="0.5", lw=0.8)  # one pixel
        axes.set_xticks(range(len(ranges)), labels, fontsize=7)
        axes.set(title=f"{model}, {size} templates", xlabel="margin (px of the picture)", ylim=(-0.03, 1.03))
    panels[0][0].set_ylabel("share with the right outcome")
    _legend_below(figure, panels[0][0])
    save(figure, path)
