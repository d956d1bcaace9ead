"""The parts of a report page that every study has: one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.config import CellConfig
from physlaw.csv_file import COLLECT
from physlaw.data.npz import read_arrays
from physlaw.data.video import PANEL_PX, encode_gif, side_by_side
from physlaw.files import write_text

MAX_ROWS = 500  # cells in the page's tables
MAX_SHOWN = 36  # cells with clips on the page
SHOWN = ("truth", "reconstruction", "generated")


def shown_cells(cells: list[CellConfig]) -> list[CellConfig]:
    """The cells whose clips the page shows: of the first seed, and not more than a reader can look at."""
    first: dict[tuple[str, str, str], CellConfig] = {}
    for cell in cells:
        first.setdefault((cell.scenario, cell.model.row, cell.size), cell)
    return list(first.values())[:MAX_SHOWN]


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def animations(path: Path, panel_px: int = PANEL_PX, shown: tuple[str, ...] = SHOWN) -> list[str]:
    """The clips of an .npz with the arrays `shown`, (N, T, W, W, 3) uint8 each: N animations with these side by
    side. panel_px: as side_by_side; 1 for many clips, which the page's style then enlarges."""
    sources: list[NDArray[np.uint8]] = list(read_arrays(path, shown, COLLECT).values())
    return [
        _uri("image/gif", encode_gif(side_by_side([clips[k] for clips in sources], panel_px)))
        for k in range(len(sources[0]))
    ]


def first_finished(metrics: pd.DataFrame) -> pd.Series:
    """A row of the first cell that has finished."""
    return metrics[metrics["kind"] != "missing"].iloc[0]


def template(path: Path) -> jinja2.Template:
    """A page's template, which may use those of report/templates/."""
    shared = Path(__file__).with_name("templates")
    loader = jinja2.FileSystemLoader([path.parent, shared])
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(path.name)


def write_page(
    page: Path, folder: Path, metrics: pd.DataFrame, notes: str, figures: Iterable[Path], **values: Any
) -> Path:
    """Fill a template into report.html beside metrics.csv; returns its path.

    Args:
        page: its template.
        figures: SVG files; the template knows them as figures[<file name without .svg>].
        values: what else the template names: title, question, and the study's own.
    """
    first = first_finished(metrics)
    runs = metrics[metrics["kind"] != "missing"].drop_duplicates("cell")
    html = template(page).render(
        study=first["study"],
        profile=first["profile"],
        recipe=first["recipe"],
        notes=notes,
        figures={path.stem: _uri("image/svg+xml", path.read_bytes()) for path in figures},
        runs=runs.head(MAX_ROWS).to_dict("records"),
        **values,
    )
    write_text(folder / "report.html", html)
    return folder / "report.html"
