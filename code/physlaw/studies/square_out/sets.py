"""Collisions without some pairs of speeds, or of radii. Source: released data section 5.3."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.worlds.blocks import Block, study_block
from physlaw.worlds.grids import Grid
from physlaw.worlds.regions import RIM, Box, Difference, Intersection, Region, SumAtMost, Union
from physlaw.worlds.scenario import UNRELEASED, Scenario
from physlaw.worlds.scenarios import EARLY_COLLISION

RANGE = EARLY_COLLISION.in_dist
MASS, ALL_BUT_RIM = "hole_mass", "hole_all_but_rim"
RIM_SPEED = 1.25  # of the L-shaped set: one speed at least is not above it


def _below(value: float) -> float:
    """The upper end of a hole that leaves this value in: the release's grids have it a rounding error above itself
    (3.9000000000000004, 1.2000000000000002), and so outside the hole."""
    return value - 2 * RIM


def _speeds(first: tuple[float, float], second: tuple[float, float]) -> Box:
    return RANGE.but(v1=first, v2=second)


def _square(low: float, high: float) -> Box:
    return _speeds((low, high), (low, high))


_LOW = RANGE.interval("v1")[0]
_RIM = (_LOW, RIM_SPEED)
HOLES: dict[str, Region] = {  # what is removed
    "hole_200_300": _square(2.0, 3.0),
    "hole_175_325": _square(1.75, 3.25),
    "hole_150_350": _square(1.5, 3.5),
    "hole_125_375": _square(1.25, 3.75),
    "hole_110_390": _square(1.1, _below(3.9)),
    "hole_several": Union(
        (
            _speeds((1.2, 2.2), (2.7, 3.7)),
            _speeds((2.7, 3.7), (1.2, 2.2)),
            _speeds((2.9, 3.5), (3.3, _below(3.9))),
        )
    ),
    ALL_BUT_RIM: Difference(RANGE, Union((RANGE.but(v1=_RIM), RANGE.but(v2=_RIM)))),
    MASS: RANGE.but(r1=(0.8, _below(1.2)), r2=(0.8, _below(1.2))),
}


def hull(name: str) -> Region:
    """The convex hull of a training set.

    All holes but the rim's leave the corners of the range, so the hull is the whole range. The rim's is cut along the
    line through (4, 1.25) and (1.25, 4).
    """
    if name != ALL_BUT_RIM:
        return RANGE
    return Intersection(RANGE, SumAtMost(RANGE.factors, ("v1", "v2"), RIM_SPEED + RANGE.interval("v1")[1]))


def blocks(scenario: Scenario) -> dict[str, Block]:
    """The release's grid over speeds, or over sizes for the mass hole: trained, removed but within the hull of what
    was trained, and outside it."""
    if scenario.name == MASS:
        speeds = np.linspace(1.0, 4.0, 13)
        axes = (np.linspace(0.5, 2.0, 7), np.linspace(0.5, 1.5, 5), speeds, speeds)
    else:
        radii = np.linspace(0.5, 1.5, 5)
        axes = (radii, radii, np.linspace(0.0, 4.5, 21), np.linspace(1.0, 4.0, 13))
    every, inside = Grid(axes, scenario.feasible), hull(scenario.name)
    whole = Box.of(**{f: (float(a.min()), float(a.max())) for f, a in zip(scenario.factors, axes, strict=True)})
    found = (
        study_block("trained", 0, scenario.trained, every),
        study_block("inside", 1, Difference(inside, scenario.trained), every),
        study_block("outside", 2, Difference(whole, inside), every),
    )
    return {block.name: block for block in found}


SCENARIOS = {
    name: replace(EARLY_COLLISION, name=name, region=Difference(RANGE, hole), tests=blocks, needs=UNRELEASED)
    for name, hole in HOLES.items()
}
