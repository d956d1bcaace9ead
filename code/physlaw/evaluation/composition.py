"""Scores of the study composition: in how many clips every object moves lawfully, though training showed the events
apart.

Two sets of clips: "trained", new scenes of the two training halves (level 0), and "both", the composed ones (level 1).
A set's per-clip results are a table on disk as soon as it is done, so an interrupted evaluation continues.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.csv_file import RERUN, read_csv
from physlaw.data.config import DataConfig
from physlaw.evaluation.config import EvalConfig
from physlaw.evaluation.evaluate import Codec, save_shown
from physlaw.evaluation.lawful import OBJECTS, measure_composition
from physlaw.files import write_text
from physlaw.intervals import share_columns
from physlaw.render.discs import render_clips
from physlaw.worlds.composition import CompositionScenes, columns

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

TRAINED, BOTH = "trained", "both"
SOURCES = ("generated", "truth", "reconstruction")


def composition_sets(name: str, data: DataConfig) -> dict[str, CompositionScenes]:
    """The scenes that are scored, by set. Those of the trained kinds have a data seed of their own: training never saw
    them."""
    return {
        TRAINED: CompositionScenes(name, "train/3k", data.seed + 1, data.num_frames),
        BOTH: CompositionScenes(name, "eval/both", data.seed, data.num_frames),
    }


def evaluate_composition(name: str, codec: Codec, data: DataConfig, config: EvalConfig, folder: Path) -> pd.DataFrame:
    """Per-clip results of both sets: a row per scene, columns <source>_<measure> (CompositionTable.columns).

    Writes folder/<set>.csv, and <set>.npz with the first shown_clips clips of every source.
    """
    limits = {TRAINED: config.id_clips, BOTH: config.ood_clips}
    tables = []
    for level, (block, scenes) in enumerate(composition_sets(name, data).items()):
        path = folder / f"{block}.csv"
        if not path.exists():
            numbers = np.arange(len(scenes))[: limits[block]]
            parts, shown = [], {}
            for start in range(0, len(numbers), config.batch_size):
                index = numbers[start : start + config.batch_size]
                clips = _clips(block, scenes, index, codec, data)
                if not start:
                    shown = {source: frames[: config.shown_clips] for source, frames in clips.items()}
                parts.append(
                    pd.DataFrame({"block": block, "level": level, "scene": index} | _measured(scenes, index, clips))
                )
            table = pd.concat(parts, ignore_index=True)
            save_shown(folder / f"{block}.npz", shown)
            write_text(path, table.to_csv(index=False, float_format="%.9g"))
        tables.append(read_csv(path, RERUN))
    return pd.concat(tables, ignore_index=True)


def _clips(block: str, scenes: CompositionScenes, index: Index, codec: Codec, data: DataConfig) -> dict[str, Frames]:
    truth = render_clips(scenes.trajectory(index), data.resolution, data.method)
    return {
        "generated": codec.generate(truth, block, index),
        "truth": truth,
        "reconstruction": codec.reconstruct(truth),
    }


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
