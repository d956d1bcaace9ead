"""What checks compare: values by seed from metrics.csv, the error to judge by, and what models do where trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from physlaw.agents.config import PREFIX
from physlaw.metric import bounds
from physlaw.report.checks import Gate

ERROR, IMPUTED, MEASURED, REVERSED = "generated_corrected", "corrected_imputed", "measured_share", "reversed"
ENOUGH_MEASURED = 0.95  # of a cell's clips; below it a vanished ball counts as standing still, in all that is compared
TRAINED_ERROR, TRAINED_REVERSED = 0.15, 0.01  # world units / s, and share of clips: what a trained model must meet

# Of metrics.attrs: a function from a cell to its per-clip table (a function, since pandas compares attrs).
CLIPS = "clips"

Metrics = pd.DataFrame
Names = Mapping[str, str]  # scenario, model, size, group


def is_agent_row(metrics: Metrics) -> pd.Series:
    """Which rows are of reference agents."""
    return metrics["model"].astype(str).str.startswith(PREFIX)


def trained(metrics: Metrics) -> Metrics:
    """The rows of trained models, of which claims and fits speak; reference agents are shown beside them. All rows
    where there is no trained model."""
    agents = is_agent_row(metrics)
    return metrics if agents.all() else metrics[~agents]


def share_gate(metrics: Metrics, cell: Names, column: str, name: str, least: float = 0.95) -> Gate | None:
    """A share of the clips of what was trained on, mean over seeds; None where it is not known."""
    rows = values_of(metrics, column, **{**cell, "group": "id"})
    value = float(rows["value"].mean()) if len(rows) else math.nan
    return Gate(name, value >= least, f"{value:.3f} (>= {least:g})") if len(rows) else None


def is_agent(metrics: Metrics) -> bool:
    """The rows are of reference agents alone: functions of the scene, judged without gates and seeds."""
    return bool(is_agent_row(metrics).all())


def values_of(metrics: Metrics, column: str, **names: str) -> pd.DataFrame:
    """A row per seed of the finished cells with these names (scenario=, model=, size=, group=): columns seed, value,
    low, high (NaN where metrics.csv has no interval). No rows where metrics.csv has no such column."""
    chosen = metrics["kind"] != "missing"
    for key, value in names.items():
        chosen &= metrics[key] == value
    rows = metrics[chosen].drop_duplicates("seed")
    if column not in rows:
        rows = rows.iloc[:0].assign(**{column: math.nan})
    rows = rows[rows[column].notna()]
    ends = {end: rows.get(name, math.nan) for end, name in zip(("low", "high"), bounds(column), strict=True)}
    return pd.DataFrame({"seed": rows["seed"], "value": rows[column], **ends})


def clips_of(metrics: Metrics, column: str, names: Names) -> pd.DataFrame:
    """That column of every clip of the only finished cell and group with these names, by block and scene: from the
    per-clip tables that metrics.attrs[CLIPS] gives by cell, where whoever has them put that there; else no rows."""
    found = metrics.loc[np.logical_and.reduce([metrics[key] == value for key, value in names.items()]), "cell"]
    if found.nunique() != 1 or CLIPS not in metrics.attrs:
        return pd.DataFrame({"block": [], "scene": [], column: []})
    table = metrics.attrs[CLIPS](found.iloc[0])
    if not {"block", "scene", "level", "radius_px", column} <= set(table):
        return pd.DataFrame({"block": [], "scene": [], column: []})
    out = table["level"] > 0
    chosen = out & (table["radius_px"] >= 1) if names["group"] == "ood" else ~out
    return table.loc[chosen & table[column].notna(), ["block", "scene", column]]


def one_model(metrics: Metrics) -> tuple[str, str]:
    """The model and the data size that most cells have finished with: what verdicts compare. A trained model, where
    there is one."""
    done = trained(metrics[metrics["kind"] != "missing"])
    counts = done.groupby(["model", "size"])["cell"].nunique()
    model, size = counts.sort_values(ascending=False, kind="stable").index[0]
    return str(model), str(size)


def lacking(metrics: Metrics, columns: Sequence[str]) -> str:
    """Why results from before these columns decide nothing; empty where they are all there."""
    absent = [name for name in columns if name not in metrics]
    return f"to be run again: stored before {', '.join(absent)} was measured" if absent else ""


def judged_error(metrics: Metrics, sides: Sequence[Names]) -> str:
    """The column of the error that all of the compared groups of cells are judged by: ERROR, or IMPUTED where one of
    them has less than ENOUGH_MEASURED of its clips measured."""
    shares = [values_of(metrics, MEASURED, **side)["value"] for side in sides]
    low = any(len(share) and float(share.mean()) < ENOUGH_MEASURED for share in shares)
    return IMPUTED if low else ERROR


def error_words(column: str) -> str:
    """What stands in front of errors of that column."""
    return "a vanished ball counts as standing still" if column == IMPUTED else ""


def trained_gates(metrics: Metrics, cells: Sequence[Names], reversible: bool = True) -> list[Gate]:
    """What every model must do on what it was trained on, means over seeds.

    Args:
        cells: scenario, model, size of each; their group "id" is what was trained.
        reversible: whether reversed motion is asked for.
    """
    gates = []
    asked = [(MEASURED, ENOUGH_MEASURED, True), (ERROR, TRAINED_ERROR, False)]
    asked += [(REVERSED, TRAINED_REVERSED, False)] if reversible else []
    words = {MEASURED: "measured", ERROR: "speed error", REVERSED: "reversed"}
    for names in cells:
        for column, bound, above in asked:
            rows = values_of(metrics, column, **{**names, "group": "id"})
            if rows.empty:
                continue
            value = float(rows["value"].mean())
            sign = ">=" if above else "<=" if column == ERROR else "<"
            passed = value >= bound if above else value <= bound if column == ERROR else value < bound
            name = f"{names.get('scenario', '')} {names.get('model', '')}: {words[column]}"
            gates.append(Gate(name, passed, f"{value:.3f} ({sign} {bound:g})"))
    return gates
