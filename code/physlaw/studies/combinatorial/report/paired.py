"""Cells compared clip by clip, from clips.csv: the same scene continued by two models.

What the scenes have in common drops out, so these intervals are narrower than those between two cells' means. They are
of one seed and say nothing about another one.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pandas as pd

from physlaw.intervals import normal
from physlaw.report.compared import trained
from physlaw.report.study_report import finished_rows as finished
from physlaw.report.tables import Table
from physlaw.report.verdicts import Difference
from physlaw.studies.combinatorial.measures import OF_FRAMES
from physlaw.studies.combinatorial.report.rows import (
    NO_VALUE,
    SET_NAMES,
    Key,
    main_model,
    metric_of,
    ranked_models,
    seeds_of,
)
from physlaw.studies.combinatorial.study import SETS, TEMPLATES

MEASURES = (*(metric.name for metric in OF_FRAMES), "abnormal")
ADDRESS = ["template", "scene", "trial"]


def comparisons(metrics: pd.DataFrame) -> list[tuple[Key, Key]]:
    """The pairs that claims are about and that have finished: successive numbers of templates, smaller and larger
    model."""
    pairs, most = [], TEMPLATES[-1]
    if main := main_model(metrics):
        pairs += [((main, a), (main, b)) for a, b in pairwise(TEMPLATES)]
    models = [m for m in ranked_models(metrics) if seeds_of(metrics, (m, most))[0]]
    if len(models) > 1:
        pairs.append(((models[-1], most), (models[0], most)))
    return [pair for pair in pairs if all(seeds_of(metrics, key)[1] for key in pair)]


def paired_difference(before: pd.Series, after: pd.Series) -> Difference | None:
    """Mean of after - before over clips that have both, with its normal 95 % interval; None without two of them."""
    each = (after - before).dropna()
    if len(each) < 2:
        return None
    half = normal() * float(each.std()) / math.sqrt(len(each))
    return Difference(float(each.mean()), float(each.mean()) - half, float(each.mean()) + half, 1)


def paired_table(metrics: pd.DataFrame, clips: pd.DataFrame) -> Table:
    """A row per comparison and set, on the clips that both cells have; of each cell the first seed."""
    metrics = trained(metrics)
    header = ["from", "to", "set", "clips", *(metric_of(name).header for name in MEASURES)]
    first = finished(metrics).sort_values("seed").drop_duplicates(["model", "size"])
    cell_of = {(str(m), str(n)): cell for m, n, cell in first[["model", "size", "cell"]].itertuples(index=False)}
    rows = []
    for before, after in comparisons(metrics):
        for group in SETS:
            sides = (clips[(clips["cell"] == cell_of[key]) & (clips["set"] == group)] for key in (before, after))
            both = next(sides).merge(next(sides), on=ADDRESS, suffixes=("_before", "_after"))
            if len(both) < 2:
                continue
            texts = []
            for name in MEASURES:
                columns = [f"generated_{name}_{side}" for side in ("before", "after")]
                known = set(columns) <= set(both)
                found = paired_difference(both[columns[0]], both[columns[1]]) if known else None
                texts.append(NO_VALUE if found is None else found.text(metric_of(name).digits + 1))
            names = (f"{model}, {size}" for model, size in (before, after))
            rows.append([*names, SET_NAMES[group], str(len(both)), *texts])
    return header, rows
