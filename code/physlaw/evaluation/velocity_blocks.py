"""Velocity errors on every evaluation block: generated clips beside the floors and the retrieval baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.clips import RenderedClips
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.released import ClipFile
from physlaw.evaluation.blocks import Evaluation, chosen_scenes, score_block
from physlaw.evaluation.codec import Frames, Index
from physlaw.evaluation.retrieval import NearestCase
from physlaw.evaluation.score import LEFT_OUT, classify
from physlaw.evaluation.velocity import velocity_errors
from physlaw.intervals import mean_columns
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.blocks import Block
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import eval_scenes

SOURCES = ("generated", "truth", "reconstruction", "retrieved")
ERRORS = ("paper_code", "paper_text", "corrected", "corrected_frame", "missing")


def score_velocities(scenario: Scenario, evaluation: Evaluation, further: Summary | None = None) -> pd.DataFrame:
    """Every block's rows, and those of groups of blocks; `further` adds columns to each."""
    cell, training = evaluation.cell, evaluation.training()
    assert isinstance(training, RenderedClips | GpuClips | ClipFile)
    cases = NearestCase(training if isinstance(training, ClipFile) else training.scenes, cell.data.num_cond_frames)
    blocks = scenario.eval_blocks(cell.eval.blocks).values()
    tables = [velocity_block(scenario, evaluation, block, cases) for block in blocks if len(block.grid)]
    return summarize_blocks(pd.concat(tables, ignore_index=True), further)


def velocity_block(scenario: Scenario, evaluation: Evaluation, block: Block, cases: NearestCase) -> pd.DataFrame:
    """Per-clip results of one block: one row per scene, columns <source>_<error>, speeds, and the nearest case."""
    data, training = evaluation.data, cases.training
    contact = laws.as_contact(data.contact)
    scenes = eval_scenes(scenario, block.name, data.seed, contact, data.placement)
    scenes = replace(scenes, num_frames=data.num_frames)

    def measure(index: Index, clips: dict[str, Frames]) -> Mapping[str, NDArray[Any]]:
        nearest, distance = cases(scenes, index)
        retrieved = training.trajectory(nearest, data.num_frames)
        clips["retrieved"] = render_clips(retrieved, data.resolution, data.method)
        init, positions = scenes.init(index), scenes.positions(index)
        scores = {
            source: velocity_errors(scenario, init, positions, clips[source], method=data.method) for source in SOURCES
        }
        columns: dict[str, NDArray[Any]] = {"nearest_scene": nearest, "nearest_distance": distance}
        columns |= {factor: init[:, k] for k, factor in enumerate(scenario.factors)}
        columns["release_class"] = classify(scenario, init)
        for source, errors in scores.items():
            columns |= {f"{source}_{error}": getattr(errors, error) for error in ERRORS}
        for ball in range(scenario.num_balls):
            columns[f"law_vx{ball + 1}"] = scores["generated"].true_velocity[:, ball, 0]
            for source in SOURCES:
                columns[f"{source}_vx{ball + 1}"] = scores[source].velocity[:, ball, 0]
        to_nearest = _distance(scores["generated"].velocity, scores["retrieved"].velocity)
        to_law = _distance(scores["generated"].velocity, scores["generated"].true_velocity)
        nearer = np.where(np.isfinite(to_nearest + to_law), (to_nearest < to_law).astype(float), np.nan)
        columns["nearer_to_case"] = nearer
        return columns

    numbers = chosen_scenes(block.name, len(block.grid), evaluation.limit(block.level))
    return score_block(evaluation, block.name, block.level, scenes, numbers, measure)


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
