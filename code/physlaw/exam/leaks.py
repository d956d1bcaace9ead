"""`physlaw exam leaks`: training records that lie where the exam asks.

Two kinds: initial values within an out-of-distribution block's region; and the very scene of an in-distribution item,
initial values and start (those grids may share values with training sets, so that values alone are no leak).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from physlaw.csv_file import read_csv
from physlaw.data.released import open_clips
from physlaw.data.video_folder import METADATA
from physlaw.errors import UserError, unknown
from physlaw.exam.config import LeaksConfig
from physlaw.files import write_text
from physlaw.studies import registry
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import eval_scenes

Array = NDArray[np.float64]
SAME = 2e-3  # world units and units / s: rounding of tables
NAMED = 5  # records, in print
REGION, SCENE = "in its region", "the same scene"


def leaks_text(path: Path, config: LeaksConfig) -> tuple[str, int]:
    """What is printed, and how many records lie in a block. Writes config.out where it is named.

    Raises:
        UserError: the file is not there or none of the known kinds, or its scenario is not known or has no ranges.
    """
    found, total = [], 0
    for scenario, init, start, numbers in _records(path, config):
        total += len(init)
        table = leaks(config.study, scenario, init, start, config.seed)
        found.append(table.assign(record=numbers[table["record"].to_numpy(dtype=np.int64)]))
    table = pd.concat(found, ignore_index=True)
    if config.out:
        write_text(Path(config.out), table.to_csv(index=False))
    records = table[["scenario", "record"]].drop_duplicates()
    lines = [f"{len(records)} of {total} records lie in an evaluation block of study={config.study}"]
    for (name, block, kind), part in table.groupby(["scenario", "block", "kind"], sort=False):
        named = ", ".join(map(str, part["record"][:NAMED])) + (", ..." if len(part) > NAMED else "")
        lines.append(f"  {name} {block}: {len(part)} {kind} (records {named})")
    return "\n".join(lines) + "\n", len(records)


def leaks(study: str, name: str, init: Array, start: Array | None, seed: int = 0) -> pd.DataFrame:
    """Columns scenario, record (row of init), block, kind.

    Args:
        init: (N, K) initial values. start: (N, balls, 2) where they begin, NaN or None where it is not known.
    """
    scenario = registry.part(study, "sets").SCENARIOS[name]
    parts = []
    for block in scenario.eval_blocks().values():
        if block.level:
            hits, kind = np.flatnonzero(block.region.contains(init)), REGION
        elif start is not None and len(block.grid):
            hits, kind = _same_scenes(scenario, block.name, init, start, seed), SCENE
        else:
            continue
        parts.append(pd.DataFrame({"scenario": name, "record": hits, "block": block.name, "kind": kind}))
    empty = pd.DataFrame({"scenario": [], "record": [], "block": [], "kind": []}).astype({"record": np.int64})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _same_scenes(scenario: Scenario, block: str, init: Array, start: Array, seed: int) -> NDArray[np.int64]:
    scenes = replace(eval_scenes(scenario, block, seed), num_frames=1)
    numbers = np.arange(len(scenes))
    asked = np.concatenate([scenes.init(numbers), scenes.positions(numbers)[:, 0].reshape(len(numbers), -1)], axis=1)
    given = np.concatenate([init, start.reshape(len(init), -1)], axis=1)
    known = np.flatnonzero(np.isfinite(given).all(axis=1))
    away, _ = cKDTree(asked).query(given[known], distance_upper_bound=SAME)
    return known[np.isfinite(away)]


def _records(path: Path, config: LeaksConfig) -> list[tuple[str, Array, Array | None, NDArray[np.int64]]]:
    """Scenario, (N, K) initial values, (N, balls, 2) positions in the first frame, the records' numbers."""
    known = registry.scenarios_of(config.study)
    if config.scenario is not None and config.scenario not in known:
        raise unknown(f"scenario of study {config.study}", config.scenario, known)
    table = path / METADATA if path.is_dir() and (path / METADATA).is_file() else path
    if table.suffix.lower() == ".csv":
        return _of_table(table, config, list(known))
    scenario = None if config.scenario is None else registry.part(config.study, "sets").SCENARIOS[config.scenario]
    clips = open_clips(path, scenario=scenario)
    name = config.scenario or clips.scenario.name
    if name not in known:
        raise UserError(f"{path} shows {name}; name the scenario of study={config.study}: {', '.join(known)}")
    numbers = np.arange(len(clips))
    init = clips.init(numbers)[:, : len(clips.scenario.factors)]
    return [(name, init, clips.positions(numbers)[:, 0], numbers)]


def _of_table(
    path: Path, config: LeaksConfig, known: list[str]
) -> list[tuple[str, Array, Array | None, NDArray[np.int64]]]:
    """A table with the initial values by their names, and the column scenario unless that is given; x1, y1, ... are
    starts, from which the first frame is a hundredth of a second away."""
    table = read_csv(path, "it must have a line per training record")
    if config.scenario is None and "scenario" not in table:
        raise UserError(f"{path} has no column scenario; name it: scenario={'|'.join(known)}")
    names = table["scenario"].astype(str) if config.scenario is None else pd.Series(config.scenario, table.index)
    found: list[tuple[str, Array, Array | None, NDArray[np.int64]]] = []
    for name, part in table.groupby(names, sort=False):
        if name not in known:
            raise unknown(f"scenario of study {config.study} in {path}", name, known)
        scenario = registry.part(config.study, "sets").SCENARIOS[name]
        lacking = [factor for factor in scenario.factors if factor not in part]
        if lacking:
            raise UserError(
                f"{path} has no column {lacking[0]!r}; initial values of {name}: {', '.join(scenario.factors)}"
            )
        init = part[list(scenario.factors)].to_numpy(dtype=np.float64)
        places = [f"{axis}{ball + 1}" for ball in range(scenario.num_balls) for axis in "xy"]
        start = None
        if set(places) <= set(part):
            begun = part[places].to_numpy(dtype=np.float64).reshape(len(part), -1, 2)
            start = scenario.move(init, begun, 1)[:, 0]
        found.append((str(name), init, start, part.index.to_numpy()))
    return found
