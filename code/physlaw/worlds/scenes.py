"""Scenes (initial values, where they start) and the trajectories that follow from them.

A set of scenes is addressed by number; scene i depends on (scenario, split, data seed, i) alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds import laws
from physlaw.worlds.grids import Grid
from physlaw.worlds.scenarios import Scenario, get_scenario
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]

RED, BLUE = (255, 0, 0), (0, 0, 255)
CIRCLE, SQUARE = 0, 1
NUM_FRAMES = 32


@dataclass(frozen=True)
class Trajectory:
    """What a renderer needs, for N scenes of T frames and B objects.

    positions: (N, T, B, 2) centres, world units, y up. radii: (N, B) radius, or half side of a square.
    colours: (N, B, 3) uint8 RGB. shapes: (N, B) uint8, 0 circle, 1 square.
    """

    positions: Array
    radii: Array
    colours: NDArray[np.uint8]
    shapes: NDArray[np.uint8]

    @property
    def num_scenes(self) -> int:
        return len(self.positions)


def ball_trajectory(positions: Array, radii: Array) -> Trajectory:
    """Balls in the release's colours: the first red, the second blue."""
    count, balls = radii.shape
    colours = np.broadcast_to(np.array([RED, BLUE], dtype=np.uint8)[:balls], (count, balls, 3))
    return Trajectory(positions, radii, colours, np.full((count, balls), CIRCLE, dtype=np.uint8))


@dataclass(frozen=True)
class SceneSet:
    """A named set of scenes: a training grid ("train/3k") or an evaluation block ("eval/id").

    `contact` is the collision law; `seed` the data seed (placement), never the training seed.
    """

    scenario: Scenario
    split: str
    grid: Grid
    seed: int = 0
    contact: laws.Contact = "elastic"
    num_frames: int = NUM_FRAMES

    def __post_init__(self) -> None:
        if self.num_frames < 1:
            raise UserError(f"num_frames must be at least 1, got {self.num_frames}")
        if self.contact not in laws.CONTACTS:
            raise unknown("contact", self.contact, laws.CONTACTS)

    def __len__(self) -> int:
        return len(self.grid)

    def init(self, index: NDArray[np.int64]) -> Array:
        """(N,) scene numbers -> (N, K) initial values."""
        return self.grid.values(index)

    def start(self, index: NDArray[np.int64]) -> Array:
        """(N,) scene numbers -> (N, balls, 2) start positions, each from the scene's own stream."""
        key = stream_key("placement", self.scenario.name, self.split, self.seed)
        return self.scenario.place(self.init(index), uniforms(key, index, self.scenario.num_draws))

    def positions(self, index: NDArray[np.int64]) -> Array:
        """(N,) scene numbers -> (N, T, balls, 2)."""
        return self.scenario.move(self.init(index), self.start(index), self.num_frames, self.contact)

    def trajectory(self, index: NDArray[np.int64]) -> Trajectory:
        """(N,) scene numbers -> their trajectories."""
        return ball_trajectory(self.positions(index), self.scenario.radii(self.init(index)))


def training_scenes(scenario: str, size: str, seed: int = 0, contact: laws.Contact = "elastic") -> SceneSet:
    """The training set of a scenario, by size name: 300, 3k, 30k, 300k, 3m."""
    known = get_scenario(scenario)
    return SceneSet(known, f"train/{size}", known.train_grid(size), seed, contact)


def eval_scenes(scenario: str, block: str, seed: int = 0, contact: laws.Contact = "elastic") -> SceneSet:
    """An evaluation block by the release's name: id, level1_r1, ..., xl_*, cross_*."""
    known = get_scenario(scenario)
    blocks = known.eval_blocks()
    if block not in blocks:
        raise unknown(f"evaluation block of scenario {scenario}", block, blocks)
    return SceneSet(known, f"eval/{block}", blocks[block].grid, seed, contact)
