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
from physlaw.evaluation.velocity import METRICS as ERRORS
from physlaw.evaluation.velocity import PAPER_CODE, velocity_errors
from physlaw.metric import MEAN, Metric
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.blocks import Block
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import eval_scenes

COMPARED = ("truth", "reconstruction")
DIFFERENCE = Metric("difference", "difference", 4, interval=MEAN)  # of PAPER_CODE, reconstruction less truth
METRICS = (*(error.of(source) for source in COMPARED for error in ERRORS), DIFFERENCE)
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
            columns |= {f"{source}_{error.name}": getattr(errors, error.name) for error in ERRORS}
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
    ones out, as in velocity_blocks.summarize_group.
    """
    return {"id": _summarize(table[table["level"] == 0]), "ood": _summarize(table[table["level"] > 0])}


def _summarize(table: pd.DataFrame) -> dict[str, float]:
    as_released = table[~table["release_class"].isin(LEFT_OUT)]
    parsed = (as_released[PAPER_CODE.of(source).column] for source in reversed(COMPARED))
    difference = next(parsed) - next(parsed)
    row: dict[str, float] = {"clips": len(table), "judged": int(difference.notna().sum())}
    for metric in METRICS[:-1]:
        values = (as_released if metric.name.startswith("paper") else table)[metric.column]
        row |= metric.over(values.to_numpy(dtype=np.float64))
    return row | DIFFERENCE.over(difference.to_numpy(dtype=np.float64))
