"""By how much a measure gets better from one cell to another: on the same videos, paired by seed or by clip.

With two seeds or more, each seed's cells are compared, and seeds vary. Of one seed the clips are compared one by one.
What has no clips (Frechet distances) is compared as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from physlaw.intervals import paired_change
from physlaw.metric import HIGHER, SHARE
from physlaw.report.checks import Estimate, paired
from physlaw.report.compared import CLIPS
from physlaw.studies.combinatorial.generated import GENERATED
from physlaw.studies.combinatorial.measures import RETRIEVED, SET
from physlaw.studies.combinatorial.report.rows import Key, known_values, metric_of
from physlaw.studies.combinatorial.study import COMMON, IN_TEMPLATE, TEMPLATES

ADDRESS = ["template", "scene", "trial"]


@dataclass(frozen=True)
class Side:
    """One of two cells that are compared: model and number of templates, and the group of its clips."""

    key: Key
    group: str

    @property
    def table(self) -> str:
        """The set that has the group's clips; the smallest training set has the common ones in template."""
        if not self.group.startswith(COMMON):
            return self.group
        return IN_TEMPLATE if self.key[1] == TEMPLATES[0] else COMMON


def gain(metrics: pd.DataFrame, measure: str, before: Side, after: Side, beyond: bool = False) -> Estimate | None:
    """How much better `after` is, positive whatever the measure's direction; None where one side has no value.

    Args:
        beyond: only what exceeds the gain of the nearest case, on the same videos and training sets.
    """
    sides = [_by_seed(metrics, measure, side, beyond) for side in (before, after)]
    if any(rows.empty for rows in sides):
        return None
    found = paired(*sides)
    common = set(sides[0]["seed"]) & set(sides[1]["seed"])
    if found.seeds < 2 and common:
        each = [_by_clip(metrics, measure, side, min(common), beyond) for side in (before, after)]
        both = each[0].merge(each[1], on=ADDRESS, suffixes=("_before", "_after"))
        changes = (both["value_after"] - both["value_before"]).dropna().to_numpy(dtype=np.float64)
        if len(changes) > 1:
            ends = paired_change(changes, metric_of(measure).interval == SHARE)
            found = Estimate(float(changes.mean()), *ends, 1)
    if metric_of(measure).better == HIGHER:
        return found
    return Estimate(-found.value, -found.high, -found.low, found.seeds, found.freedom)


def _by_seed(metrics: pd.DataFrame, measure: str, side: Side, beyond: bool) -> pd.DataFrame:
    """Columns seed, value, low, high; beyond: of the model minus the nearest case."""
    rows = known_values(metrics, side.key, side.group, measure)[["seed", "value", "low", "high"]]
    if not beyond:
        return rows
    copied = known_values(metrics, side.key, side.group, measure, RETRIEVED)[["seed", "value", "low", "high"]]
    both = rows.merge(copied, on="seed", suffixes=("", "_copied"))
    value = both["value"] - both["value_copied"]
    down = np.hypot(both["value"] - both["low"], both["high_copied"] - both["value_copied"])
    up = np.hypot(both["high"] - both["value"], both["value_copied"] - both["low_copied"])
    return pd.DataFrame({"seed": both["seed"], "value": value, "low": value - down, "high": value + up})


def _by_clip(metrics: pd.DataFrame, measure: str, side: Side, seed: int, beyond: bool) -> pd.DataFrame:
    """Columns of ADDRESS and value, of the one cell with that seed; no rows where clips are not known."""
    nothing = pd.DataFrame({name: [] for name in (*ADDRESS, "value")})
    (model, size), columns = side.key, [f"{GENERATED}_{measure}", *([f"{RETRIEVED}_{measure}"] if beyond else [])]
    chosen = (metrics["model"] == model) & (metrics["size"] == size) & (metrics["seed"] == seed)
    cells = metrics.loc[chosen & (metrics["kind"] == SET), "cell"].unique()
    if len(cells) != 1 or CLIPS not in metrics.attrs:
        return nothing
    table = metrics.attrs[CLIPS](str(cells[0]))
    if not {*ADDRESS, "set", *columns} <= set(table):
        return nothing
    table = table[table["set"] == side.table]
    value = table[columns[0]] - (table[columns[1]] if beyond else 0)
    return table[ADDRESS].assign(value=value)


def point(value: float) -> Estimate:
    """A published figure: nothing is known of its interval."""
    return Estimate(value, value, value, 1, math.inf)
