"""What a reference agent draws in some scenes of a block, and what the tracker finds there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from physlaw.agents.balls import Knowledge
from physlaw.agents.config import base_name
from physlaw.cell.data import training_clips, world_of
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.evaluation.blocks import chosen_scenes
from physlaw.evaluation.codec import Codec
from physlaw.evaluation.velocity import VelocityErrors, velocity_errors
from physlaw.render.discs import render_clips
from physlaw.studies.registry import part
from physlaw.worlds.scenes import SceneSet

Array = NDArray[np.float64]


def agent_codec(study: str, agent: str, *words: str) -> tuple[Codec, CellConfig]:
    cell = compose_cell([f"study={study}", f"model=agent_{agent}", *words])
    make = part(study, "agents").MAKERS[base_name(agent)]
    return make(cell, world_of(cell), partial(training_clips, cell)), cell


@dataclass
class Drawn:
    """Clips of an agent, and the scenes that it was asked for."""

    scenes: SceneSet
    numbers: NDArray[np.int64]
    init: Array
    truth: NDArray[np.uint8]
    frames: NDArray[np.uint8]

    @property
    def errors(self) -> VelocityErrors:
        positions = self.scenes.positions(self.numbers)
        return velocity_errors(self.scenes.scenario, self.init, positions, self.frames)

    @property
    def speeds(self) -> Array:
        """(N, balls) tracked horizontal velocities."""
        return self.errors.velocity[..., 0]


def draw_block(study: str, agent: str, block: str, *words: str, count: int = 24) -> Drawn:
    codec, cell = agent_codec(study, agent, *words)
    scenes = Knowledge(cell, world_of(cell), partial(training_clips, cell)).scenes(block)
    numbers = chosen_scenes(block, len(scenes), count)
    truth = render_clips(scenes.trajectory(numbers), cell.data.resolution, cell.data.method)
    blinded = truth.copy()
    blinded[:, cell.data.num_cond_frames :] = 0  # an agent must not read what it is to draw
    frames = codec.generate(blinded, block, numbers)
    c = cell.data.num_cond_frames
    np.testing.assert_array_equal(frames[:, :c], truth[:, :c])
    np.testing.assert_array_equal(codec.generate(blinded, block, numbers), frames)
    np.testing.assert_array_equal(codec.generate(blinded[5:9], block, numbers[5:9]), frames[5:9])
    return Drawn(scenes, numbers, scenes.init(numbers), truth, frames)
