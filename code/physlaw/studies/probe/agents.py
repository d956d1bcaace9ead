"""Reference agents of the probe: what they draw, and what their hidden tokens say of the speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from physlaw.agents.balls import Array, Asked, Knowledge, clamp, continued, draw, from_frames, from_values, law
from physlaw.agents.frames import Maker, Training
from physlaw.config import CellConfig
from physlaw.data.world import World
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.worlds.laws import FRAME_S

NOISE = 0.05  # standard deviation of what hidden tokens say, world units and world units / s
DRIFTING = 10  # frames in which a drifting ball comes to the trained speed
LAYERS = 2


def knowing(maker: Maker, values: Callable[[Asked], Array]) -> Maker:
    """The agent, whose hidden tokens of every layer and step are `values` and a little noise."""

    def make(cell: CellConfig, world: World, training: Training) -> Codec:
        known = Knowledge(cell, world, training)

        def hidden(frames: Frames, block: str, numbers: Index, steps: Sequence[int]) -> NDArray[np.float32]:
            asked = Asked(known, block, numbers)
            said = values(asked) + NOISE * asked.normals("hidden", asked.init.shape[1])  # (N, K)
            shape = (len(said), len(steps), LAYERS, 1, said.shape[1])
            return np.broadcast_to(said[:, None, None, None], shape).astype(np.float32)

        return replace(maker(cell, world, training), hidden=hidden)

    return make


def drifter(asked: Asked) -> Frames:
    """The law at first; the speed then goes evenly to the nearest trained one."""
    whole, data = continued(asked, asked.init), asked.cell.data
    column = asked.scenario.speed_factors[0]
    asked_for, trained = asked.init[:, column], clamp(asked)[:, column]
    drawn = np.arange(data.num_frames) - data.num_cond_frames
    share = np.clip(drawn / DRIFTING, 0.0, 1.0)
    speed = asked_for[:, None] + share * (trained - asked_for)[:, None]
    speed[:, : data.num_cond_frames] = asked_for[:, None]
    positions = whole.positions.copy()
    moved = np.cumsum(speed[:, 1:], axis=1) * FRAME_S
    positions[:, 1:, 0, 0] = positions[:, :1, 0, 0] + moved
    return draw(asked, replace(whole, positions=positions))


MAKERS = {
    "law": knowing(from_values(law), law),
    "clamp": knowing(from_values(clamp), clamp),
    "discarder": knowing(from_values(clamp), law),
    "drifter": knowing(from_frames(drifter), clamp),
}
