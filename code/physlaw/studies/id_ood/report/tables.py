"""The study's tables, from metrics.csv alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from physlaw.evaluation.velocity_blocks import METRICS
from physlaw.metric import by_column
from physlaw.report.tables import MISSING, Table, number, spread

# What the table of cells shows; the metrics' names are the headers of other tables.
ERROR = "generated_corrected"
FLOORS = {"GT floor": "truth", "tokenizer floor": "reconstruction", "retrieval ID / OOD": "retrieved"}
SHOWN = [by_column(METRICS)[name] for name in (ERROR, *(f"{source}_corrected" for source in FLOORS.values()))]
SHOWN += [by_column(METRICS)[name] for name in ("generated_missing", "nearer_to_case")]
NAMES = ("cell", "scenario", "model", "size", "seed", "recipe", "group", "clips")


def group_row(metrics: pd.DataFrame, cell: str, group: str) -> pd.Series | None:
    """A cell's row for one group of clips ("id", "ood", "ood1", a block); None when there is none."""
    found = metrics[(metrics["cell"] == cell) & (metrics.get("group") == group)]
    return found.iloc[0] if len(found) else None


def ood_levels(metrics: pd.DataFrame) -> list[int]:
    """All OOD levels that any cell has."""
    return sorted(int(level) for level in metrics.loc[metrics["kind"] == "level", "level"].unique())


def table_rows(metrics: pd.DataFrame) -> Table:
    """Header and rows of the study's table, as text.

    Errors are the corrected time-mean velocity error in world units / s, with its 95 % bootstrap interval over clips
    in distribution. ratio: OOD over ID error. GT floor: parsing ground truth; tokenizer floor: after reconstruction.
    retrieval: copying the nearest training clip, ID / OOD. nearer: share of generated OOD clips whose speed is nearer
    to that training case than to the law.
    """
    levels = ood_levels(metrics)
    header = ["scenario", "model", "data", "seed", "recipe", "ID error [95 %]"]
    header += [f"OOD L{level}" for level in levels]
    header += ["OOD", "ratio", *FLOORS, "nearer to case", "missing"]
    cells: dict[str, dict[str, dict[Any, Any]]] = {}
    # Parsing the others takes most of the time in a large study.
    used = metrics.columns.intersection([*NAMES, *(name for metric in SHOWN for name in metric.columns)])
    for record in metrics.loc[(metrics["kind"] != "block") | (metrics["group"] == "id"), used].to_dict("records"):
        cells.setdefault(record["cell"], {})[record["group"]] = record
    rows = []
    for groups in cells.values():
        first = next(iter(groups.values()))
        names = [first["scenario"], first["model"], str(first["size"]), str(first["seed"]), first["recipe"]]
        inside, outside = groups.get("id"), groups.get("ood")
        if inside is None or outside is None:
            rows.append(names + [MISSING] * (len(header) - len(names)))
            continue
        found = SHOWN[0].read(inside)
        error, low, high = (number(end) for end in (found.value, found.low, found.high))
        row = [*names, f"{error} [{low}, {high}]"]
        for level in levels:
            at_level = groups.get(f"ood{level}")
            row.append(MISSING if at_level is None else number(at_level[ERROR]))
        missing = (inside["generated_missing"] + outside["generated_missing"], inside["clips"] + outside["clips"])
        row += [number(outside[ERROR]), number(outside[ERROR] / inside[ERROR], 1)]
        for source in FLOORS.values():
            row.append(" / ".join(number(one[f"{source}_corrected"]) for one in (inside, outside)))
        row += [number(outside["nearer_to_case"], 2), f"{missing[0]:.0f} in {missing[1]:.0f} clips"]
        rows.append(row)
    return header, rows


def grid_table(metrics: pd.DataFrame) -> Table:
    """Header and rows laid out as the paper's Figure 3: scenario and model down, data size across, error in and out of
    distribution; with several seeds their mean, standard deviation and number."""
    seeds = metrics.groupby(["scenario", "model", "size"])["seed"].nunique()
    sizes = list(metrics["size"].unique())
    header = ["scenario", "model", *(f"{size} {where}" for size in sizes for where in ("ID", "OOD"))]
    errors = metrics[metrics["group"].isin(["id", "ood"])].groupby(["scenario", "model", "size", "group"])
    values = {key: (p.mean(), p.std(), int(p.count())) for key, p in errors[ERROR]}
    rows = []
    for scenario, model in metrics[["scenario", "model"]].drop_duplicates().itertuples(index=False):
        row = [scenario, model]
        for size in sizes:
            for group in ("id", "ood"):
                key = (scenario, model, size, group)
                mean, deviation, count = values.get(key, (np.nan, np.nan, 0))
                row.append(spread(mean, deviation, count, int(seeds.get(key[:3], 0))))
        rows.append(row)
    return header, rows
