"""The look of every figure, and how it is saved."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from physlaw.files import write_atomic

IN_DIST, OOD = "#1f6feb", "#d1242f"
MANY = 400  # dots of one panel; more are drawn as one picture, since a page of a thousand outlines takes megabytes
DOTS_PER_INCH = 150
# The same file for the same numbers: no date, fixed ids.
plt.rcParams.update({"svg.hashsalt": "physlaw", "svg.fonttype": "none", "font.size": 9, "axes.grid": True})
plt.rcParams.update({"grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})


def save(figure: Figure, path: Path) -> None:
    """Write an SVG and close the figure."""

    def write(temporary: Path) -> None:
        figure.savefig(temporary, format="svg", metadata={"Date": None}, bbox_inches="tight", dpi=DOTS_PER_INCH)

    write_atomic(path, write)
    plt.close(figure)
