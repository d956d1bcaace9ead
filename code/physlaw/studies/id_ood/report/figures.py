"""The study's figures as SVG, from metrics.csv and clips.csv alone."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from physlaw.metric import bounds
from physlaw.report.compared import trained
from physlaw.report.figures import IN_DIST, MANY, OOD, save
from physlaw.report.scaling import AXES
from physlaw.studies.id_ood.report.fits import ScenarioFits, scenario_fits

SPEED_BAND = (1.0, 4.0)  # trained speeds of all three scenarios


def _curve(axes: Axes, rows: pd.DataFrame, x: str, colour: str, label: str, floor: str) -> None:
    rows = rows[rows["generated_corrected"].notna()]
    for _, part in rows.groupby("model" if x == "training_clips" else "size"):
        grouped = part.groupby(x)["generated_corrected"]
        middle, low, high = grouped.mean(), grouped.min(), grouped.max()
        if set(bounds("generated_corrected")) <= set(part) and part.groupby(x).size().max() == 1:
            low, high = (part.set_index(x)[end].sort_index() for end in bounds("generated_corrected"))
        axes.plot(middle.index, middle, "o-", color=colour, label=label)
        axes.fill_between(middle.index, low, high, color=colour, alpha=0.15)
        if len(middle) == 1:
            bars = np.array([[middle.iloc[0] - low.iloc[0]], [high.iloc[0] - middle.iloc[0]]]).clip(min=0)  # rounding
            axes.errorbar(middle.index, middle, yerr=bars, color=colour, capsize=3)
        label = "_"
    axes.axhline(rows[floor].mean(), color=colour, ls=":", lw=1)


def _fitted(axes: Axes, rows: pd.DataFrame, x: str, fits: ScenarioFits) -> None:
    """The power laws along x, one line for every value of the other axis; in distribution on top of the floor."""
    label = "power law"
    other = next(axis for axis in AXES if axis != x)
    values = np.geomspace(rows[x].min(), rows[x].max(), 20)
    for fit, floor in ((fits.inside, fits.floor), (fits.outside, 0.0)):
        if x not in fit.slopes:
            continue
        for at in sorted(rows[other].unique()):
            law = floor + fit.predict(x, values, {other: at})
            axes.plot(values, law, "k--", lw=0.8, zorder=3, label=label)
            label = "_"


def error_curves(x: str, metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """ID and OOD error of every scenario against "training_clips" or "parameters", log axes; dotted: GT floors;
    dashed: the power laws that the verdicts use."""
    fits = {one.scenario: one for one in scenario_fits(metrics)}
    done = metrics[metrics["kind"] != "missing"]
    scenarios = list(done["scenario"].unique())
    figure, panels = plt.subplots(1, len(scenarios), figsize=(3.4 * len(scenarios), 3), squeeze=False)
    if x == "parameters":
        done = trained(done)
    for axes, scenario in zip(panels[0], scenarios, strict=True):
        part = done[done["scenario"] == scenario]
        for group, colour, label in (("id", IN_DIST, "in-dist"), ("ood", OOD, "OOD")):
            _curve(axes, part[part["group"] == group], x, colour, label, "truth_corrected")
        models = trained(part)
        _fitted(axes, models[(models["group"] == "id") & (models["parameters"] > 0)], x, fits[str(scenario)])
        measured = part["generated_corrected"].notna().any()  # an untrained model may show no ball at all
        scale = "log" if measured else "linear"
        axes.set(xscale=scale, yscale=scale, title=scenario, xlabel=x.replace("_", " "))
    panels[0][0].set_ylabel("velocity error (world units / s)")
    panels[0][0].legend()
    save(figure, path)


def speed_scatter(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Generated against true horizontal speed, one panel per cell of `clips`, with y = x and the trained band shaded.

    One ball: the speed is the conditioned one. Collision: both balls' velocity after the contact.
    """
    cells = metrics.loc[metrics["cell"].isin(clips["cell"].unique()), ["cell", "scenario"]].drop_duplicates()
    columns = min(3, len(cells))
    rows = -(-len(cells) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(3.6 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )
    for axes in panels.flat[len(cells) :]:
        axes.set_visible(False)
    for axes, (cell, scenario) in zip(panels.flat, cells.itertuples(index=False), strict=False):
        part = clips[clips["cell"] == cell]
        for ball in (1, 2) if scenario == "collision" else (1,):
            for inside, colour, label in ((True, IN_DIST, "in-dist"), (False, OOD, "OOD")):
                chosen = part[(part["level"] == 0) == inside]
                axes.scatter(
                    chosen[f"law_vx{ball}"],
                    chosen[f"generated_vx{ball}"],
                    s=7,
                    alpha=0.6,
                    color=colour,
                    linewidths=0,
                    label=label if ball == 1 else "_",
                    rasterized=len(part) > MANY,
                )
        known = part.filter(regex="law_vx").to_numpy(dtype=float)
        ends = (np.nanmin(known), np.nanmax(known)) if np.isfinite(known).any() else SPEED_BAND
        axes.plot(ends, ends, "k-", lw=0.8, label="y = x")
        if scenario != "collision":
            axes.axvspan(*SPEED_BAND, color="0.5", alpha=0.15, lw=0, label="trained speeds")
        axes.set(title=cell, xlabel="true speed", ylabel="generated speed")
    panels.flat[0].legend(fontsize=7)
    save(figure, path)
