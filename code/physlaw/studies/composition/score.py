"""Scores of the study composition: in how many clips every object moves lawfully, though training showed the events
apart.

Two sets of clips: "trained", new scenes of the two training halves (level 0), and "both", the composed ones (level 1).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.evaluation.blocks import Evaluation, score_block
from physlaw.evaluation.codec import Frames, Index
from physlaw.metric import LOWER, SHARE, Metric
from physlaw.studies.composition.lawful import OBJECTS, measure_composition
from physlaw.studies.composition.scenes import CompositionScenes, columns
from physlaw.studies.composition.sets import COMPOSITIONS, TRAINED, scored_sets

LAWFUL = Metric("lawful", "all lawful", 2, interval=SHARE)
_OBJECT_SHARES = tuple(
    Metric(f"{k}_{event}", f"{k} {word}", 2, interval=SHARE)
    for event, word in (("lawful", "lawful"), ("vanished", "vanishes"))
    for k in OBJECTS
)
_POSITION_ERRORS = tuple(Metric(f"{k}_position_error", f"{k} position error", 2, LOWER) for k in OBJECTS)
_FLOORS = (LAWFUL.of("truth", "true clips lawful"), LAWFUL.of("reconstruction", "reconstructed lawful"))
# Of a set of clips.
METRICS = (LAWFUL, *_OBJECT_SHARES, *_POSITION_ERRORS, *_FLOORS)
# Of a clip: what figures need.
CLIP_COLUMNS = tuple(
    f"generated_{name}"
    for name in ("lawful", "red_lawful", "blue_lawful", "red_vanished", "blue_vanished", "red_position_error")
)


def score(evaluation: Evaluation) -> pd.DataFrame:
    """How many clips are lawful, a row per set."""
    tables = []
    data, composition = evaluation.data, COMPOSITIONS[evaluation.cell.scenario]
    for level, (name, scenes) in enumerate(scored_sets(composition, data.seed, data.num_frames).items()):
        numbers = np.arange(len(scenes))[: evaluation.limit(level)]
        tables.append(score_block(evaluation, name, level, scenes, numbers, partial(_measured, scenes)))
    return summarize_composition(pd.concat(tables, ignore_index=True))


def _measured(scenes: CompositionScenes, index: Index, clips: dict[str, Frames]) -> dict[str, NDArray[Any]]:
    init, positions = scenes.init(index), scenes.positions(index)
    radii, shapes = columns(init, "red_r", "blue_r"), columns(init, "red_shape", "blue_shape")
    wall = columns(init, "wall_x", "wall_y", "wall_half_height")
    found: dict[str, NDArray[Any]] = {}
    for source, frames in clips.items():
        table = measure_composition(frames, positions, radii, shapes, wall).columns()
        for name, values in table.items():
            found[f"{source}_{name}"] = values.astype(np.int64) if values.dtype == np.bool_ else values
    return found


def summarize_composition(table: pd.DataFrame) -> pd.DataFrame:
    """A row per set, the columns of METRICS: shares of clips in which everything is lawful, each object is, and each
    vanished; mean position errors; and the first of these for true and for reconstructed clips."""
    rows = []
    for block, part in table.groupby("block", sort=False):
        row: dict[str, Any] = {"group": "id" if block == TRAINED else block, "kind": "block"}
        row |= {"level": int(part["level"].iloc[0]), "clips": len(part)}
        for metric in METRICS:
            row |= metric.over(part[f"{metric.source or 'generated'}_{metric.name}"].to_numpy())
        rows.append(row)
    return pd.DataFrame(rows)
