"""The study's tables and the comparison with committed results. From metrics.csv alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from physlaw.report.tables import MISSING, Compared, Table, number, spread

# What may differ between machines. Ground truth, its parsing and retrieval involve no training: only the last digits
# may move. A model trained elsewhere takes another path through rounding and ends elsewhere: the profile says by how
# much it may (see results/README.md).
EXACT_TOLERANCE = 1e-3  # world units / s
SOURCES = ("generated", "truth", "reconstruction", "retrieved")
TABLE_COLUMNS = (
    *("cell", "scenario", "model", "size", "seed", "recipe", "group", "clips", "generated_missing", "nearer_to_case"),
    *(f"{source}_corrected" for source in SOURCES),
    *(f"generated_corrected_{end}" for end in ("low", "high")),
)


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
    header += ["OOD", "ratio", "GT floor", "tokenizer floor", "retrieval ID / OOD", "nearer to case", "missing"]
    cells: dict[str, dict[str, dict[Any, Any]]] = {}
    used = metrics.columns.intersection(
        list(TABLE_COLUMNS)
    )  # parsing the others takes most of the time in a large study
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
        error = number(inside["generated_corrected"])
        low, high = (number(inside[f"generated_corrected_{end}"]) for end in ("low", "high"))
        row = [*names, f"{error} [{low}, {high}]"]
        for level in levels:
            at_level = groups.get(f"ood{level}")
            row.append(MISSING if at_level is None else number(at_level["generated_corrected"]))
        ratio = outside["generated_corrected"] / inside["generated_corrected"]
        share = (inside["generated_missing"] + outside["generated_missing"], inside["clips"] + outside["clips"])
        row += [
            number(outside["generated_corrected"]),
            number(ratio, 1),
            f"{number(inside['truth_corrected'])} / {number(outside['truth_corrected'])}",
            f"{number(inside['reconstruction_corrected'])} / {number(outside['reconstruction_corrected'])}",
            f"{number(inside['retrieved_corrected'])} / {number(outside['retrieved_corrected'])}",
            number(outside["nearer_to_case"], 2),
            f"{share[0]:.0f} in {share[1]:.0f} clips",
        ]
        rows.append(row)
    return header, rows


def grid_table(metrics: pd.DataFrame) -> Table:
    """Header and rows laid out as the paper's Figure 3: scenario and model down, data size across, error in and out of
    distribution; with several seeds their mean, standard deviation and number."""
    seeds = metrics.groupby(["scenario", "model", "size"])["seed"].nunique()
    sizes = list(metrics["size"].unique())
    header = ["scenario", "model", *(f"{size} {where}" for size in sizes for where in ("ID", "OOD"))]
    errors = metrics[metrics["group"].isin(["id", "ood"])].groupby(["scenario", "model", "size", "group"])
    values = {key: (p.mean(), p.std(), int(p.count())) for key, p in errors["generated_corrected"]}
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


def compare(here: pd.DataFrame, there: pd.DataFrame, tolerance: float) -> list[Compared]:
    """Each table number of `here` beside the one in `there`.

    What was trained agrees when it differs by at most the fraction `tolerance` of the committed one: the model's
    errors, and a VAE's. The other floors and the retrieval baseline may differ by at most EXACT_TOLERANCE.
    """
    compared = []
    for cell in here["cell"].unique():
        for group in ["id", *(f"ood{level}" for level in ood_levels(here)), "ood"]:
            ours, theirs = group_row(here, cell, group), group_row(there, cell, group)
            if ours is None or theirs is None:
                continue
            for source in SOURCES:
                a, b = float(ours[f"{source}_corrected"]), float(theirs[f"{source}_corrected"])
                untrained = theirs["reconstruction_corrected"] == theirs["truth_corrected"]  # it loses nothing
                trained = source == "generated" or (source == "reconstruction" and not untrained)
                bound = tolerance * abs(b) if trained else EXACT_TOLERANCE
                agree = bool(abs(a - b) <= bound) or (np.isnan(a) and np.isnan(b))
                shown = f"{tolerance:.0%}" if trained else f"{EXACT_TOLERANCE:g}"
                compared.append(Compared(str(cell), f"{group} {source}", a, b, shown, agree))
    return compared
