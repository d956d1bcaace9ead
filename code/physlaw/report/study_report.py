"""What reports of studies share: files, tables, page, comparison. A study adds columns, figures and verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pandas as pd

from physlaw.config import CellConfig
from physlaw.csv_file import COLLECT, RERUN, read_csv
from physlaw.errors import UserError
from physlaw.files import visible, write_bytes, write_text
from physlaw.intervals import interval_names
from physlaw.report import verdicts as verdict_files
from physlaw.report.compared import KINDS, trained
from physlaw.report.metrics import read_metrics
from physlaw.report.page import MAX_ROWS, animations, first_finished, shown_cells, write_page
from physlaw.report.tables import MISSING, Compared, Table, latex, markdown, number, spread
from physlaw.report.verdicts import Verdict

PAGE = Path(__file__).with_name("templates") / "study.html"
SMALLEST_SHARE = 0.1  # a smaller committed share is held to what is allowed at this one: it is a handful of clips
CAPTION = "{title}. Study {study}, profile {profile}, recipe {recipe}; commit {commit:.10}. Intervals: 95 % over clips."
Metrics = pd.DataFrame


class Report(Protocol):
    """One study's part of a results folder."""

    def gather(self, cells: list[CellConfig], out: Path) -> None:
        """Copy from finished cells' folders what tables, figures and page need beside metrics.csv."""
        ...

    def write(self, folder: Path, metrics: Metrics, notes: str) -> Path:
        """Draw table.md, table.tex, figures/ and report.html from what lies in the folder; returns the page's path."""
        ...

    def compare(self, here: Metrics, there: Metrics, tolerance: float) -> list[Compared]:
        """Numbers of one metrics.csv beside those of another; `tolerance` as a fraction, for what was trained."""
        ...

    def verdicts(self, metrics: Metrics, others: Mapping[str, Metrics]) -> list[Verdict]:
        """The claims of the study, from its metrics.csv and, where a claim needs them, those of other studies at the
        same scale: study -> rows, for reading only. A claim without what it needs is NOT_RUN."""
        ...


@dataclass(frozen=True)
class Column:
    """One number of the tables: its column in metrics.csv, how it is called, and whether it is a share of clips."""

    name: str
    header: str
    share: bool = False
    digits: int = 3


@dataclass(frozen=True)
class Figure:
    """A drawing: its file's name, what it shows, and how it is drawn from metrics.csv and clips.csv."""

    name: str
    caption: str
    draw: Callable[[Metrics, pd.DataFrame, Path], None]


Decide = Callable[[Metrics, Mapping[str, Metrics]], list[Verdict]]


@dataclass(frozen=True)
class StudyReport:
    """A study's report; its methods are Report's.

    groups: of clips that tables show, in order, with their names for people; clip_columns: what clips.csv keeps of the
    cells' per-clip tables.
    """

    study: ModuleType
    columns: tuple[Column, ...]
    groups: dict[str, str]
    clip_columns: tuple[str, ...]
    figures: tuple[Figure, ...]
    decide: Decide
    legend: str
    beside: tuple[str, ...] = ()  # studies whose metrics.csv at the same scale the claims need too

    def gather(self, cells: list[CellConfig], out: Path) -> None:
        """Write clips.csv, of every cell, and clips/*.npz, of shown_cells, from finished cells' eval folders.

        Raises:
            UserError: a cell's table is missing or lacks a column.
        """
        tables = []
        for cell in cells:
            for path in visible(cell.folder / "eval", "*.csv"):
                table = read_csv(path, RERUN)
                lacking = [name for name in self.clip_columns if name not in table]
                if lacking:
                    raise UserError(
                        f"{path} has no column {lacking[0]}; remove the cell's eval folder and run it again"
                    )
                table = table[["block", "level", "scene", *self.clip_columns]]
                table.insert(0, "cell", cell.name)
                tables.append(table)
        if not tables:
            raise UserError(f"{cells[0].folder / 'eval'} holds no tables; run the cell again")
        clips = pd.concat(tables, ignore_index=True)
        write_text(out / "clips.csv", clips.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        for cell in shown_cells(cells):
            for path in visible(cell.folder / "eval", "*.npz"):
                write_bytes(out / "clips" / f"{cell.name}.{path.name}", path.read_bytes())

    def write(self, folder: Path, metrics: Metrics, notes: str) -> Path:
        """Draw the figures and write verdicts.csv, table.md, table.tex and report.html; returns the page's path."""
        clips, decided = read_csv(folder / "clips.csv", COLLECT), self.verdicts(metrics, self._others(folder))
        write_text(folder / verdict_files.FILE, verdict_files.verdict_csv(decided))
        means, cells = self.mean_table(metrics), self.cell_table(metrics)
        write_text(folder / "table.md", f"{markdown(*means)}\n{markdown(*cells)}")
        caption = CAPTION.format(title=self.study.TITLE, **first_finished(metrics))
        write_text(folder / "table.tex", latex(*means, caption))
        paths = [folder / "figures" / f"{figure.name}.svg" for figure in self.figures]
        for figure, path in zip(self.figures, paths, strict=True):
            figure.draw(metrics, clips, path)
        return write_page(
            PAGE,
            folder,
            metrics,
            notes,
            paths,
            title=self.study.TITLE,
            question=self.study.QUESTION,
            verdicts=decided,
            means=means,
            table=(cells[0], cells[1][:MAX_ROWS]),
            left_out=max(0, len(cells[1]) - MAX_ROWS),
            legend=self.legend,
            drawings=[(figure.name, figure.caption) for figure in self.figures],
            cells=self._videos(folder, metrics),
        )

    def _others(self, folder: Path) -> dict[str, Metrics]:
        """The other studies' numbers, from the folders beside this one: <results>/<study>/<scale>/."""
        places = {name: folder.resolve().parents[1] / name / folder.name for name in self.beside}
        return {name: read_metrics(place) for name, place in places.items() if (place / "metrics.csv").is_file()}

    def verdicts(self, metrics: Metrics, others: Mapping[str, Metrics]) -> list[Verdict]:
        """The study's claims, from metrics.csv files alone."""
        return self.decide(trained(metrics), {study: trained(rows) for study, rows in others.items()})

    def compare(self, here: Metrics, there: Metrics, tolerance: float) -> list[Compared]:
        """Every table number of `here` beside the one in `there`: a measure agrees within the fraction `tolerance` of
        the committed value, a share within that fraction of itself or of SMALLEST_SHARE, whichever is more."""
        compared = []
        for row in shown_rows(here, self.groups).to_dict("records"):
            beside = there[(there["cell"] == row["cell"]) & (there["group"] == row["group"])]
            for column in self.columns:
                if beside.empty or column.name not in there:
                    continue
                ours, theirs = float(row[column.name]), float(beside.iloc[0][column.name])
                bound = tolerance * (max(abs(theirs), SMALLEST_SHARE) if column.share else abs(theirs))
                agree = abs(ours - theirs) <= bound or (math.isnan(ours) and math.isnan(theirs))
                name = f"{row['group']} {column.header}"
                shown = f"{bound:.2g}" if column.share else f"{tolerance:.0%}"
                compared.append(Compared(str(row["cell"]), name, ours, theirs, shown, agree))
        return compared

    def _name(self, scenario: str) -> str:
        return str(getattr(self.study, "NAMES", {}).get(scenario, scenario))

    def mean_table(self, metrics: Metrics) -> Table:
        """A row per training set, model, size and group of clips: mean ± standard deviation over seeds."""
        header = ["training set", "model", "data", "clips of", *(column.header for column in self.columns)]
        rows = []
        keys = ["scenario", "model", "size"]
        every = metrics.groupby(keys, sort=False)["seed"].nunique()
        done = shown_rows(metrics, self.groups)
        for key, seeds in every.items():
            assert isinstance(key, tuple)
            mine = done[(done[keys] == list(key)).all(axis=1)]
            names = [self._name(key[0]), key[1], str(key[2])]
            if mine.empty:
                rows.append([*names, MISSING, *[MISSING] * len(self.columns)])
            for group, name in self.groups.items():
                part = mine[mine["group"] == group]
                if len(part):
                    values = [_over_seeds(part[c.name], int(seeds), c.digits) for c in self.columns]
                    rows.append([*names, name, *values])
        return header, rows

    def cell_table(self, metrics: Metrics) -> Table:
        """A row per cell and group of clips, values with their intervals over clips."""
        header = ["training set", "model", "data", "seed", "clips of", "clips", *(c.header for c in self.columns)]
        rows = []
        missing = metrics[metrics["kind"] == "missing"]
        for row in shown_rows(metrics, self.groups).to_dict("records"):
            names = [self._name(row["scenario"]), row["model"], str(row["size"]), str(row["seed"])]
            values = [_with_interval(row, column) for column in self.columns]
            rows.append([*names, self.groups[row["group"]], f"{row['clips']:.0f}", *values])
        for row in missing.to_dict("records"):
            names = [self._name(row["scenario"]), row["model"], str(row["size"]), str(row["seed"])]
            rows.append([*names, *[MISSING] * (2 + len(self.columns))])
        return header, rows

    def _videos(self, folder: Path, metrics: Metrics) -> list[dict[str, Any]]:
        """One entry per finished cell that has clips here: the groups' animations."""
        found = []
        names = {"id": self._trained_block(metrics)}
        for cell, scenario in metrics[["cell", "scenario"]].drop_duplicates().itertuples(index=False):
            blocks = []
            for path in visible(folder / "clips", f"{cell}.*.npz"):
                block = path.name.removeprefix(f"{cell}.").removesuffix(".npz")
                blocks.append(
                    {"block": self.groups.get(block, names["id"].get(block, block)), "animations": animations(path)}
                )
            if blocks:
                found.append({"cell": cell, "name": self._name(scenario), "blocks": blocks})
        return found

    def _trained_block(self, metrics: Metrics) -> dict[str, str]:
        """Names of blocks that metrics.csv calls "id"."""
        return dict.fromkeys(("id", "bands", "fast", "trained"), self.groups.get("id", "trained"))


def shown_rows(metrics: Metrics, groups: Mapping[str, str]) -> Metrics:
    """Rows of finished cells and of these groups; a group's row appears once."""
    chosen = metrics["kind"].isin(KINDS) & metrics["group"].isin(list(groups))
    return metrics[chosen].drop_duplicates(["cell", "group"])


def _over_seeds(values: pd.Series, seeds: int, digits: int) -> str:
    return spread(values.mean(), values.std(), int(values.count()), seeds, digits)


def _with_interval(row: dict[Any, Any], column: Column) -> str:
    value, low, high = (row.get(name, math.nan) for name in (column.name, *interval_names(column.name)))
    text = number(value, column.digits)
    return (
        text
        if not math.isfinite(low + high)
        else f"{text} [{number(low, column.digits)}, {number(high, column.digits)}]"
    )
