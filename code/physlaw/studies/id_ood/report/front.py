"""What the front page says and shows of this study: the largest model on the largest training set of every scenario."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from physlaw.csv_file import COLLECT
from physlaw.data.npz import read_arrays
from physlaw.report.checks import Estimate, over_seeds
from physlaw.report.compared import ERROR, trained, values_of
from physlaw.report.front import Strip
from physlaw.studies.id_ood import study

NAMES = {"uniform": "uniform motion", "parabola": "parabola", "collision": "collision"}
LABELS = ("as in\ntraining", "slower than\nany trained", "faster than\nany trained")  # of SHOWN_BLOCKS
COLUMNS = {"truth": "truth", "model": "generated", "copy of nearest": "retrieved"}
COPIED, NEARER = "retrieved_corrected", "nearer_to_case"


def answer(metrics: pd.DataFrame) -> list[str]:
    """In distribution, out of it, and at what scale; only scenarios whose cells have finished."""
    metrics = trained(metrics[metrics["kind"] != "missing"])
    scenarios = [name for name in NAMES if (metrics["scenario"] == name).any()]
    largest = {name: _largest(metrics, name) for name in scenarios}

    def mean(column: str, scenario: str, group: str) -> Estimate:
        cell = largest[scenario]
        rows = values_of(metrics, column, scenario=scenario, model=cell["model"], size=cell["size"], group=group)
        return over_seeds(rows)

    within = {name: mean(ERROR, name, "id") for name in scenarios}
    beyond = {name: mean(ERROR, name, "ood") for name in scenarios}
    copied = _listed(f"{mean(COPIED, name, 'id').value:.2f}" for name in scenarios)
    ratios = _listed(f"{beyond[name].value / within[name].value:.1f}" for name in scenarios)
    nearer = _listed(f"{100 * mean(NEARER, name, 'ood').value:.0f} %" for name in scenarios)
    first = largest[scenarios[0]]
    seeds = metrics["seed"].nunique()
    scale = (
        f"{first['resolution']:.0f} x {first['resolution']:.0f} pixels, {first['parameters'] / 1e6:.1f} M parameters, "
        f"{first['size']} training clips, {'one seed' if seeds == 1 else f'{seeds} seeds'}"
    )
    return [
        f"Asked for motions as in training, models miss the ball's speed by {_estimates(within)} world units per "
        f"second, where copying the nearest training clip misses it by {copied}.",
        f"Asked for sizes and speeds beyond training, they miss it by {_estimates(beyond, named=False)}, that is "
        f"{ratios} times as much; {nearer} of these clips move more like the nearest training clip than by the law.",
        f"That is scale `{first['profile']}` ({scale})",
    ]


def _largest(metrics: pd.DataFrame, scenario: str) -> pd.Series:
    rows = metrics[metrics["scenario"] == scenario]
    return rows.sort_values(["parameters", "training_clips", "seed"], ascending=[False, False, True]).iloc[0]


def _estimates(values: dict[str, Estimate], named: bool = True) -> str:
    return _listed(one.text() + (f" ({NAMES[name]})" if named else "") for name, one in values.items())


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def strips(folder: Path, metrics: pd.DataFrame) -> list[Strip]:
    """The first kept clip of each of SHOWN_BLOCKS of uniform motion; none without clips."""
    finished = trained(metrics[metrics["kind"] != "missing"])
    scenario = next(iter(NAMES))
    rows = finished[finished["scenario"] == scenario]
    blocks = study.SHOWN_BLOCKS[scenario]
    whole = [c for c in rows["cell"].unique() if all((folder / "clips" / f"{c}.{b}.npz").is_file() for b in blocks)]
    if not whole:
        return []
    cell = _largest(rows[rows["cell"].isin(whole)], scenario)["cell"]
    found = []
    for block, label in zip(blocks, LABELS, strict=True):
        arrays = read_arrays(folder / "clips" / f"{cell}.{block}.npz", tuple(COLUMNS.values()), COLLECT)
        found.append(Strip(label, {name: arrays[key][0] for name, key in COLUMNS.items()}))
    return found
