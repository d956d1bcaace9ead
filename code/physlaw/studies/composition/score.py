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
from physlaw.intervals import share_columns
from physlaw.studies.composition.lawful import OBJECTS, measure_composition
from physlaw.studies.composition.scenes import CompositionScenes, columns
from physlaw.studies.composition.sets import COMPOSITIONS, TRAINED, scored_sets

SOURCES = ("generated", "truth", "reconstruction")


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
    """A row per set: shares of clips with Wilson intervals in which everything is lawful, each object is, and each
    vanished; mean position errors; and the first of these for true and for reconstructed clips."""
    rows = []
    for block, part in table.groupby("block", sort=False):
        row: dict[str, Any] = {"group": "id" if block == TRAINED else block, "kind": "block"}
        row |= {"level": int(part["level"].iloc[0]), "clips": len(part)}
        for name in ("lawful", *(f"{k}_{what}" for what in ("lawful", "vanished") for k in OBJECTS)):
            row |= share_columns(name, part[f"generated_{name}"].to_numpy() > 0)
        for k in OBJECTS:
            row[f"{k}_position_error"] = float(part[f"generated_{k}_position_error"].mean())
        for source in SOURCES[1:]:
            row[f"{source}_lawful"] = float(part[f"{source}_lawful"].mean())
        rows.append(row)
    return pd.DataFrame(rows)
