"""Figures of generated against conditioned speed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.report.figures import IN_DIST, MANY, OOD, save

Bands = tuple[tuple[float, float], ...]


def speed_panels(
    metrics: pd.DataFrame,
    clips: pd.DataFrame,
    path: Path,
    names: Mapping[str, str],
    bands: Mapping[str, Bands],
    speeds: tuple[float, float],
) -> None:
    """One panel per training set, all seeds: a dot per clip within `speeds`, y = x, trained bands shaded on both axes.

    The dashed lines are the trained speeds a model that copies can give; a reversed ball is below 0.
    """
    cells = metrics.loc[metrics["kind"] != "missing", ["cell", "scenario"]].drop_duplicates()
    known = [name for name in names if name in set(cells["scenario"])]
    columns = min(3, len(known))
    rows = -(-len(known) // columns)
    size = (3.5 * columns, 3.3 * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axes in panels.flat[len(known) :]:
        axes.set_visible(False)
    for axes, scenario in zip(panels.flat, known, strict=False):
        part = clips[clips["cell"].isin(cells.loc[cells["scenario"] == scenario, "cell"])]
        part = part[(part["law_vx1"] >= speeds[0] - 1e-9) & (part["law_vx1"] <= speeds[1] + 1e-9)]
        for low, high in bands[scenario]:
            axes.axvspan(low, high, color="0.5", alpha=0.18, lw=0)
            axes.axhspan(low, high, color="0.5", alpha=0.08, lw=0)
        for trained, colour, label in ((True, IN_DIST, "trained speeds"), (False, OOD, "left out")):
            chosen = part[(part["level"] == 0) == trained]
            axes.scatter(
                chosen["law_vx1"],
                chosen["generated_vx1"],
                s=6,
                alpha=0.5,
                color=colour,
                lw=0,
                label=label,
                rasterized=len(part) > MANY,
            )
        axes.plot(speeds, speeds, "k-", lw=0.8, label="y = x")
        measured = part["generated_vx1"].dropna()
        if len(measured) and measured.min() < 0:
            axes.axhline(0, color="k", lw=0.6, ls=":")
        axes.set(title=names[scenario], xlabel="conditioned speed", ylabel="generated speed")
    panels.flat[0].legend(fontsize=7)
    save(figure, path)
