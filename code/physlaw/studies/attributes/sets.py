"""Pairs of attributes of which training shows two combinations of four. Source: released data section 5.1; colour
against shape is ours, from the paper's description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from physlaw.studies.attributes.study import NO_FLIPS
from physlaw.tracking.object_accuracy import check_shape_resolution
from physlaw.worlds.appearance import CIRCLE, IS_BLUE, IS_RED, RING, SQUARE
from physlaw.worlds.blocks import Block, study_block
from physlaw.worlds.grids import Grid, Joined, Points, Subset
from physlaw.worlds.placement import Array, Placement, place_uniform
from physlaw.worlds.regions import Box, Difference, Region, Union
from physlaw.worlds.scenario import UNRELEASED, Scenario
from physlaw.worlds.scenarios import UNIFORM

Interval = tuple[float, float]

MIDDLE_RADIUS, MIDDLE_SPEED = 1.05, 2.5  # halves share these values
RED_CIRCLES = Box.of(  # what is not named is a red circle of any size and speed
    r=UNIFORM.in_dist.interval("r"),
    v=UNIFORM.in_dist.interval("v"),
    colour=(IS_RED, IS_RED),
    shape=(CIRCLE, CIRCLE),
)
LOWER = {"r": (0.7, MIDDLE_RADIUS), "v": (1.0, MIDDLE_SPEED)}
UPPER = {"r": (MIDDLE_RADIUS, 1.4), "v": (MIDDLE_SPEED, 4.0)}
MEANING: dict[str, tuple[str, Interval]] = {  # of a combination's words
    "small": ("r", LOWER["r"]),
    "large": ("r", UPPER["r"]),
    "slow": ("v", LOWER["v"]),
    "fast": ("v", UPPER["v"]),
    "red": ("colour", (IS_RED, IS_RED)),
    "blue": ("colour", (IS_BLUE, IS_BLUE)),
    "circle": ("shape", (CIRCLE, CIRCLE)),
    "square": ("shape", (SQUARE, SQUARE)),
    "ring": ("shape", (RING, RING)),
}


@dataclass(frozen=True)
class AttributePair:
    """Two attributes, each with two values in words; trained are the first values together and the second together.

    points: of r and of v over the whole range in the evaluation set; per half of an axis of which a combination has
    half, but for size against velocity, where the release cuts one grid into four.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    points: tuple[int, int]

    @property
    def trained(self) -> tuple[str, ...]:
        return tuple(f"{a}_{b}" for a, b in zip(self.first, self.second, strict=True))

    @property
    def crossed(self) -> tuple[str, ...]:
        return (f"{self.first[1]}_{self.second[0]}", f"{self.first[0]}_{self.second[1]}")

    @property
    def factors(self) -> tuple[str, str]:
        return (MEANING[self.first[0]][0], MEANING[self.second[0]][0])

    @property
    def cuts_one_grid(self) -> bool:
        """Size against velocity: its four combinations are parts of one grid."""
        return set(self.factors) <= {"r", "v"}

    def region(self, combination: str) -> Region:
        """Where a combination's scenes come from. Halves share the middle value, but in parts of one grid, where it
        counts as small and as slow."""
        bounds = combination_bounds(combination)
        box = RED_CIRCLES.but(**bounds)
        lower = [RED_CIRCLES.but(**{f: LOWER[f]}) for f in bounds if f in UPPER and bounds[f] == UPPER[f]]
        return Difference(box, Union(tuple(lower))) if self.cuts_one_grid and lower else box


COLOUR, _SIZE, _VELOCITY, _SHAPE = ("red", "blue"), ("small", "large"), ("slow", "fast"), ("circle", "square")
# The first attribute is the one that the paper finds to be kept: colour > size > velocity > shape.
PAIRS = {
    "colour_size": AttributePair(COLOUR, _SIZE, (11, 31)),
    "colour_velocity": AttributePair(COLOUR, _VELOCITY, (36, 11)),
    "colour_shape": AttributePair(COLOUR, _SHAPE, (11, 31)),
    "size_velocity": AttributePair(_SIZE, _VELOCITY, (36, 121)),
    "size_shape": AttributePair(_SIZE, _SHAPE, (5, 31)),
    "velocity_shape": AttributePair(_VELOCITY, _SHAPE, (11, 16)),
}
BASELINES = {"colour_velocity_red": "red_slow", "colour_velocity_blue": "blue_fast"}  # one colour only


def combination_bounds(combination: str) -> dict[str, Interval]:
    """What a combination such as red_slow means: intervals of the factors that it names."""
    return dict(MEANING[word] for word in combination.split("_"))


def training(pair: AttributePair, trained: tuple[str, ...], scenario: Scenario, size: str) -> Points:
    """Each trained combination on a grid of the size's points, half as many along an axis of which it has half; one
    combination alone has them all."""
    if pair.cuts_one_grid:
        return Subset(scenario.grid_in(RED_CIRCLES, size), scenario.trained.contains)
    parts = []
    for combination in trained:
        bounds = combination_bounds(combination)
        shares = {factor: 0.5 for factor in bounds if factor in UPPER and len(trained) > 1}
        parts.append(scenario.grid_in(RED_CIRCLES.but(**bounds), size, shares))
    return Joined(tuple(parts)) if len(parts) > 1 else parts[0]


def blocks(pair: AttributePair, trained: tuple[str, ...], scenario: Scenario) -> dict[str, Block]:
    """The four combinations, each on a grid of the pair's points."""
    found = {}
    for name in (*pair.trained, *pair.crossed):
        box = RED_CIRCLES if pair.cuts_one_grid else RED_CIRCLES.but(**combination_bounds(name))
        points = dict(zip(("r", "v"), pair.points, strict=True))
        grid = Grid(tuple(np.linspace(*box.interval(f), points.get(f, 1)) for f in scenario.factors))
        found[name] = study_block(name, 0 if name in trained else 1, pair.region(name), grid)
    return found


def _place_one(init: Array, units: Array) -> Placement:
    return place_uniform(init[:, :2], units)


def pair_scenario(name: str, pair: AttributePair, flips: bool, trained: tuple[str, ...] = ()) -> Scenario:
    """The scenario that trains on a pair's two combinations, or on those named, and tests all four."""
    trained = trained or pair.trained
    return replace(
        UNIFORM,
        name=name,
        factors=RED_CIRCLES.factors,
        place=_place_one,
        region=Union(tuple(pair.region(combination) for combination in trained)),
        training=partial(training, pair, trained),
        tests=partial(blocks, pair, trained),
        flips=flips,
        needs={"model.modality": "vision", **UNRELEASED},
        check_resolution=check_shape_resolution if "shape" in pair.factors else None,
    )


SCENARIOS = {
    **{name: pair_scenario(name, pair, flips=True) for name, pair in PAIRS.items()},
    **{name + NO_FLIPS: pair_scenario(name + NO_FLIPS, pair, flips=False) for name, pair in PAIRS.items()},
    **{n: pair_scenario(n, PAIRS["colour_velocity"], True, (combination,)) for n, combination in BASELINES.items()},
}
PAIR_OF = {
    **{name + flips: pair for name, pair in PAIRS.items() for flips in ("", NO_FLIPS)},
    **dict.fromkeys(BASELINES, PAIRS["colour_velocity"]),
}
