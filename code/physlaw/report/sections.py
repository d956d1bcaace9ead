"""What a report is made of: sections with paragraphs, tables and figures, drawn from a results folder alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.csv_file import COLLECT, read_csv
from physlaw.errors import UserError
from physlaw.files import read_json
from physlaw.report.page import MAX_ROWS, Film, first_finished
from physlaw.report.tables import MISSING, Table, markdown


@dataclass(frozen=True)
class Results:
    """A results folder: the rows of its metrics.csv, and what lies beside them, read when asked for."""

    folder: Path
    metrics: pd.DataFrame

    @cached_property
    def clips(self) -> pd.DataFrame:
        return read_csv(self.folder / "clips.csv", COLLECT)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings data.* and eval.* that all cells share, by name, as protocols ask for them.

        Raises:
            UserError: there is no provenance.json.
        """
        path = self.folder / "provenance.json"
        if not path.is_file():
            raise UserError(f"{path} is missing; {COLLECT}")
        config = read_json(path)[first_finished(self.metrics)["cell"]]["config"]
        return {**config["data"], **config["eval"]}


@dataclass(frozen=True)
class Figure:
    """A drawing: its file's name, what it shows, and how it is drawn from metrics.csv and another table."""

    name: str
    caption: str
    draw: Callable[[pd.DataFrame, pd.DataFrame, Path], None]
    table: str = "clips.csv"

    def save(self, results: Results) -> Path:
        """Draw it into figures/; returns its path."""
        path = results.folder / "figures" / f"{self.name}.svg"
        beside = results.clips if self.table == "clips.csv" else read_csv(results.folder / self.table, COLLECT)
        self.draw(results.metrics, beside, path)
        return path


@dataclass(frozen=True)
class Shown:
    """A table with what is said of it. caption: above it in table.md. after: below it, lines of Markdown."""

    table: Table
    caption: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        above = f"{self.caption}\n\n" if self.caption else ""
        return above + markdown(*self.table) + (f"\n{self.after}\n" if self.after else "")


@dataclass(frozen=True)
class TablePart:
    """A table of a report. in_file: in table.md; on_page: on the page. folded: the page's reader opens it."""

    name: str
    make: Callable[[Results], Shown]
    in_file: bool = True
    on_page: bool = True
    folded: str = ""  # under these words


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading: paragraphs, tables and figures in order."""

    heading: str
    parts: tuple[str | Figure | TablePart, ...]


@dataclass(frozen=True)
class Clips:
    """Animations of the page, each with its caption."""

    heading: str
    clips: list[tuple[str, Film]]
    note: str = ""


def tables_of(sections: tuple[Section, ...]) -> Iterator[TablePart]:
    """All tables, in order."""
    return (part for section in sections for part in section.parts if isinstance(part, TablePart))


def figures_of(sections: tuple[Section, ...]) -> Iterator[Figure]:
    """All figures, in order."""
    return (part for section in sections for part in section.parts if isinstance(part, Figure))


def page_sections(
    sections: tuple[Section, ...], shown: dict[str, Shown], lead: Figure | None = None
) -> list[dict[str, Any]]:
    """The sections as the page's template reads them: of tables the first MAX_ROWS rows, cells that have not finished
    apart.

    Args:
        lead: the figure at the page's head, which is left out.
    """
    found = [
        {
            "heading": one.heading,
            "parts": [made for part in one.parts if part is not lead and (made := _part(part, shown))],
        }
        for one in sections
    ]
    return [one for one in found if one["parts"]]


def unfinished(row: list[str]) -> bool:
    """A table's row of a cell without numbers: names, then MISSING to the end."""
    return len(row) > 2 and row.count(MISSING) >= 2 and set(row[row.index(MISSING) :]) == {MISSING}


def _part(part: str | Figure | TablePart, shown: dict[str, Shown]) -> dict[str, Any]:
    if isinstance(part, str):
        return {"kind": "text", "text": part}
    if isinstance(part, Figure):
        return {"kind": "figure", "name": part.name, "text": part.caption}
    if not part.on_page:
        return {}
    one = shown[part.name]
    header, every = one.table
    rows = [row for row in every if not unfinished(row)]
    missing = [row[: row.index(MISSING)] for row in every if unfinished(row)]
    left_out = max(0, len(rows) - MAX_ROWS)
    lines = [line for line in one.after.split("\n") if line]
    found = {"kind": "table", "text": one.caption, "table": (header, rows[:MAX_ROWS]), "missing": missing}
    return found | {"left_out": left_out, "lines": lines, "folded": part.folded}
