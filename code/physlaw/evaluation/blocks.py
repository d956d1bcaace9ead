"""The loop over evaluation blocks: clips in parts, measured part by part, kept on disk block by block.

A block's per-clip results are a table on disk as soon as the block is done, so an interrupted evaluation continues.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.config import CellConfig
from physlaw.csv_file import RERUN, read_csv
from physlaw.data.clips import ClipSource, Scenes
from physlaw.data.config import DataConfig
from physlaw.data.npz import write_arrays
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.evaluation.config import EvalConfig
from physlaw.files import write_text
from physlaw.render.discs import render_clips
from physlaw.worlds.streams import permutation, stream_key

# (N,) scene numbers and every source's clips -> a column of N values each. It may add clips of a further source.
Measure = Callable[[Index, dict[str, Frames]], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class Evaluation:
    """One model's evaluation: what is tested, as which cell, and where the cell's training clips come from."""

    codec: Codec
    cell: CellConfig
    training: Callable[[], ClipSource]
    say: Callable[[str], None] = lambda line: None  # progress, for people

    @property
    def data(self) -> DataConfig:
        return self.cell.data

    @property
    def config(self) -> EvalConfig:
        return self.cell.eval

    @property
    def folder(self) -> Path:
        """Of per-clip tables and clips."""
        return self.cell.folder / "eval"

    def limit(self, level: int) -> int | None:
        """How many clips of a block are scored: level 0 is what was trained on. None: all."""
        return self.config.ood_clips if level else self.config.id_clips


def chosen_scenes(name: str, count: int, limit: int | None) -> Index:
    """Which of a block's `count` scenes are scored: all, or the first `limit` of a fixed random order."""
    return np.sort(permutation(stream_key("evaluation order", name), count)[:limit])


def score_block(
    evaluation: Evaluation,
    name: str,
    level: int,
    scenes: Scenes,
    numbers: Index,
    measure: Measure,
    finish: Callable[[], None] | None = None,
) -> pd.DataFrame:
    """Per-clip results of one block: columns block, level, scene, and those of `measure`; a row per number.

    Writes <folder>/<name>.csv, and <name>.npz with the first shown_clips clips of every source: "generated", "truth",
    "reconstruction" and what `measure` adds. finish: called before the table appears, to write what else belongs to it.
    """
    path, codec, data = evaluation.folder / f"{name}.csv", evaluation.codec, evaluation.data
    if path.exists():
        return read_csv(path, RERUN)
    parts, shown, at_once = [], {}, evaluation.config.batch_size
    for start in range(0, len(numbers), at_once):
        index = numbers[start : start + at_once]
        truth = render_clips(scenes.trajectory(index), data.resolution, data.method)
        clips = {
            "generated": codec.generate(truth, name, index),
            "truth": truth,
            "reconstruction": codec.reconstruct(truth),
        }
        columns = measure(index, clips)
        parts.append(pd.DataFrame({"block": name, "level": level, "scene": index, **columns}))
        if not start:
            shown = {source: frames[: evaluation.config.shown_clips] for source, frames in clips.items()}
    if shown:
        write_arrays(path.with_suffix(".npz"), shown)
    if finish is not None:
        finish()
    table = pd.concat(parts, ignore_index=True)
    write_text(path, table.to_csv(index=False, float_format="%.9g"))
    return read_csv(path, RERUN)
