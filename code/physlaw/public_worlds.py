"""What `physlaw.worlds` offers to other programs: scenarios by name, their clips with the truth, where a scene lies.

Lengths are world units: a picture shows 10 x 10 of them, the origin bottom left, y upwards. Speeds are world units per
second; frames are FRAME_S apart. Scenarios are those of one or two balls, of every study.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.config import MAX_RESOLUTION
from physlaw.render.discs import render_clips
from physlaw.studies import registry
from physlaw.where import Place, locate
from physlaw.worlds.laws import FRAME_S
from physlaw.worlds.scenes import NUM_FRAMES, eval_scenes, training_scenes

__all__ = ["FRAME_S", "Clips", "Place", "block_names", "clips", "factors", "scenario_names", "sizes", "where"]
TRAIN = "train"


@dataclass(frozen=True)
class Clips:
    """N scenes of a scenario, rendered, with their truth.

    numbers: (N,) of the scenes in their set. init: (N, K) initial values, in the order of factors(scenario).
    positions: (N, T, balls, 2) centres, world units. frames: (N, T, W, W, 3) uint8, row 0 on top.
    """

    scenario: str
    numbers: NDArray[np.int64]
    init: NDArray[np.float64]
    positions: NDArray[np.float64]
    frames: NDArray[np.uint8]


def scenario_names() -> tuple[str, ...]:
    """The names that the functions here take."""
    return tuple(registry.scenarios())


def factors(scenario: str) -> tuple[str, ...]:
    """What a scenario's initial values are: radii r, speeds v, codes of colour and shape.

    Raises:
        UserError: unknown scenario (lists the valid ones).
    """
    return registry.scenario(scenario).factors


def sizes(scenario: str) -> tuple[str, ...]:
    """The training sets of a scenario, e.g. "30k". Raises as factors."""
    known = registry.scenario(scenario)
    return (*known.train_points, *(known.older.train_points if known.older else ()))


def block_names(scenario: str) -> tuple[str, ...]:
    """The evaluation sets of a scenario, e.g. "id", "level1_r1". Raises as factors."""
    return tuple(registry.scenario(scenario).blocks())


def clips(
    scenario: str = "uniform",
    split: str = "id",
    size: str = "30k",
    count: int | None = None,
    offset: int = 0,
    resolution: int = 128,
    num_frames: int = NUM_FRAMES,
    seed: int = 0,
) -> Clips:
    """The clips of a set, the same ones at every call, as `physlaw simulate` writes them.

    Args:
        split: "train", or one of block_names(scenario). size: of the training set, one of sizes(scenario).
        count: how many from scene number `offset` on; None: all that follow.
        resolution: pixels a side. num_frames: FRAME_S apart. seed: of the start positions.
    Raises:
        UserError: unknown scenario, split or size (lists the valid ones), or numbers out of range.
    """
    known = registry.scenario(scenario)
    scenes = training_scenes(known, size, seed) if split == TRAIN else eval_scenes(known, split, seed)
    scenes = replace(scenes, num_frames=num_frames)
    last = len(scenes) if count is None else offset + count
    if not 0 <= offset < last <= len(scenes):
        raise UserError(f"split={split} has scenes 0 to {len(scenes) - 1}, asked for offset={offset}, count={count}")
    if not 1 <= resolution <= MAX_RESOLUTION:
        raise UserError(f"resolution must be 1 to {MAX_RESOLUTION}, got {resolution}")
    numbers = np.arange(offset, last)
    frames = render_clips(scenes.trajectory(numbers), resolution)
    return Clips(scenario, numbers, scenes.init(numbers), scenes.positions(numbers), frames)


def where(scenario: str = "uniform", size: str = "", **values: float | str) -> Place:
    """Whether a scene is in distribution, and which evaluation blocks have it.

    Args:
        size: of the training set; the first one unless named.
        values: every initial value of the scenario by its factor, e.g. r=1.2, v=5; a colour or shape by name.
    Raises:
        UserError: unknown scenario or size, an initial value is missing, unknown or impossible (names it).
    """
    return locate(scenario, size, {factor: str(value) for factor, value in values.items()})
