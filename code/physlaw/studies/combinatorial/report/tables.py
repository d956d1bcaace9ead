"""The study's tables: the paper's Table 2 in ours, and what stands behind its numbers. From metrics.csv alone.

Text: "in / out" of template; n/a where a measure has no value, a dash where a cell has not finished.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from physlaw.metric import Metric, Value, notes_of
from physlaw.report.study_report import finished_rows as finished
from physlaw.report.tables import MISSING, Table
from physlaw.studies.combinatorial.abnormal import CAUSES
from physlaw.studies.combinatorial.ambiguity import COUNTS
from physlaw.studies.combinatorial.detector import CHECKED, DETECTOR
from physlaw.studies.combinatorial.generated import GENERATED, RECONSTRUCTION
from physlaw.studies.combinatorial.measures import METRICS, RETRIEVED, SET
from physlaw.studies.combinatorial.report.rows import (
    ABOVE,
    BELOW,
    MEASURES,
    NO_VALUE,
    OBJECT_MEASURES,
    SET_NAMES,
    counterparts,
    families,
    in_and_out,
    interval,
    keys,
    margin_name,
    margin_rows,
    margins,
    metric_of,
)
from physlaw.studies.combinatorial.study import PAPER, PAPER_MODELS, SETS

OURS, FLOOR, THEIRS = "ours", "tokenizer alone", "the paper's"
NAMES = ["model", "templates", "seed"]  # of a cell, in columns of metrics.csv: model, size, seed


def headline(metrics: pd.DataFrame, measures: tuple[str, ...] = MEASURES, paper: bool = True) -> Table:
    """Table 2: a row per model and number of templates, in / out; several seeds as mean, standard deviation, number.

    Below them what the tokenizer alone loses on the same clips, and the paper's own figures, the larger model's beside
    our larger one and the smaller's beside our smaller one. The two are not of the same scale; no number of ours has
    any of the paper's in it.
    """
    every = keys(metrics)
    header = ["whose", "model", "templates", *(f"{metric_of(name).header} in / out" for name in measures)]
    rows = [[OURS, *key, *(in_and_out(metrics, key, name) for name in measures)] for key in every]
    first = finished(metrics).groupby("size")["cell"].first()
    for size in sorted(first.index, key=int):
        alone = metrics[metrics["cell"] == first[size]]  # cells of one size share tokenizer and clips
        key = (str(alone["model"].iloc[0]), str(size))
        rows.append([FLOOR, "", str(size), *(in_and_out(alone, key, name, RECONSTRUCTION) for name in measures)])
    if paper:
        beside = counterparts(metrics)
        for model, size in every:
            if figures := PAPER.get((beside.get(model, ""), size)):
                name = f"{PAPER_MODELS[beside[model]]}, beside {model}"
                rows.append([THEIRS, name, size, *(_published(figures, measure) for measure in measures)])
    return header, rows


def _published(figures: dict[str, tuple[float, float]], measure: str) -> str:
    if measure not in figures:
        return NO_VALUE
    return " / ".join(f"{value:.{metric_of(measure).digits}f}" for value in figures[measure])


def object_table(metrics: pd.DataFrame) -> Table:
    """What became of the objects: as headline, without the paper, which has no such measures."""
    return headline(metrics, OBJECT_MEASURES, paper=False)


def _cells(metrics: pd.DataFrame) -> list[tuple[list[str], pd.DataFrame]]:
    """Every cell's names and rows, the largest model first."""
    found = []
    for model, size in keys(metrics):
        of_key = metrics[(metrics["model"] == model) & (metrics["size"] == size)]
        for seed, rows in of_key.groupby("seed"):
            found.append(([model, size, str(seed)], rows))
    return found


def protocols(metrics: pd.DataFrame, settings: dict[str, Any]) -> dict[str, str]:
    """How a set's measures were taken, by the cells' settings -> the number that stands for it in value_table."""
    there = [metric for metric in METRICS if metric.column in metrics]
    texts = dict.fromkeys(metric.protocol.format(**settings) for metric in there if metric.name not in CAUSES)
    return {text: str(k) for k, text in enumerate(texts, 1)}


def value_table(metrics: pd.DataFrame, settings: dict[str, Any]) -> Table:
    """Every measure of every cell on both sets, with interval, number of clips, protocol and what else to know."""
    header = [*NAMES, "set", "clips of", "measure", "value [95 %]", "clips", "protocol", "note"]
    rows, numbers = [], protocols(metrics, settings)
    for names, part in _cells(metrics):
        known = part[part["kind"] == SET]
        if known.empty:
            rows.append(names + [MISSING] * (len(header) - len(names)))
        for row in known.to_dict("records"):
            notes, group = notes_of(row), SET_NAMES.get(str(row["group"]), str(row["group"]))
            for metric in METRICS:
                if metric.column not in row or metric.name in CAUSES:
                    continue
                value = metric.read(row)
                if metric.source == RETRIEVED and np.isnan(value.value):
                    continue  # measured out of template alone
                found = [interval(value, metric.digits), _count(value.clips)]
                how = numbers[metric.protocol.format(**settings)]
                rows.append([*names, group, metric.source, metric.header, *found, how, _words(notes.get(metric.name))])
    return header, rows


def _count(clips: float) -> str:
    return NO_VALUE if pd.isna(clips) else f"{clips:.0f}"


def _words(value: object) -> str:
    return value.replace("|", "/") if isinstance(value, str) else ""


def cause_table(metrics: pd.DataFrame) -> Table:
    """How many clips are abnormal for each cause; one clip may have several."""
    header = [*NAMES, "set", "clips of", "clips", "abnormal", *CAUSES]
    rows = []
    for names, part in _cells(metrics):
        for group in SETS:
            for row in part[(part["kind"] == SET) & (part["group"] == group)].to_dict("records"):
                for source in (GENERATED, RECONSTRUCTION):
                    counts = [_clips_with(metric_of(name, source), row) for name in ("abnormal", *CAUSES)]
                    rows.append([*names, SET_NAMES[group], source, _count(row["clips"]), *counts])
    return header, rows


def _clips_with(share: Metric, row: dict[Any, Any]) -> str:
    """Clips behind a share."""
    found = share.read(row)
    return NO_VALUE if np.isnan(found.value) else f"{found.value * found.clips:.0f}"


def detector_table(metrics: pd.DataFrame) -> Table:
    """How far the automatic judgement can be trusted: one row per group of clips, for all cells that share its
    numbers."""
    known = finished(metrics)
    known = known[known["kind"] == DETECTOR]
    header = ["of simulated clips", "value [95 %]", "clips", "cells", "protocol"]
    called, cells = metric_of("abnormal", RECONSTRUCTION), known["cell"].nunique()
    rows = []
    for _, part in known.groupby(["group", called.column, "clips"], sort=False, dropna=False):
        row, names = part.iloc[0], part["cell"].unique()
        whose = "all" if len(names) == cells else ", ".join(names)
        rows.append(
            [_words(row["group"]), interval(called.read(row.to_dict()), 3), _count(row["clips"]), whose, CHECKED]
        )
    return header, rows


def ambiguity_table(metrics: pd.DataFrame) -> Table:
    """Accuracy of the red ball's outcome by margin, a row per cell and family; clips in parentheses.

    The last column has what became of the ball below one pixel.
    """
    ranges = margins(metrics)
    labels = [f"from {low:g} px" if np.isinf(high) else f"{low:g} to {high:g} px" for low, high in ranges]
    header = [*NAMES, "family", "clips of", *labels, "below 1 px", "from 1 px", "below 1 px they are"]
    columns = [*(margin_name(*pair) for pair in ranges), BELOW, ABOVE]
    rows = []
    for names, part in _cells(metrics):
        for family in families(part):
            known = margin_rows(part, family)
            for source in (GENERATED, RECONSTRUCTION):
                found = {name: metric_of("accuracy", source).read(row) for name, row in known.items()}
                if all(np.isnan(one.value) for one in found.values()):
                    continue
                shown = [_accuracy(found.get(name)) for name in columns]
                counts = (f"{one.name} {one.of(source).read(known[BELOW]).value:.0f}" for one in COUNTS)
                rows.append([*names, family, source, *shown, ", ".join(counts) if BELOW in known else NO_VALUE])
    return header, rows


def _accuracy(found: Value | None) -> str:
    return NO_VALUE if found is None else f"{interval(found, 2)} ({_count(found.clips)})"
