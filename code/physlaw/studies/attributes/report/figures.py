"""Figures of the studies attributes and ring: what crossed clips keep, where they went, what it would have cost."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from physlaw.report.figures import IN_DIST, MANY, OOD, save
from physlaw.studies.attributes import study as attributes

OUTCOMES = {"keeps_both": "#2da44e", "keeps_first": IN_DIST, "keeps_second": OOD, "undecided": "0.75"}
# Factors of continuous attributes: what the clip tables call them, and their axis.
MEASURED = {"size": ("r", "generated_radius", "size"), "velocity": ("v", "generated_velocity", "velocity")}
SHAPES = ("circle", "square", "ring")
COLOURS = ("red", "blue")


def attribute_words(pair: str) -> tuple[str, str]:
    """A pair's attributes, the one that the paper finds kept first; ring stands for shape."""
    first, second = pair.removesuffix(attributes.NO_FLIPS).split("_")[:2]
    return first, "shape" if second == "ring" else second


def _pairs(metrics: pd.DataFrame) -> list[str]:
    return [str(name) for name in metrics.loc[metrics["kind"] != "missing", "scenario"].unique()]


def _crossed_clips(metrics: pd.DataFrame, clips: pd.DataFrame, scenario: str) -> pd.DataFrame:
    cells = metrics.loc[(metrics["scenario"] == scenario) & (metrics["kind"] != "missing"), "cell"]
    return clips[clips["cell"].isin(cells) & (clips["level"] > 0)]


def outcome_bars(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """A bar per training set: what became of its crossed clips, all seeds together; reversed and vanished beside it."""
    scenarios = _pairs(metrics)
    figure, axes = plt.subplots(figsize=(7.5, 0.8 + 0.34 * len(scenarios)))
    for place, scenario in enumerate(scenarios):
        part = _crossed_clips(metrics, clips, scenario)
        left = 0.0
        for code, (name, colour) in enumerate(OUTCOMES.items()):
            share = float((part["generated_outcome"] == code).mean()) if len(part) else 0.0
            label = name.replace("_", " ") if place == 0 else None
            axes.barh(place, share, left=left, color=colour, label=label)
            left += share
        events = ", ".join(f"{word} {part[f'generated_{word}'].mean():.0%}" for word in ("reversed", "vanished"))
        axes.text(1.01, place, events, va="center", fontsize=7)
    axes.set_yticks(range(len(scenarios)), scenarios)
    axes.set(xlim=(0, 1), xlabel="share of crossed clips")
    axes.invert_yaxis()
    axes.legend(fontsize=7, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    save(figure, path)


def _values(part: pd.DataFrame, attribute: str, measured: bool, rng: np.random.Generator) -> np.ndarray:
    """An attribute's values for an axis; discrete ones are spread a little."""
    if attribute in MEASURED:
        factor, column, _ = MEASURED[attribute]
        return part[column if measured else factor].to_numpy(dtype=float)
    values = part[f"generated_{attribute}" if measured else attribute].to_numpy(dtype=float)
    return values + rng.uniform(-0.12, 0.12, len(values))


def _label(axes: Axes, attribute: str, along_x: bool) -> None:
    words = {"colour": COLOURS, "shape": SHAPES}.get(attribute)
    axis = axes.xaxis if along_x else axes.yaxis
    if words:
        axis.set_ticks(range(len(words)), words)
    axis.set_label_text(attribute)


def arrows(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """The paper's Figure 9: an arrow from what was asked for to what was drawn, in the plane of the two attributes."""
    scenarios = _pairs(metrics)
    columns = min(4, len(scenarios))
    rows = -(-len(scenarios) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.9 * columns, 2.7 * rows), squeeze=False)
    for axes in panels.flat[len(scenarios) :]:
        axes.set_visible(False)
    rng = np.random.default_rng(0)
    for axes, scenario in zip(panels.flat, scenarios, strict=False):
        first, second = attribute_words("colour_velocity" if scenario.startswith("colour_velocity") else scenario)
        part = _crossed_clips(metrics, clips, scenario)
        part = part.iloc[:: max(1, len(part) // 150)]
        x0, y0, x1, y1 = (_values(part, a, m, rng) for m in (False, True) for a in (second, first))
        for code, colour in enumerate(OUTCOMES.values()):
            mine = (part["generated_outcome"] == code).to_numpy()
            axes.quiver(
                x0[mine], y0[mine], (x1 - x0)[mine], (y1 - y0)[mine], angles="xy", scale_units="xy", scale=1,
                color=colour, alpha=0.5, width=0.004,
            )  # fmt: skip
        axes.scatter(x0, y0, s=3, color="k", zorder=3)
        _label(axes, second, True)
        _label(axes, first, False)
        axes.set_title(scenario, fontsize=8)
    figure.tight_layout()
    save(figure, path)


def scatter(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Generated against conditioned value of each pair's sizes and speeds: trained and crossed clips, with y = x."""
    panels = [
        (scenario, attribute)
        for scenario in _pairs(metrics)
        for attribute in attribute_words("colour_velocity" if scenario.startswith("colour_velocity") else scenario)
        if attribute in MEASURED
    ]
    columns = min(4, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(2.7 * columns, 2.6 * rows), squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (scenario, attribute) in zip(grid.flat, panels, strict=False):
        cells = metrics.loc[(metrics["scenario"] == scenario) & (metrics["kind"] != "missing"), "cell"]
        part = clips[clips["cell"].isin(cells)]
        factor, column, name = MEASURED[attribute]
        for trained, colour, label in ((True, IN_DIST, "trained"), (False, OOD, "crossed")):
            mine = part[(part["level"] == 0) == trained]
            many = len(mine) > MANY
            axes.scatter(mine[factor], mine[column], s=4, alpha=0.5, color=colour, lw=0, label=label, rasterized=many)
        ends = (part[factor].min(), part[factor].max())
        axes.plot(ends, ends, "k-", lw=0.8)
        axes.set(xlabel=f"conditioned {name}", ylabel=f"generated {name}")
        axes.set_title(scenario, fontsize=8)
    grid.flat[0].legend(fontsize=6)
    figure.tight_layout()
    save(figure, path)


def explanation(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Each crossed clip at its distances to the two trained combinations; below the diagonal keeping the second
    attribute would change less."""
    scenarios = _pairs(metrics)
    columns = min(4, len(scenarios))
    rows = -(-len(scenarios) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.7 * columns, 2.7 * rows), squeeze=False)
    for axes in panels.flat[len(scenarios) :]:
        axes.set_visible(False)
    for axes, scenario in zip(panels.flat, scenarios, strict=False):
        part = _crossed_clips(metrics, clips, scenario)
        for code, (name, colour) in enumerate(OUTCOMES.items()):
            mine = part[part["generated_outcome"] == code]
            axes.scatter(
                mine["pixel_first"], mine["pixel_second"], s=5, color=colour, lw=0, label=name.replace("_", " ")
            )
        top = float(np.nanmax(part[["pixel_first", "pixel_second"]].to_numpy())) if len(part) else 1.0
        axes.plot((0, top), (0, top), "k-", lw=0.7)
        axes.set(xlabel="to keep the first", ylabel="to keep the second")
        axes.set_title(scenario, fontsize=8)
    panels.flat[0].legend(fontsize=6)
    figure.tight_layout()
    save(figure, path)
