"""How many denoising steps are enough: the smallest number whose velocity error is within a tolerance of the largest's.

Measured in distribution on random scenes of their own, in no evaluation set, with the same noise for every number of
steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from physlaw.data.config import DataConfig
from physlaw.evaluation.config import SweepConfig
from physlaw.evaluation.velocity import VelocityErrors, velocity_errors
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.appearance import IS_BLUE
from physlaw.worlds.regions import RIM
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import coloured_trajectory
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]
Index = NDArray[np.int64]
BATCH = 64


@dataclass(frozen=True)
class SweepRow:
    """One number of steps: mean corrected error over clips and noise seeds, over the largest number's, and each seed's
    own error."""

    steps: int
    error: float
    ratio: float
    per_seed: list[float]


def random_scenes(
    scenario: Scenario, count: int, num_frames: int, seed: int, contact: laws.Contact
) -> tuple[Array, Array]:
    """(count, K) initial values drawn evenly from the training region, none of them in an evaluation block, and
    (count, T, balls, 2) positions."""
    rng = np.random.default_rng([seed, stream_key("sampler sweep", scenario.name)])
    grids = [block.grid for block in scenario.blocks().values() if len(block.grid)]
    tested = cKDTree(np.concatenate([grid.values(np.arange(len(grid))) for grid in grids]))
    init = np.empty((0, len(scenario.factors)))
    while len(init) < count:
        more = scenario.trained.sample(rng, count)
        keep = tested.query(more, p=np.inf, distance_upper_bound=RIM)[0] > RIM
        if scenario.feasible is not None:
            keep &= scenario.feasible(more)
        init = np.concatenate([init, more[keep]])
    init = init[:count]
    units = uniforms(stream_key("sampler sweep placement", scenario.name, seed), np.arange(count), scenario.num_draws)
    return init, scenario.move(init, scenario.place(init, units).start, num_frames, contact)


@dataclass(frozen=True)
class RandomClips:
    """Random scenes of a training region as clips: init (N, K), positions (N, T, balls, 2), frames (N, T, W, W, 3)."""

    scenario: Scenario
    init: Array
    positions: Array
    frames: Frames
    method: str

    @classmethod
    def of(cls, scenario: Scenario, count: int, data: DataConfig) -> RandomClips:
        """So many, by a cell's settings."""
        contact = laws.as_contact(data.contact)
        init, positions = random_scenes(scenario, count, data.num_frames, data.seed, contact)
        trajectory = coloured_trajectory(positions, scenario.radii(init), *scenario.looks(init))
        frames = render_clips(trajectory, data.resolution, data.method)
        return cls(scenario, init, positions, frames, data.method)

    def errors(self, part: slice, frames: Frames) -> VelocityErrors:
        """Of generated frames of some of them. One ball is looked for in red: where it is to be blue, red and blue are
        exchanged first."""
        init = self.init[part]
        blue = (self.scenario.looks(init)[0][:, 0] == IS_BLUE)[:, None, None, None, None]
        shown = np.where(blue, frames[..., ::-1], frames)
        return velocity_errors(self.scenario, init, self.positions[part], shown, method=self.method)


def sweep_steps(
    scenario: Scenario,
    data: DataConfig,
    config: SweepConfig,
    generate: Callable[[Frames, Index, int, int], Frames],
) -> tuple[int, list[SweepRow]]:
    """The smallest number of steps that is good enough, and every number's error.

    Args:
        generate: (frames, scene numbers, steps, noise seed) -> frames.
    """
    clips = RandomClips.of(scenario, config.clips, data)

    def error(steps: int, seed: int) -> float:
        found = []
        for start in range(0, config.clips, BATCH):
            part = slice(start, start + BATCH)
            frames = generate(clips.frames[part], np.arange(config.clips)[part], steps, seed)
            found.append(clips.errors(part, frames).corrected)
        return float(np.nanmean(np.concatenate(found)))

    errors = {steps: [error(steps, seed) for seed in range(config.seeds)] for steps in sorted(config.steps)}
    reference = float(np.mean(errors[max(errors)]))
    rows = [SweepRow(n, float(np.mean(e)), float(np.mean(e)) / reference, e) for n, e in errors.items()]
    return next(row.steps for row in rows if row.ratio <= 1 + config.tolerance), rows
