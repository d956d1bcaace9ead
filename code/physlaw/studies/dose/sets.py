"""Uniform motion with some clips added: fast ones, or as many more of the trained speeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.studies.dose.study import ADDED, BETWEEN, BEYOND, CONTROL, FAST, NAMES, RANGE, SLOWER
from physlaw.worlds.blocks import Block, study_block
from physlaw.worlds.grids import Chosen, Grid, Joined, Points
from physlaw.worlds.regions import Box, Region, Union
from physlaw.worlds.scenario import UNRELEASED, Scenario
from physlaw.worlds.scenarios import UNIFORM
from physlaw.worlds.streams import permutation, stream_key

TRAINED = UNIFORM.in_dist.but(v=RANGE)
WITH_FAST = TRAINED.but(v=ADDED)
_SIDE = 16  # points per factor of what clips are added from; the largest dose is all of them


def added(box: Box, count: int) -> Points:
    """The first `count` points of a fixed random order of a grid's cells: a smaller dose is part of a larger one."""
    axes = []
    for factor in box.factors:
        low, high = box.interval(factor)
        axes.append(low + (high - low) * (np.arange(_SIDE) + 0.5) / _SIDE)
    grid = Grid(tuple(axes))
    return Chosen(grid, np.sort(permutation(stream_key("dose", "added"), len(grid))[:count]))


def training(scenario: Scenario, size: str) -> Points:
    """The size's grid of the trained range, then the dose."""
    grid, name = scenario.grid_in(TRAINED, size), scenario.name
    if name in FAST:
        return Joined((grid, added(WITH_FAST, FAST[name])))
    return Joined((grid, added(TRAINED, CONTROL[name]))) if name in CONTROL else grid


def region(name: str) -> Region:
    """Where the training clips come from."""
    return Union((TRAINED, WITH_FAST)) if name in FAST else TRAINED


def blocks(scenario: Scenario) -> dict[str, Block]:
    """36 radii by speeds: trained, added, between, beyond, slower than any; the same for all doses."""
    radii = np.linspace(*UNIFORM.in_dist.interval("r"), 36)
    asked = {"trained": RANGE, "added": ADDED, "between": BETWEEN, "beyond": BEYOND, "slower": SLOWER}
    return {
        name: study_block(name, level, TRAINED.but(v=speeds), Grid((radii, np.linspace(*speeds, 61))))
        for level, (name, speeds) in enumerate(asked.items())
    }


SCENARIOS = {
    name: replace(UNIFORM, name=name, region=region(name), training=training, tests=blocks, needs=UNRELEASED)
    for name in NAMES
}
