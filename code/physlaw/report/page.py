"""The parts of a report page that every study has: one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from physlaw.config import CellConfig
from physlaw.csv_file import COLLECT
from physlaw.data.npz import read_arrays
from physlaw.data.video import GAP_GREY, encode_film
from physlaw.files import write_text
from physlaw.report.checks import MARKS

if TYPE_CHECKING:
    from physlaw.report.sections import Clips

MAX_ROWS = 500  # cells in the page's tables
MAX_SHOWN = 36  # cells with clips on the page
SHOWN = ("truth", "reconstruction", "generated")  # kept of each clip
FILMED = ("truth", "generated")  # and shown
FILM_PX = 160  # a clip's side on the page, at least
CLIPS_BYTES = 900_000  # of a page's clips: a page is to stay under 2 MiB


def shown_cells(cells: list[CellConfig]) -> list[CellConfig]:
    """The cells whose clips the page shows: of the first seed, and not more than a reader can look at."""
    first: dict[tuple[str, str, str], CellConfig] = {}
    for cell in cells:
        first.setdefault((cell.scenario, cell.model.row, cell.size), cell)
    return list(first.values())[:MAX_SHOWN]


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _drawing(path: Path) -> Markup:
    """An SVG as an address, ready for an attribute; as text it is a third shorter than in base 64."""
    text = path.read_text(encoding="utf-8")
    for character, code in {"%": "%25", "#": "%23", '"': "%22", "&": "&amp;", "\n": " "}.items():
        text = text.replace(character, code)
    return Markup(f"data:image/svg+xml,{text}")


@dataclass(frozen=True)
class Film:
    """A clip on a page: its frames side by side in one picture, of which the page's script shows one at a time."""

    source: str  # data URI
    frames: int
    side_px: int  # of a clip as it is shown: a whole multiple of its own


def animations(path: Path, shown: tuple[str, ...] = FILMED) -> list[Film]:
    """The clips of an .npz with the arrays `shown`, (N, T, W, W, 3) uint8 each: N films with these one above the
    other."""
    sources: list[NDArray[np.uint8]] = list(read_arrays(path, shown, COLLECT).values())
    width = sources[0].shape[3]
    gap = np.full((len(sources[0][0]), 1, width, 3), GAP_GREY, np.uint8)
    side = width * -(-FILM_PX // width)
    films = []
    for clips in zip(*sources, strict=True):
        parts = [part for clip in clips for part in (clip, gap)][:-1]
        frames = np.concatenate(parts, axis=1)
        films.append(Film(_uri("image/png", encode_film(frames)), len(frames), side))
    return films


def fitting(every: list[Clips], most: int = CLIPS_BYTES) -> list[Clips]:
    """The first K clips of each entry, K as large as `most` bytes in all allow; notes say how many are left out."""
    longest = max((len(one.clips) for one in every), default=0)
    sizes = [sum(len(film.source) for one in every for _, film in one.clips[:k]) for k in range(longest + 1)]
    count = max(k for k, size in enumerate(sizes) if size <= most)
    found = []
    for one in every:
        rest = len(one.clips) - count
        notes = [one.note] if one.note else []
        notes += [f"{rest} further clips are in the folder clips"] if rest > 0 else []
        found.append(replace(one, clips=one.clips[:count], note="; ".join(notes)))
    return found


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
        marks=MARKS,
        figures={path.stem: _drawing(path) for path in figures},
        runs=runs.head(MAX_ROWS).to_dict("records"),
        **values,
    )
    write_text(folder / "report.html", html)
    return folder / "report.html"
