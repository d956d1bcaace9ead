"""Scenes (initial values, where they start) and the trajectories that follow from them.

A set of scenes is addressed by number. With placement "per_sample" scene i depends on (scenario, split, data seed, i)
alone; with "released" the numbering and the start positions are the release's (worlds/released_order.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds import laws
from physlaw.worlds.appearance import CIRCLE, COLOURS
from physlaw.worlds.grids import Points, spread
from physlaw.worlds.placement import Placement
from physlaw.worlds.released_order import ReleasedOrder, released_evaluation_order, released_training_order
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]

NUM_FRAMES = 32
FIRST_FRAME = 3  # the first generated frame after three condition frames
PLACEMENTS = ("per_sample", "released")
DIGEST_SCENES = 4096


@dataclass(frozen=True)
class Trajectory:
    """What a renderer needs, for N scenes of T frames and B objects.

    positions: (N, T, B, 2) centres, world units, y up. radii: (N, B) radius, or half side of a square.
    colours: (N, B, 3) uint8 RGB. shapes: (N, B) uint8, 0 circle, 1 square, 2 ring. Radius 0: not there.
    """

    positions: Array
    radii: Array
    colours: NDArray[np.uint8]
    shapes: NDArray[np.uint8]

    @property
    def num_scenes(self) -> int:
        return len(self.positions)

    def __getitem__(self, part: slice) -> Trajectory:
        return Trajectory(self.positions[part], self.radii[part], self.colours[part], self.shapes[part])


def ball_trajectory(positions: Array, radii: Array) -> Trajectory:
    """Balls in the release's colours: the first red, the second blue."""
    count, balls = radii.shape
    codes = np.broadcast_to(np.arange(balls), (count, balls))
    return coloured_trajectory(positions, radii, codes, np.full((count, balls), CIRCLE, dtype=np.uint8))


def coloured_trajectory(
    positions: Array, radii: Array, colours: NDArray[np.integer], shapes: NDArray[np.uint8]
) -> Trajectory:
    """Objects whose colours are given as codes (N, B): 0 red, 1 blue."""
    return Trajectory(positions, radii, COLOURS[colours], shapes)


@dataclass(frozen=True)
class SceneSet:
    """A named set of scenes: a training grid ("train/3k") or an evaluation block ("eval/id").

    `contact` is the collision law; `seed` the data seed (placement), never the training seed; `order` the release's
    numbering and draws, or None for streams of our own.
    """

    scenario: Scenario
    split: str
    grid: Points
    seed: int = 0
    contact: laws.Contact = "elastic"
    num_frames: int = NUM_FRAMES
    order: ReleasedOrder | None = None

    def __post_init__(self) -> None:
        if self.num_frames < 1:
            raise UserError(f"num_frames must be at least 1, got {self.num_frames}")
        if self.contact not in laws.CONTACTS:
            raise unknown("contact", self.contact, laws.CONTACTS)

    def __len__(self) -> int:
        return len(self.grid)

    def init(self, index: NDArray[np.int64]) -> Array:
        """(N,) scene numbers -> (N, K) initial values."""
        return self.grid.values(index) if self.order is None else self.order.values(index)

    def placement(self, index: NDArray[np.int64]) -> Placement:
        """(N,) scene numbers -> their start positions and the bounds of every draw."""
        if self.order is not None:
            return self.scenario.place(self.init(index), self.order.units(index))
        key = stream_key("placement", self.scenario.name, self.split, self.seed)
        return self.scenario.place(self.init(index), uniforms(key, index, self.scenario.num_draws))

    def start(self, index: NDArray[np.int64]) -> Array:
        """(N,) scene numbers -> (N, balls, 2) start positions."""
        return self.placement(index).start

    def positions(self, index: NDArray[np.int64], num_frames: int | None = None) -> Array:
        """(N,) scene numbers -> (N, T, balls, 2), or only the first num_frames frames."""
        return self.scenario.move(self.init(index), self.start(index), num_frames or self.num_frames, self.contact)

    def trajectory(self, index: NDArray[np.int64], num_frames: int | None = None) -> Trajectory:
        """(N,) scene numbers -> their trajectories, or only their first num_frames frames."""
        init = self.init(index)
        positions = self.scenario.move(init, self.start(index), num_frames or self.num_frames, self.contact)
        return coloured_trajectory(positions, self.scenario.radii(init), *self.scenario.looks(init))

    def digest(self) -> str:
        """SHA-256 of what the set consists of: its size, and initial values and positions of (up to 4,096) scenes
        spread evenly over it, rounded to 1e-9 so that the digest does not depend on the last bit of the machine's
        arithmetic."""
        index = spread(len(self), DIGEST_SCENES)
        digest = hashlib.sha256(f"{self.scenario.name} {self.split} {len(self)} {self.contact}".encode())
        for values in (self.init(index), self.positions(index)):
            digest.update(np.round(values * 1e9).astype("<i8").tobytes())
        return digest.hexdigest()


def _check_placement(scenario: Scenario, placement: str) -> None:
    if placement not in PLACEMENTS:
        raise unknown("placement", placement, PLACEMENTS)
    if placement == "released" and scenario.name not in SCENARIOS:
        raise UserError(f"placement=released is known of scenarios {', '.join(SCENARIOS)} only, got {scenario.name}")


def training_scenes(
    scenario: Scenario,
    size: str,
    seed: int = 0,
    contact: laws.Contact = "elastic",
    placement: str = "per_sample",
) -> SceneSet:
    """The training set of a scenario, by size name: 300, 3k, 30k, 300k, 3m; collision also 24m, 10k, 110k, 1.6m.

    Raises:
        UserError: unknown size or placement (lists the valid ones).
    """
    _check_placement(scenario, placement)
    known = scenario.of_size(size)
    if placement == "per_sample":
        return SceneSet(known, f"train/{size}", known.training_set(size), seed, contact)
    grid, order = released_training_order(known, size)
    return SceneSet(known, f"train/{size}", grid, seed, contact, order=order)


def eval_scenes(
    scenario: Scenario,
    block: str,
    seed: int = 0,
    contact: laws.Contact = "elastic",
    placement: str = "per_sample",
) -> SceneSet:
    """An evaluation block: id, level1_r1, ..., xl_*, cross_* by the release's names, or paper_id, paper_level1_r1, ...

    Raises:
        UserError: unknown block or placement, or the release has no such block (lists the valid ones).
    """
    _check_placement(scenario, placement)
    blocks = scenario.blocks()
    if block not in blocks:
        raise unknown(f"evaluation block of scenario {scenario.name}", block, blocks)
    if placement == "per_sample":
        return SceneSet(scenario, f"eval/{block}", blocks[block].grid, seed, contact)
    if block not in scenario.eval_blocks():
        raise unknown("block with placement=released", block, scenario.eval_blocks())
    grid, order = released_evaluation_order(scenario, block)
    return SceneSet(scenario, f"eval/{block}", grid, seed, contact, order=order)
