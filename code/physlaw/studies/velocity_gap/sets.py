"""Uniform motion without some speeds. Source: released data section 5.2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.studies.velocity_gap.study import BANDS
from physlaw.worlds.blocks import Block, study_block
from physlaw.worlds.grids import Grid
from physlaw.worlds.regions import Difference, Region, Union
from physlaw.worlds.scenario import UNRELEASED, Scenario
from physlaw.worlds.scenarios import UNIFORM

RANGE = UNIFORM.in_dist
BEYOND = ((0.0, 1.0), (4.0, 6.0))  # speeds that extrapolate


def trained_region(bands: tuple[tuple[float, float], ...]) -> Region:
    """All radii, speeds in the bands. A gap leaves its own ends out, islands have theirs, as in the release."""
    if len(bands) == 2:
        (_, low), (high, _) = bands
        return Difference(RANGE, RANGE.but(v=(low, high)))
    return Union(tuple(RANGE.but(v=band) for band in bands))


def blocks(scenario: Scenario) -> dict[str, Block]:
    """The release's 36 x 121 values over the whole range, in the bands and in the gap; and beyond the range."""
    radii = np.linspace(*RANGE.interval("r"), 36)
    every = Grid((radii, np.linspace(*RANGE.interval("v"), 121)))
    slower, faster = BEYOND
    beyond = Grid((radii, np.concatenate([np.linspace(*slower, 41), np.linspace(*faster, 81)])))
    found = (
        study_block("bands", 0, scenario.trained, every),
        study_block("gap", 1, Difference(RANGE, scenario.trained), every),
        study_block("extrapolation", 2, Union(tuple(RANGE.but(v=speeds) for speeds in BEYOND)), beyond),
    )
    return {block.name: block for block in found}


SCENARIOS = {
    name: replace(UNIFORM, name=name, region=trained_region(bands), tests=blocks, needs=UNRELEASED)
    for name, bands in BANDS.items()
}
