"""How many denoising steps are enough: the smallest number whose velocity error is within a tolerance of the largest's.

Measured in distribution on random scenes of their own, outside every evaluation set, with the same noise for every
number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.data.config import DataConfig
from physlaw.evaluation.config import SweepConfig
from physlaw.evaluation.velocity import velocity_errors
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.scenarios import Scenario
from physlaw.worlds.scenes import ball_trajectory
from physlaw.worlds.streams import stream_key, uniforms

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
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(count, K) initial values drawn evenly from the training range, and (count, T, balls, 2) positions."""
    rng = np.random.default_rng([seed, stream_key("sampler sweep", scenario.name)])
    init = np.empty((0, len(scenario.factors)))
    while len(init) < count:
        more = scenario.in_dist.sample(rng, count)
        keep = np.ones(len(more), bool) if scenario.feasible is None else scenario.feasible(more)
        init = np.concatenate([init, more[keep]])
    init = init[:count]
    units = uniforms(stream_key("sampler sweep placement", scenario.name, seed), np.arange(count), scenario.num_draws)
    return init, scenario.move(init, scenario.place(init, units).start, num_frames, contact)


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
    init, positions = random_scenes(scenario, config.clips, data.num_frames, data.seed, laws.as_contact(data.contact))
    truth = render_clips(ball_trajectory(positions, scenario.radii(init)), data.resolution, data.method)

    def error(steps: int, seed: int) -> float:
        found = []
        for start in range(0, config.clips, BATCH):
            part = slice(start, start + BATCH)
            frames = generate(truth[part], np.arange(config.clips)[part], steps, seed)
            found.append(velocity_errors(scenario, init[part], positions[part], frames, method=data.method).corrected)
        return float(np.nanmean(np.concatenate(found)))

    errors = {steps: [error(steps, seed) for seed in range(config.seeds)] for steps in sorted(config.steps)}
    reference = float(np.mean(errors[max(errors)]))
    rows = [SweepRow(n, float(np.mean(e)), float(np.mean(e)) / reference, e) for n, e in errors.items()]
    return next(row.steps for row in rows if row.ratio <= 1 + config.tolerance), rows
