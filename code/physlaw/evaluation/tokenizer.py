"""What encoding and decoding alone cost: the errors of true clips and of their reconstructions. Paper, Table 3.

No generating model is involved: the evaluation blocks' clips are rendered, measured, reconstructed, measured again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from physlaw.data.config import DataConfig
from physlaw.data.records import Frames
from physlaw.evaluation.blocks import chosen_scenes
from physlaw.evaluation.config import EvalConfig
from physlaw.evaluation.score import LEFT_OUT, classify
from physlaw.evaluation.velocity import velocity_errors
from physlaw.evaluation.velocity_blocks import ERRORS
from physlaw.intervals import mean_columns
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.blocks import Block
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import eval_scenes

COMPARED = ("truth", "reconstruction")
Reconstruct = Callable[[Frames], Frames]  # (N, T, W, W, 3) uint8 in and out


def measure_block(
    scenario: Scenario, block: Block, reconstruct: Reconstruct, data: DataConfig, config: EvalConfig
) -> pd.DataFrame:
    """One row per scored scene of a block: level, release_class, truth_<error> and reconstruction_<error>."""
    contact = laws.as_contact(data.contact)
    scenes = eval_scenes(scenario, block.name, data.seed, contact, data.placement)
    scenes = replace(scenes, num_frames=data.num_frames)
    numbers = chosen_scenes(block.name, len(block.grid), config.id_clips if block.level == 0 else config.ood_clips)
    parts = []
    for start in range(0, len(numbers), config.batch_size):
        index = numbers[start : start + config.batch_size]
        truth = render_clips(scenes.trajectory(index), data.resolution, data.method)
        init, positions = scenes.init(index), scenes.positions(index)
        columns = {"release_class": classify(scenes.scenario, init)}
        for source, frames in zip(COMPARED, (truth, reconstruct(truth)), strict=True):
            errors = velocity_errors(scenes.scenario, init, positions, frames, method=data.method)
            columns |= {f"{source}_{error}": getattr(errors, error) for error in ERRORS}
        parts.append(pd.DataFrame(columns))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "level", block.level)
    return table


def measure_tokenizer(
    scenario: Scenario, reconstruct: Reconstruct, data: DataConfig, config: EvalConfig
) -> pd.DataFrame:
    """measure_block for every block of the scenario's evaluation set that has scenes."""
    blocks = [block for block in scenario.eval_blocks(config.blocks).values() if len(block.grid)]
    tables = [measure_block(scenario, block, reconstruct, data, config) for block in blocks]
    return pd.concat(tables, ignore_index=True)


def summarize_tokenizer(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """{"id": ..., "ood": ...}: means over clips of every error before and after, missing balls as sums.

    difference: of paper_code, reconstruction less truth clip by clip, its mean over the `judged` clips in world units
    / s, with its 95 % bootstrap interval. Errors named paper_ follow the release and leave small balls and resting
    ones out, as in evaluate.summarize_group.
    """
    return {"id": _summarize(table[table["level"] == 0]), "ood": _summarize(table[table["level"] > 0])}


def _summarize(table: pd.DataFrame) -> dict[str, float]:
    as_released = table[~table["release_class"].isin(LEFT_OUT)]
    difference = as_released["reconstruction_paper_code"] - as_released["truth_paper_code"]
    row: dict[str, float] = {"clips": len(table), "judged": int(difference.notna().sum())}
    for source in COMPARED:
        for error in ERRORS:
            values = (as_released if error.startswith("paper") else table)[f"{source}_{error}"]
            row[f"{source}_{error}"] = values.sum() if error == "missing" else values.mean()
    return row | mean_columns("difference", difference.to_numpy(dtype=np.float64))
