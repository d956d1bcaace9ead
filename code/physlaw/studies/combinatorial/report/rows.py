"""What the rows of metrics.csv say: which models and numbers of templates there are, and a measure's values.

A value is of one cell: a model, trained on so many templates, with one seed. Kinds of rows: "set" (quality on a set of
clips), "cause" (why clips are abnormal), "detector" (how far that judgement can be trusted), "ambiguity", "missing".
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from physlaw.report.compared import trained
from physlaw.report.tables import MISSING, spread
from physlaw.studies.combinatorial.study import MEASURES, PAPER_MODELS, SETS, TEMPLATES

GENERATED, RECONSTRUCTION = "generated", "reconstruction"
NO_VALUE = "n/a"  # the cell has finished, but the measure has no value, e.g. without the weights it needs
SET_NAMES = dict(zip(SETS, ("in", "out"), strict=True))
LABELS = {
    "fvd": "FVD",
    "frechet_latent": "Fréchet, latents",
    "ssim": "SSIM",
    "psnr": "PSNR",
    "lpips": "LPIPS",
    "abnormal": "abnormal",
    "position_error": "position error (px)",
    "matched": "objects matched",
}
DIGITS = {name: digits for name, (_, digits) in MEASURES.items()} | {"position_error": 1, "matched": 3}
OBJECT_MEASURES = ("position_error", "matched")
BELOW, ABOVE = "accuracy 0 to 1 px", "accuracy 1 to inf px"

Key = tuple[str, str]  # model, number of templates


def finished(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of finished cells."""
    return metrics[metrics["kind"] != "missing"]


def values(metrics: pd.DataFrame, key: Key, group: str, measure: str, source: str = GENERATED) -> pd.DataFrame:
    """The rows of a measure on a set: one per finished seed, ordered by it."""
    model, size = key
    chosen = (metrics["model"] == model) & (metrics["size"] == size) & (metrics["kind"] == "set")
    chosen &= (metrics["group"] == group) & (metrics["measure"] == measure) & (metrics["source"] == source)
    return metrics[chosen].sort_values("seed")


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
    return spread(known.mean(), known.std(), len(known), seeds, DIGITS[measure])


def in_and_out(metrics: pd.DataFrame, key: Key, measure: str, source: str = GENERATED) -> str:
    """shown for both sets: "in / out"."""
    return " / ".join(shown(metrics, key, group, measure, source) for group in SETS)


def interval(row: pd.Series, digits: int) -> str:
    """A row's value with its interval, as text."""
    if pd.isna(row["value"]):
        return NO_VALUE
    text = f"{row['value']:.{digits}f}"
    return text if pd.isna(row["low"]) else f"{text} [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"


def reasons(metrics: pd.DataFrame) -> list[str]:
    """Why measures have no value, one line each."""
    known = finished(metrics)
    known = known[(known["kind"] == "set") & known["value"].isna() & known["note"].notna()]
    pairs = known[["measure", "note"]].drop_duplicates().itertuples(index=False)
    return [f"{LABELS.get(str(measure), str(measure))}: {note}" for measure, note in pairs]
