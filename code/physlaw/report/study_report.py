"""A study's report: files, tables, page, comparison, from a results folder alone. A study says which metrics to show,
and adds figures, tables and verdicts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from physlaw.config import CellConfig
from physlaw.files import visible, write_text
from physlaw.metric import SHARE, Metric, by_column, notes_of
from physlaw.report import verdicts as verdict_files
from physlaw.report.clips import gather_clips
from physlaw.report.compared import trained
from physlaw.report.front import Front
from physlaw.report.metrics import read_metrics
from physlaw.report.page import animations, first_finished, fitting, write_page
from physlaw.report.sections import (
    Clips,
    Figure,
    Results,
    Section,
    Shown,
    TablePart,
    figures_of,
    page_sections,
    tables_of,
)
from physlaw.report.sentences import with_sentence
from physlaw.report.tables import MISSING, Compared, Table, latex, number, spread
from physlaw.report.verdicts import Verdict

PAGE = Path(__file__).with_name("templates") / "study.html"
# What may differ between machines. Ground truth, its parsing and retrieval involve no training: only the last digits
# may move. A model trained elsewhere takes another path through rounding and ends elsewhere: the profile says by how
# much it may (see results/README.md).
EXACT_TOLERANCE = 1e-3
UNTRAINED = ("truth", "retrieved")
SMALLEST_SHARE = 0.1  # a smaller committed share is held to what is allowed at this one: it is a handful of clips
CAPTION = "{title}. Study {study}, profile {profile}, recipe {recipe}; commit {commit:.10}. Intervals: 95 % over clips."
Metrics = pd.DataFrame
Decide = Callable[[Metrics, Mapping[str, Metrics]], list[Verdict]]


@dataclass(frozen=True)
class StudyReport:
    """How a study's results are drawn and judged.

    metrics: all of the study's score; columns: those that tables show, in order. groups: of clips that tables show, in
    order, with their names for people; clip_columns: what clips.csv keeps of the cells' per-clip tables. decide: the
    study's claims, from its metrics.csv and, where a claim needs them, those of the studies `beside` at the same scale.
    """

    study: ModuleType
    metrics: tuple[Metric, ...]
    columns: tuple[str, ...]
    groups: dict[str, str]
    clip_columns: tuple[str, ...]
    decide: Decide
    figures: tuple[Figure, ...] = ()
    legend: str = ""
    beside: tuple[str, ...] = ()
    # What replaces the usual sections, of `figures` and of mean_table and cell_table; and what is said on the page.
    layout: tuple[Section, ...] = ()
    tex: str = "means"  # which table is in table.tex, and its caption
    caption: str = CAPTION
    about_verdicts: str = ""
    about_clips: str = ""
    # Replaces gather_clips, and the animations of shown clips.
    gathering: Callable[[list[CellConfig], Path], None] | None = None
    videos: Callable[[Results], list[Clips]] | None = None
    # Of the comparison: which groups (a regular expression; "": those of `groups`), and kinds of rows without a model,
    # with the difference that is allowed.
    compared: str = ""
    allowed: tuple[tuple[str, float], ...] = ()
    front: Front | None = None  # of the one study that speaks for all on the front page

    @property
    def shown(self) -> list[Metric]:
        """The metrics of `columns`."""
        known = by_column(self.metrics)
        return [known[name] for name in self.columns]

    def gather(self, cells: list[CellConfig], out: Path) -> None:
        """Copy from finished cells' eval folders what tables, figures and page need beside metrics.csv.

        Raises:
            UserError: a cell's table is missing or lacks a column.
        """
        if self.gathering:
            self.gathering(cells, out)
        else:
            gather_clips(cells, out, self.clip_columns)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The page's, and so those of table.md."""
        if self.layout:
            return self.layout
        drawn = []
        for figure in self.figures:
            heading, _, rest = figure.caption.partition(". ")
            drawn.append(Section(heading.rstrip("."), (Figure(figure.name, rest, figure.draw, figure.table),)))
        about = f"With several seeds mean ± standard deviation (number of seeds). {self.legend} Every cell, with 95 % "
        tables = (
            TablePart("means", lambda results: Shown(self.mean_table(results.metrics))),
            about + "intervals over clips:",
            TablePart("cells", lambda results: Shown(self.cell_table(results.metrics))),
        )
        return (*drawn, Section("Numbers", tables))

    def write(self, folder: Path, metrics: Metrics, notes: str) -> Path:
        """Draw figures/ and write verdicts.csv, table.md, table.tex and report.html; returns the page's path."""
        results, sections = Results(folder, metrics), self.sections
        decided = self.verdicts(metrics, self._others(folder))
        write_text(folder / verdict_files.FILE, verdict_files.verdict_csv(decided))
        shown = {part.name: part.make(results) for part in tables_of(sections)}
        write_text(
            folder / "table.md", "\n".join(shown[part.name].text for part in tables_of(sections) if part.in_file)
        )
        caption = self.caption.format(title=self.study.TITLE, **first_finished(metrics))
        write_text(folder / "table.tex", latex(*shown[self.tex].table, caption))
        lead = next(figures_of(sections), None)
        return write_page(
            PAGE,
            folder,
            metrics,
            notes,
            [figure.save(results) for figure in figures_of(sections)],
            title=self.study.TITLE,
            question=self.study.QUESTION,
            verdicts=decided,
            about_verdicts=self.about_verdicts,
            lead=lead,
            sections=page_sections(sections, shown, lead),
            about_clips=self.about_clips,
            cells=fitting(self.videos(results) if self.videos else self._videos(results)),
        )

    def _others(self, folder: Path) -> dict[str, Metrics]:
        """The other studies' numbers, from the folders beside this one: <results>/<study>/<scale>/."""
        places = {name: folder.resolve().parents[1] / name / folder.name for name in self.beside}
        return {name: read_metrics(place) for name, place in places.items() if (place / "metrics.csv").is_file()}

    def verdicts(self, metrics: Metrics, others: Mapping[str, Metrics]) -> list[Verdict]:
        """The study's claims, from metrics.csv files alone."""
        decided = self.decide(trained(metrics), {study: trained(rows) for study, rows in others.items()})
        scale = str(metrics["profile"].iloc[0])
        return [with_sentence(one, self.study.CLAIMS[one.claim].says, scale) for one in decided]

    def compare(self, here: Metrics, there: Metrics, tolerance: float) -> list[Compared]:
        """Every compared number of `here` beside the one in `there`; without those that one side has a reason not to
        have (no weights), or neither has.

        A number agrees within the fraction `tolerance` of the committed value, a share within that fraction of itself
        or of SMALLEST_SHARE, whichever is more; what involves no training within EXACT_TOLERANCE, and rows of the kinds
        `allowed` within what is allowed there.
        """
        compared = []
        pattern = self.compared or "|".join(map(re.escape, self.groups))
        known = {(row["cell"], row["group"]): row for row in reversed(finished_rows(there).to_dict("records"))}
        rows = finished_rows(here).drop_duplicates(["cell", "group"])
        columns = [metric for metric in self.shown if metric.column in here and metric.column in there]
        for row in rows[rows["group"].str.fullmatch(pattern)].to_dict("records"):
            beside = known.get((row["cell"], row["group"]))
            if beside is None:
                continue
            for metric in columns:
                ours, theirs = metric.read(row).value, metric.read(beside).value
                absent = [one for value, one in ((ours, row), (theirs, beside)) if math.isnan(value)]
                if len(absent) == 2 or any(metric.name in notes_of(one) for one in absent):
                    continue
                bound, shown = self._bound(metric, beside, tolerance)
                name, agree = f"{row['group']} {metric.column}", abs(ours - theirs) <= bound
                compared.append(Compared(str(row["cell"]), name, ours, theirs, shown, agree))
        return compared

    def _bound(self, metric: Metric, committed: Mapping[Any, Any], tolerance: float) -> tuple[float, str]:
        """By how much a number may differ from the committed one, and how that is said."""
        value, kinds = metric.read(committed).value, dict(self.allowed)
        lossless = metric.source == "reconstruction" and metric.of("truth").read(committed).value == value
        if committed["kind"] in kinds or metric.source in UNTRAINED or lossless:
            exact = kinds.get(committed["kind"], EXACT_TOLERANCE)
            return exact, f"{exact:g}"
        if metric.interval == SHARE:
            bound = tolerance * max(abs(value), SMALLEST_SHARE)
            return bound, f"{bound:.2g}"
        return tolerance * abs(value), f"{tolerance:.0%}"

    def _name(self, scenario: str) -> str:
        return str(getattr(self.study, "NAMES", {}).get(scenario, scenario))

    def mean_table(self, metrics: Metrics) -> Table:
        """A row per training set, model, size and group of clips: mean ± standard deviation over seeds."""
        header = ["training set", "model", "data", "clips of", *(metric.header for metric in self.shown)]
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
                    values = [_over_seeds(part, one, int(seeds)) for one in self.shown]
                    rows.append([*names, name, *values])
        return header, rows

    def cell_table(self, metrics: Metrics) -> Table:
        """A row per cell and group of clips, values with their intervals over clips."""
        header = ["training set", "model", "data", "seed", "clips of", "clips", *(one.header for one in self.shown)]
        rows = []
        missing = metrics[metrics["kind"] == "missing"]
        for row in shown_rows(metrics, self.groups).to_dict("records"):
            names = [self._name(row["scenario"]), row["model"], str(row["size"]), str(row["seed"])]
            values = [_with_interval(row, metric) for metric in self.shown]
            rows.append([*names, self.groups[row["group"]], f"{row['clips']:.0f}", *values])
        for row in missing.to_dict("records"):
            names = [self._name(row["scenario"]), row["model"], str(row["size"]), str(row["seed"])]
            rows.append([*names, *[MISSING] * (2 + len(self.columns))])
        return header, rows

    def _videos(self, results: Results) -> list[Clips]:
        """One entry per finished cell that has clips here: the groups' animations."""
        found = []
        # metrics.csv calls what was trained "id", whatever its block's name.
        names = {**dict.fromkeys(("id", "bands", "fast", "trained"), self.groups.get("id", "trained")), **self.groups}
        cells = results.metrics[["cell", "scenario"]].drop_duplicates()
        for cell, scenario in cells.itertuples(index=False):
            clips = []
            for path in visible(results.folder / "clips", f"{cell}.*.npz"):
                block = path.name.removeprefix(f"{cell}.").removesuffix(".npz")
                clips += [(names.get(block, block), animation) for animation in animations(path)]
            if clips:
                found.append(Clips(f"{self._name(scenario)} ({cell})", clips))
        return found


def finished_rows(metrics: Metrics) -> Metrics:
    """The rows of finished cells."""
    return metrics[metrics["kind"] != "missing"]


def shown_rows(metrics: Metrics, groups: Mapping[str, str]) -> Metrics:
    """Rows of finished cells and of these groups; a group's row appears once."""
    rows = finished_rows(metrics)
    return rows[rows["group"].isin(list(groups))].drop_duplicates(["cell", "group"])


def _over_seeds(rows: Metrics, metric: Metric, seeds: int) -> str:
    """MISSING also of a metric that there was not yet when the cells were scored."""
    values = rows.get(metric.column, pd.Series(dtype=float))
    return spread(values.mean(), values.std(), int(values.count()), seeds, metric.digits)


def _with_interval(row: dict[Any, Any], metric: Metric) -> str:
    found = metric.read(row)
    value, low, high = (number(end, metric.digits) for end in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]" if math.isfinite(found.low + found.high) else value
