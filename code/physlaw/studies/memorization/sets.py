"""Uniform motion of fast balls only, without and with mirror images. Ours, from the paper's section 5.2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.studies.memorization.study import FLIPPED, PLAIN, TRAINED_SPEEDS
from physlaw.worlds.blocks import Block, study_block
from physlaw.worlds.grids import Grid, Points
from physlaw.worlds.regions import Difference
from physlaw.worlds.scenario import UNRELEASED, Scenario
from physlaw.worlds.scenarios import UNIFORM

RANGE = UNIFORM.in_dist
FAST = RANGE.but(v=TRAINED_SPEEDS)
SLOW_SPEEDS = (RANGE.interval("v")[0], TRAINED_SPEEDS[0])


def training(scenario: Scenario, size: str) -> Points:
    """A grid of the size's numbers of points over the fast half."""
    return scenario.grid_in(FAST, size)


def blocks(scenario: Scenario) -> dict[str, Block]:
    """36 x 61 values in the trained half of the range and in the slower one; all move to the right."""
    radii = np.linspace(*RANGE.interval("r"), 36)
    fast, slow = (Grid((radii, np.linspace(*speeds, 61))) for speeds in (TRAINED_SPEEDS, SLOW_SPEEDS))
    return {
        "fast": study_block("fast", 0, FAST, fast),
        "slow": study_block("slow", 1, Difference(RANGE, FAST), slow),
    }


SCENARIOS = {
    name: replace(
        UNIFORM, name=name, region=FAST, training=training, tests=blocks, flips=name == FLIPPED, needs=UNRELEASED
    )
    for name in (PLAIN, FLIPPED)
}
