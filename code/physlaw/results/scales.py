"""Every study's metrics.csv of a results folder, checked: <results>/<study>/<table>/metrics.csv.

A table (smoke, mini, paper, mini-faithful, ...) is a scale. A file that is damaged, or not where it belongs, is an
error with its name, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from physlaw import studies
from physlaw.errors import UserError
from physlaw.files import visible
from physlaw.report.metrics import read_metrics

SCALES = ("smoke", "mini", "paper")  # always shown; other tables only where they are

Metrics = Mapping[str, pd.DataFrame]  # study -> rows


def read_results(results: Path) -> dict[str, Metrics]:
    """Scale -> study -> the rows of its metrics.csv; scales in the order SCALES, then by name, studies in their order.

    Raises:
        UserError: no such folder, or a metrics.csv that is not one of this project, is damaged, is of an unknown study,
            or lies in a folder of another name than its study and table.
    """
    if not results.is_dir():
        raise UserError(f"results: no such folder {results}; valid: a folder with <study>/<profile>/metrics.csv")
    found: dict[str, dict[str, pd.DataFrame]] = {}
    for path in visible(results, "*/*/metrics.csv"):
        found.setdefault(path.parent.name, {})[path.parent.parent.name] = _read_in_place(path)
    scales = [name for name in SCALES if name in found] + sorted(set(found) - set(SCALES))
    return {
        scale: MappingProxyType({study: found[scale][study] for study in studies.NAMES if study in found[scale]})
        for scale in scales
    }


def _read_in_place(path: Path) -> pd.DataFrame:
    """A metrics.csv below <study>/<table>/."""
    metrics = read_metrics(path.parent)
    study, table = path.parent.parent.name, path.parent.name
    if study not in studies.NAMES:
        raise UserError(f"{path}: unknown study {study!r}; valid: {', '.join(studies.NAMES)}")
    for known in metrics[["study", "profile", "recipe"]].drop_duplicates().itertuples(index=False):
        if known.study != study or table not in (known.profile, f"{known.profile}-{known.recipe}"):
            raise UserError(
                f"{path}: has rows of study {known.study}, profile {known.profile}, recipe {known.recipe}, "
                f"which belong in {known.study}/{known.profile}"
            )
    return metrics


def runs_of(metrics: pd.DataFrame) -> pd.DataFrame:
    """The first row of every finished cell."""
    return metrics[metrics["kind"] != "missing"].drop_duplicates("cell")


def seeds_text(metrics: pd.DataFrame) -> str:
    """How many seeds the finished cells have: "3", or "1 to 3"; "0" without any."""
    runs = runs_of(metrics)
    cells = runs["cell"].str.replace(r"-seed\d+$", "", regex=True)
    counts = runs.groupby(cells)["seed"].nunique()
    if counts.empty:
        return "0"
    return str(counts.max()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def hardware_text(tables: list[pd.DataFrame]) -> str:
    """Processor, cores and accelerator of the finished cells, every kind once."""
    kinds = []
    for metrics in tables:
        runs = runs_of(metrics)
        for processor, cores, name in zip(runs["processor"], runs["cores"], runs["accelerator"], strict=True):
            kinds.append(f"{processor}, {cores:.0f} cores, {'no accelerator' if name == 'none' else name}")
    return "; ".join(dict.fromkeys(kinds))


def time_text(tables: list[pd.DataFrame]) -> str:
    """Training and evaluation of all finished cells, added up: "12 min" or "3.4 h"."""
    seconds = sum(float(runs_of(m)[["train_seconds", "evaluation_seconds"]].to_numpy().sum()) for m in tables)
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
