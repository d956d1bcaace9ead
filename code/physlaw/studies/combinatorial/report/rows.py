"""What the rows of metrics.csv say: which models and numbers of templates there are, and a measure's values.

A value is of one cell: a model, trained on so many templates, with one seed. Kinds of rows: SET (a set of clips),
DETECTOR (how far the judgement of clips can be trusted), AMBIGUITY (scenes of a range of margins), "missing".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from physlaw.metric import Metric, Value, bounds, by_column, notes_of
from physlaw.report.compared import trained
from physlaw.report.study_report import finished_rows as finished
from physlaw.report.tables import MISSING, spread
from physlaw.studies.combinatorial.generated import GENERATED
from physlaw.studies.combinatorial.measures import SET
from physlaw.studies.combinatorial.score import AMBIGUITY, METRICS
from physlaw.studies.combinatorial.study import PAPER_MODELS, SETS, TEMPLATES

NO_VALUE = "n/a"  # the cell has finished, but the measure has no value, e.g. without the weights it needs
SET_NAMES = dict(zip(SETS, ("in", "out"), strict=True))
MEASURES = ("fvd", "frechet_latent", "ssim", "psnr", "lpips", "abnormal")  # of the table that is the paper's
OBJECT_MEASURES = ("position_error", "matched")
BELOW, ABOVE = "0 to 1 px", "1 to inf px"  # ranges of margins
COLUMNS = by_column(METRICS)

Key = tuple[str, str]  # model, number of templates


def metric_of(measure: str, source: str = GENERATED) -> Metric:
    """What is said of a measure of clips of one source."""
    return COLUMNS[f"{source}_{measure}"]


def values(metrics: pd.DataFrame, key: Key, group: str, measure: str, source: str = GENERATED) -> pd.DataFrame:
    """A measure on a set: columns seed, value, low, high, clips; a row per finished seed, ordered by it."""
    model, size = key
    chosen = (metrics["model"] == model) & (metrics["size"] == size) & (metrics["kind"] == SET)
    return read_values(metrics[chosen & (metrics["group"] == group)], metric_of(measure, source))


def read_values(rows: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """A metric in rows of several seeds: columns seed, value, low, high, clips, ordered by seed."""
    wanted = rows.columns.intersection(["seed", "clips", *metric.columns, *bounds(metric.column)])  # of hundreds
    known = rows[wanted].sort_values("seed").to_dict("records")
    found = [{"seed": row["seed"], **vars(metric.read(row))} for row in known]
    return pd.DataFrame(found, columns=["seed", *vars(Value(0.0))])


def known_values(metrics: pd.DataFrame, key: Key, group: str, measure: str, source: str = GENERATED) -> pd.DataFrame:
    """Those of `values` that have a value."""
    rows = values(metrics, key, group, measure, source)
    return rows[rows["value"].notna()]


def ranked_models(metrics: pd.DataFrame) -> list[str]:
    """Models, the largest first: by parameters, or while not every model has finished a cell by how many training sets
    it is meant for (the paper trains its smaller model on one)."""
    if "parameters" not in metrics:
        metrics = metrics.assign(parameters=np.nan)
    by_model = metrics.groupby("model", sort=False).agg({"parameters": "max", "size": "nunique"})
    column = "parameters" if by_model["parameters"].notna().all() else "size"
    return [str(name) for name in by_model.sort_values(column, ascending=False, kind="stable").index]


def main_model(metrics: pd.DataFrame) -> str | None:
    """The model of the claims about the number of templates: the largest that is meant for all of TEMPLATES."""
    metrics = trained(metrics)
    planned = metrics.groupby("model")["size"].agg(set)
    return next((name for name in ranked_models(metrics) if set(TEMPLATES) <= planned[name]), None)


def keys(metrics: pd.DataFrame) -> list[Key]:
    """Every model, the largest first, with every number of templates that it has a cell for, ascending."""
    planned = metrics.groupby("model")["size"].unique()
    return [(model, size) for model in ranked_models(metrics) for size in sorted(planned[model], key=int)]


def counterparts(metrics: pd.DataFrame) -> dict[str, str]:
    """Our model -> the paper's: the larger beside the larger, the smaller beside the smaller."""
    models, (larger, smaller) = ranked_models(trained(metrics)), PAPER_MODELS
    return {models[0]: larger} | ({models[-1]: smaller} if len(models) > 1 else {})


def seeds_of(metrics: pd.DataFrame, key: Key) -> tuple[int, int]:
    """How many seeds a model and number of templates has, and how many of them have finished."""
    cells = metrics[(metrics["model"] == key[0]) & (metrics["size"] == key[1])]
    return cells["seed"].nunique(), finished(cells)["seed"].nunique()


def shown(metrics: pd.DataFrame, key: Key, group: str, measure: str, source: str = GENERATED) -> str:
    """A measure on a set as text: with several seeds mean, standard deviation, number; NO_VALUE; MISSING."""
    seeds, done = seeds_of(metrics, key)
    known = known_values(metrics, key, group, measure, source)["value"]
    if not len(known):
        return NO_VALUE if done else MISSING
    return spread(known.mean(), known.std(), len(known), seeds, metric_of(measure).digits)


def in_and_out(metrics: pd.DataFrame, key: Key, measure: str, source: str = GENERATED) -> str:
    """shown for both sets: "in / out"."""
    return " / ".join(shown(metrics, key, group, measure, source) for group in SETS)


def interval(found: Value, digits: int) -> str:
    """A value with its interval, as text."""
    if np.isnan(found.value):
        return NO_VALUE
    text = f"{found.value:.{digits}f}"
    return text if np.isnan(found.low) else f"{text} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def reasons(metrics: pd.DataFrame) -> list[str]:
    """Why measures have no value, one line each."""
    known = finished(metrics)
    found: dict[str, None] = {}
    for row in known[known["kind"] == SET].to_dict("records"):
        notes = notes_of(row)
        absent = [one for one in METRICS if one.name in notes and np.isnan(one.read(row).value)]
        found |= dict.fromkeys(f"{one.header}: {notes[one.name]}" for one in absent)
    return list(found)


def margin_rows(part: pd.DataFrame, family: str) -> dict[str, dict[Any, Any]]:
    """One cell's rows on ambiguous scenes of a family, by range of margins."""
    rows = part[(part["kind"] == AMBIGUITY) & part["group"].str.startswith(f"{family} ", na=False)]
    return {str(row["group"]).removeprefix(f"{family} "): row for row in rows.to_dict("records")}


def families(part: pd.DataFrame) -> list[str]:
    """Of ambiguous scenes, in the order of the rows."""
    groups = part.loc[part["kind"] == AMBIGUITY, "group"]
    return list(dict.fromkeys(str(group).split(" ")[0] for group in groups))


def margins(metrics: pd.DataFrame) -> list[tuple[float, float]]:
    """The ranges of margins that accuracies are of, pixels, ascending; without the two halves at one pixel."""
    groups = metrics.loc[metrics["kind"] == AMBIGUITY, "group"].unique()
    parts = [str(group).partition(" ")[2].removesuffix(" px").split(" to ") for group in groups]
    found = {(float(low), float(high)) for low, high in parts}
    return sorted(found - {(0.0, 1.0), (1.0, np.inf)})


def margin_name(low: float, high: float) -> str:
    """A range of margins, as metrics.csv calls it."""
    return f"{low:g} to {high:g} px"
