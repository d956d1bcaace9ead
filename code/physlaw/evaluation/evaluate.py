"""Score one model on the evaluation blocks: generated clips beside the floors and the retrieval baseline.

A block's per-clip results are a table on disk as soon as the block is done, so an interrupted evaluation continues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.csv_file import RERUN, read_csv
from physlaw.data.config import DataConfig
from physlaw.data.npz import write_arrays
from physlaw.evaluation.config import EvalConfig
from physlaw.evaluation.retrieval import NearestCase
from physlaw.evaluation.score import LEFT_OUT, classify
from physlaw.evaluation.velocity import VelocityErrors, velocity_errors
from physlaw.files import write_text
from physlaw.intervals import mean_columns
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.blocks import Block
from physlaw.worlds.scenes import SceneSet, eval_scenes
from physlaw.worlds.streams import permutation, stream_key

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

SOURCES = ("generated", "truth", "reconstruction", "retrieved")
ERRORS = ("paper_code", "paper_text", "corrected", "corrected_frame", "missing")


@dataclass
class Codec:
    """What a model does to clips, as functions of frames: (N, T, W, W, 3) uint8 in and out.

    reconstruct: the tokenizer alone. generate(frames, block, numbers): continue each clip from its condition frames;
    only those are read, and the noise belongs to (block, scene number).
    """

    reconstruct: Callable[[Frames], Frames]
    generate: Callable[[Frames, str, Index], Frames]


def chosen_scenes(block: Block, limit: int | None) -> Index:
    """The block's scenes that are scored: all, or the first `limit` of a fixed random order."""
    order = permutation(stream_key("evaluation order", block.name), len(block.grid))
    return np.sort(order[:limit])


def evaluate_block(
    block: Block, cases: NearestCase, codec: Codec, data: DataConfig, config: EvalConfig, folder: Path
) -> pd.DataFrame:
    """Per-clip results of one block: one row per scene, columns <source>_<error>, speeds, and the nearest case.

    Writes folder/<block>.csv, and <block>.npz with the first shown_clips clips of every source.
    """
    path = folder / f"{block.name}.csv"
    if path.exists():
        return read_csv(path, RERUN)
    training = cases.training
    contact = laws.as_contact(data.contact)
    query = eval_scenes(training.scenario.name, block.name, data.seed, contact, data.placement)
    query = replace(query, num_frames=data.num_frames)
    numbers = chosen_scenes(block, config.id_clips if block.level == 0 else config.ood_clips)
    parts, shown = [], {}
    for start in range(0, len(numbers), config.batch_size):
        index = numbers[start : start + config.batch_size]
        nearest, distance = cases(query, index)
        truth = render_clips(query.trajectory(index), data.resolution, data.method)
        clips = {
            "generated": codec.generate(truth, block.name, index),
            "truth": truth,
            "reconstruction": codec.reconstruct(truth),
            "retrieved": render_clips(training.trajectory(nearest, data.num_frames), data.resolution, data.method),
        }
        if not start:
            shown = {source: frames[: config.shown_clips] for source, frames in clips.items()}
        init, positions = query.init(index), query.positions(index)
        scores = {
            source: velocity_errors(query.scenario, init, positions, frames, method=data.method)
            for source, frames in clips.items()
        }
        parts.append(_table(block, query, index, nearest, distance, scores))
    table = pd.concat(parts, ignore_index=True)
    save_shown(folder / f"{block.name}.npz", shown)
    write_text(path, table.to_csv(index=False, float_format="%.9g"))
    return read_csv(path, RERUN)


def save_shown(path: Path, shown: dict[str, Frames]) -> None:
    """Write clips of every source, (N, T, W, W, 3) each, for the report."""
    if shown:
        write_arrays(path, shown)


def _table(
    block: Block,
    query: SceneSet,
    index: Index,
    nearest: Index,
    distance: NDArray[np.float32],
    scores: dict[str, VelocityErrors],
) -> pd.DataFrame:
    init = query.init(index)
    columns: dict[str, NDArray[np.generic]] = {"scene": index, "nearest_scene": nearest, "nearest_distance": distance}
    columns |= {factor: init[:, k] for k, factor in enumerate(query.scenario.factors)}
    columns["release_class"] = classify(query.scenario, init)
    for source, errors in scores.items():
        columns |= {f"{source}_{error}": getattr(errors, error) for error in ERRORS}
    for ball in range(query.scenario.num_balls):
        columns[f"law_vx{ball + 1}"] = scores["generated"].true_velocity[:, ball, 0]
        for source in SOURCES:
            columns[f"{source}_vx{ball + 1}"] = scores[source].velocity[:, ball, 0]
    to_nearest = _distance(scores["generated"].velocity, scores["retrieved"].velocity)
    to_law = _distance(scores["generated"].velocity, scores["generated"].true_velocity)
    nearer = np.where(np.isfinite(to_nearest + to_law), (to_nearest < to_law).astype(float), np.nan)
    columns["nearer_to_case"] = nearer
    table = pd.DataFrame(columns)
    table.insert(0, "block", block.name)
    table.insert(1, "level", block.level)
    return table


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, balls, 2) velocities -> (N,) Euclidean distance over all components."""
    return np.sqrt(((a - b) ** 2).sum(axis=(1, 2)))


Summary = Callable[[pd.DataFrame], dict[str, float]]  # further columns for a group of clips


def summarize_group(table: pd.DataFrame, further: Summary | None = None) -> dict[str, float]:
    """Means over clips of every error of every source, the corrected error's interval, the nearer share, and what the
    study adds."""
    row: dict[str, float] = {"clips": len(table), "measured": int(table["generated_corrected"].notna().sum())}
    for source in SOURCES:
        for error in ERRORS:
            values = table[f"{source}_{error}"]
            if error.startswith("paper"):  # the release leaves small balls and resting ones out
                values = values[~table["release_class"].isin(LEFT_OUT)]
            row[f"{source}_{error}"] = values.sum() if error == "missing" else values.mean()
    row |= mean_columns("generated_corrected", table["generated_corrected"].to_numpy(dtype=np.float64))
    row["nearer_to_case"] = table["nearer_to_case"].mean()
    return row if further is None else row | further(table)


def summarize_blocks(table: pd.DataFrame, further: Summary | None = None) -> pd.DataFrame:
    """One row per block, then per OOD level ("ood1", ...) and for all OOD clips together ("ood")."""
    rows = []
    for name, group in table.groupby("block", sort=False):
        level = int(group["level"].iloc[0])
        # One name for the in-dist block of every evaluation set.
        rows.append(
            {"group": name if level else "id", "kind": "block", "level": level, **summarize_group(group, further)}
        )
    out = table[table["level"] > 0]
    for number, group in out.groupby("level"):
        rows.append({"group": f"ood{number}", "kind": "level", "level": number, **summarize_group(group, further)})
    if len(out):
        rows.append({"group": "ood", "kind": "all", "level": -1, **summarize_group(out, further)})
    return pd.DataFrame(rows)
