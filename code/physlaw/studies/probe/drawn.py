"""Speeds that were drawn, frame by frame, from the tracks of a scored cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.csv_file import RERUN
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.tracks import read_tracks
from physlaw.evaluation.velocity import valid_frames
from physlaw.evaluation.velocity_blocks import block_scenes
from physlaw.studies.probe.study import SPAN
from physlaw.worlds.blocks import Block
from physlaw.worlds.laws import FRAME_S
from physlaw.worlds.scenario import Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """Horizontal speeds, world units / s, NaN where the ball was not found or the true one is not in view.

    early, late: (N,) over the first SPAN drawn frames, from the last condition frame on, and over the last SPAN in
    view; late is NaN where the two would overlap. by_frame: (N, T) since the frame before.
    """

    early: Array
    late: Array
    by_frame: Array


def drawn_speeds(scenario: Scenario, evaluation: Evaluation, blocks: Sequence[Block]) -> Drawn:
    """Of all clips of the blocks, in their order. The last frame is not used, as in the released evaluator."""
    parts = [_of_block(scenario, evaluation, block.name) for block in blocks]
    return Drawn(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("early", "late", "by_frame")))


def _of_block(scenario: Scenario, evaluation: Evaluation, block: str) -> Drawn:
    tracks = read_tracks(evaluation.folder / "tracks" / f"{block}.npz", RERUN)
    scenes = block_scenes(scenario, evaluation, block)
    init, frames = scenes.init(tracks["scene"]), evaluation.data.num_frames
    valid = valid_frames(scenario, scenes.positions(tracks["scene"]), scenario.radii(init), frames - 1)
    x, rows, last_shown = tracks["positions"][:, :, 0, 0], np.arange(len(init)), evaluation.data.num_cond_frames - 1
    by_frame = np.full(x.shape, np.nan)
    by_frame[:, 1:] = np.where(valid[:, 1:], np.diff(x, axis=1) / FRAME_S, np.nan)
    at = last_shown + SPAN
    early = np.where(valid[:, at], (x[:, at] - x[:, last_shown]) / (SPAN * FRAME_S), np.nan)
    end = np.where(valid.any(axis=1), frames - 1 - valid[:, ::-1].argmax(axis=1), 0)
    late = (x[rows, end] - x[rows, np.maximum(end - SPAN, 0)]) / (SPAN * FRAME_S)
    return Drawn(early, np.where(end - SPAN >= at, late, np.nan), by_frame)
