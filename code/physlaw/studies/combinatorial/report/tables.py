"""The study's tables: the paper's Table 2 in ours, and what stands behind its numbers. From metrics.csv alone.

Text: "in / out" of template; n/a where a measure has no value, a dash where a cell has not finished.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from physlaw.report.tables import MISSING, Table
from physlaw.studies.combinatorial.report.rows import (
    ABOVE,
    BELOW,
    DIGITS,
    GENERATED,
    LABELS,
    NO_VALUE,
    OBJECT_MEASURES,
    RECONSTRUCTION,
    SET_NAMES,
    counterparts,
    finished,
    in_and_out,
    interval,
    keys,
)
from physlaw.studies.combinatorial.study import MEASURES, PAPER, PAPER_MODELS, SETS

OURS, FLOOR, THEIRS = "ours", "tokenizer alone", "the paper's"
NAMES = ["model", "templates", "seed"]  # of a cell, in columns of metrics.csv: model, size, seed


def headline(metrics: pd.DataFrame, measures: tuple[str, ...] = tuple(MEASURES), paper: bool = True) -> Table:
    """Table 2: a row per model and number of templates, in / out; several seeds as mean, standard deviation, number.

    Below them what the tokenizer alone loses on the same clips, and the paper's own figures, the larger model's beside
    our larger one and the smaller's beside our smaller one. The two are not of the same scale; no number of ours has
    any of the paper's in it.
    """
    every = keys(metrics)
    header = ["whose", "model", "templates", *(f"{LABELS[name]} in / out" for name in measures)]
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
    return " / ".join(f"{value:.{DIGITS[measure]}f}" for value in figures[measure])


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


def protocols(metrics: pd.DataFrame) -> dict[str, str]:
    """How a set's measures were taken -> the number that stands for it in value_table."""
    known = metrics.loc[metrics["kind"] == "set", "protocol"].dropna().unique()
    return {str(text): str(k) for k, text in enumerate(known, 1)}


def value_table(metrics: pd.DataFrame) -> Table:
    """Every measure of every cell on both sets, with interval, number of clips, protocol and what else to know."""
    header = [*NAMES, "set", "clips of", "measure", "value [95 %]", "clips", "protocol", "note"]
    rows, numbers = [], protocols(metrics)
    for names, part in _cells(metrics):
        known = part[part["kind"] == "set"]
        if known.empty:
            rows.append(names + [MISSING] * (len(header) - len(names)))
        for _, row in known.iterrows():
            measure, group = str(row["measure"]), str(row["group"])
            row_names = [*names, SET_NAMES.get(group, group), str(row["source"]), LABELS.get(measure, measure)]
            found = [interval(row, DIGITS.get(measure, 3)), _count(row["clips"])]
            rows.append([*row_names, *found, numbers.get(row["protocol"], ""), _words(row["note"])])
    return header, rows


def _count(clips: float) -> str:
    return NO_VALUE if pd.isna(clips) else f"{clips:.0f}"


def _words(value: object) -> str:
    return value.replace("|", "/") if isinstance(value, str) else ""


def cause_names(metrics: pd.DataFrame) -> list[str]:
    """Causes of abnormality, in the order of the rows."""
    return [str(name) for name in metrics.loc[metrics["kind"] == "cause", "measure"].unique()]


def cause_table(metrics: pd.DataFrame) -> Table:
    """How many clips are abnormal for each cause; one clip may have several."""
    causes = cause_names(metrics)
    header = [*NAMES, "set", "clips of", "clips", "abnormal", *causes]
    rows = []
    for names, part in _cells(metrics):
        for group in SETS:
            for source in (GENERATED, RECONSTRUCTION):
                known = part[(part["group"] == group) & (part["source"] == source)]
                whole = known[(known["kind"] == "set") & (known["measure"] == "abnormal")]
                of_causes = known[known["kind"] == "cause"].set_index("measure")
                if whole.empty and of_causes.empty:
                    continue
                clips = _count(pd.concat([whole["clips"], of_causes["clips"]]).max())
                counts = [_clips_with(whole)]
                counts += [_clips_with(of_causes.loc[[c]]) if c in of_causes.index else NO_VALUE for c in causes]
                rows.append([*names, SET_NAMES[group], source, clips, *counts])
    return header, rows


def _clips_with(rows: pd.DataFrame) -> str:
    """Clips behind a share."""
    if rows.empty or pd.isna(rows["value"].iloc[0]):
        return NO_VALUE
    return f"{rows['value'].iloc[0] * rows['clips'].iloc[0]:.0f}"


def detector_table(metrics: pd.DataFrame) -> Table:
    """How far the automatic judgement can be trusted: one row per measure, for all cells that share its numbers."""
    known = finished(metrics)
    known = known[known["kind"] == "detector"]
    header = ["of simulated clips", "value [95 %]", "clips", "cells", "protocol"]
    cells = known["cell"].nunique()
    rows = []
    for _, part in known.groupby(["measure", "value", "clips"], sort=False, dropna=False):
        row, names = part.iloc[0], part["cell"].unique()
        whose = "all" if len(names) == cells else ", ".join(names)
        rows.append([_words(row["measure"]), interval(row, 3), _count(row["clips"]), whose, _words(row["protocol"])])
    return header, rows


def margins(metrics: pd.DataFrame) -> list[tuple[float, float]]:
    """The ranges of margins that accuracies are of, pixels, ascending; without the two halves at one pixel."""
    names = metrics.loc[metrics["kind"] == "ambiguity", "measure"].unique()
    parts = [str(name).removeprefix("accuracy ").removesuffix(" px").split(" to ") for name in names]
    found = {(float(low), float(high)) for low, high in parts}
    return sorted(found - {(0.0, 1.0), (1.0, np.inf)})


def margin_name(low: float, high: float) -> str:
    """The measure of a range, as metrics.csv calls it."""
    return f"accuracy {low:g} to {high:g} px"


def ambiguity_rows(part: pd.DataFrame, family: str, source: str) -> dict[str, pd.Series]:
    """One cell's rows on one family of scenes, by measure."""
    known = part[(part["kind"] == "ambiguity") & (part["group"] == family) & (part["source"] == source)]
    return {str(row["measure"]): row for _, row in known.iterrows()}


def ambiguity_table(metrics: pd.DataFrame) -> Table:
    """Accuracy of the red ball's outcome by margin, a row per cell and family; clips in parentheses.

    The last column has what became of the ball below one pixel.
    """
    ranges = margins(metrics)
    labels = [f"from {low:g} px" if np.isinf(high) else f"{low:g} to {high:g} px" for low, high in ranges]
    header = [*NAMES, "family", "clips of", *labels, "below 1 px", "from 1 px", "below 1 px they are"]
    measures = [*(margin_name(*pair) for pair in ranges), BELOW, ABOVE]
    rows = []
    for names, part in _cells(metrics):
        for family in part.loc[part["kind"] == "ambiguity", "group"].unique():
            for source in (GENERATED, RECONSTRUCTION):
                known = ambiguity_rows(part, family, source)
                if not known:
                    continue
                shown = [_accuracy(known.get(name)) for name in measures]
                counts = _words(known[BELOW]["note"]) if BELOW in known else NO_VALUE
                rows.append([*names, str(family), source, *shown, counts])
    return header, rows


def _accuracy(row: pd.Series | None) -> str:
    return NO_VALUE if row is None else f"{interval(row, 2)} ({_count(row['clips'])})"
