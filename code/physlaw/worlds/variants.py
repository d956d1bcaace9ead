"""The worlds of the deeper studies (paper section 5): the fundamental ones with other training sets and other tests.

A variant is a scenario of its own. Level 0 of its evaluation blocks is what it was trained on, the others are not.
Values: released data section 5, where it has them. Ours, from the paper's description: memorisation, colour against
shape and the ring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import unknown
from physlaw.worlds.appearance import CIRCLE, IS_BLUE, IS_RED, RING, SQUARE
from physlaw.worlds.blocks import Block
from physlaw.worlds.grids import Grid, Joined, Points, Rule, Subset
from physlaw.worlds.placement import Placement, place_uniform
from physlaw.worlds.regions import Box
from physlaw.worlds.scenarios import COLLISION, EARLY_COLLISION, SCENARIOS, UNIFORM, Scenario

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]
Interval = tuple[float, float]

MIDDLE_RADIUS, MIDDLE_SPEED = 1.05, 2.5  # halves share these values


def _block(name: str, level: int, grid: Points, **bounds: Interval) -> Block:
    return Block(name, level, "id" if level == 0 else "both", Box.of(**bounds), grid)


def _all_of(*rules: Rule) -> Rule:
    return lambda init: np.logical_and.reduce([rule(init) for rule in rules])


def _none_of(rule: Rule) -> Rule:
    return lambda init: ~rule(init)


def _subset_of_grid(keep: Rule) -> Callable[[Scenario, str], Points]:
    return lambda scenario, size: Subset(scenario.train_grid(size), keep)


# ---- velocity_gap: uniform motion without some speeds (section 5.2 of the released data)

# Trained bands of speed. A gap leaves its own ends out, islands have theirs, as in the release.
GAPS: dict[str, tuple[Interval, ...]] = {
    "gap_125_375": ((1.0, 1.25), (3.75, 4.0)),
    "gap_150_350": ((1.0, 1.5), (3.5, 4.0)),
    "gap_175_325": ((1.0, 1.75), (3.25, 4.0)),
    "gap_200_300": ((1.0, 2.0), (3.0, 4.0)),
    "gap_one_island": ((1.0, 1.25), (2.375, 2.625), (3.75, 4.0)),
    "gap_two_islands": ((1.0, 1.25), (1.875, 2.125), (2.875, 3.125), (3.75, 4.0)),
}


def in_bands(name: str, speed: Array) -> Bool:
    """(N,) speeds -> (N,) whether a clip of that speed is in the training set's bands."""
    bands = GAPS[name]
    if len(bands) == 2:
        return np.asarray((speed < bands[0][1]) | (speed > bands[1][0]))
    return np.asarray(np.any([(speed >= low) & (speed <= high) for low, high in bands], axis=0))


def _in_bands_of(name: str) -> Rule:
    return lambda init: in_bands(name, init[:, 1])


def _gap_blocks(scenario: Scenario) -> dict[str, Block]:
    """The release's 36 x 121 values over the whole range, in the bands and in the gap; and beyond the range."""
    radii, low, high = np.linspace(0.7, 1.4, 36), (0.0, 1.0), (4.0, 6.0)
    every = Grid((radii, np.linspace(1.0, 4.0, 121)))
    trained = _in_bands_of(scenario.name)
    beyond = Grid((radii, np.concatenate([np.linspace(*low, 41), np.linspace(*high, 81)])))
    bounds: dict[str, Interval] = {"r": (0.7, 1.4), "v": (1.0, 4.0)}
    return {
        "bands": _block("bands", 0, Subset(every, trained), **bounds),
        "gap": _block("gap", 1, Subset(every, _none_of(trained)), **bounds),
        "extrapolation": _block("extrapolation", 2, beyond, r=(0.7, 1.4), v=(0.0, 6.0)),
    }


def _gap(name: str) -> Scenario:
    return replace(UNIFORM, name=name, training=_subset_of_grid(_in_bands_of(name)), tests=_gap_blocks)


# ---- memorization: fast balls only (paper 5.2); set 2 with mirror images

TRAINED_SPEEDS = (2.5, 4.0)


def _fast_grid(scenario: Scenario, size: str) -> Points:
    return _box_grid(scenario, size, {"v": TRAINED_SPEEDS}, {})


def _memorization_blocks(scenario: Scenario) -> dict[str, Block]:
    """36 x 61 values in the trained half of the range and in the slower one; all move to the right."""
    radii, half = np.linspace(0.7, 1.4, 36), (1.0, 2.5)
    return {
        "fast": _block("fast", 0, Grid((radii, np.linspace(*TRAINED_SPEEDS, 61))), r=(0.7, 1.4), v=TRAINED_SPEEDS),
        "slow": _block("slow", 1, Grid((radii, np.linspace(*half, 61)[:-1])), r=(0.7, 1.4), v=half),
    }


def _box_grid(scenario: Scenario, size: str, bounds: dict[str, Interval], shares: dict[str, float]) -> Grid:
    """A grid of the size's numbers of points, times `shares`, over r and v within their bounds, if not the whole
    range; other factors have the one value that their bound names."""
    num_r, num_v = scenario.train_points[size] if size in scenario.train_points else _unknown_size(scenario, size)
    axes = []
    for factor in scenario.factors:
        points = {"r": num_r, "v": num_v}.get(factor, 1)
        low, high = bounds.get(factor) or scenario.in_dist.interval(factor)
        axes.append(np.linspace(low, high, max(1, round(points * shares.get(factor, 1.0)))))
    return Grid(tuple(axes))


def _unknown_size(scenario: Scenario, size: str) -> tuple[int, int]:
    raise unknown(f"training size of scenario {scenario.name}", size, scenario.train_points)


# ---- square_out: collisions without some pairs of speeds or of sizes (section 5.3 of the released data)


def _inside(low: float, high: float, first: int, second: int) -> Rule:
    return lambda init: (
        (init[:, first] >= low) & (init[:, first] <= high) & (init[:, second] >= low) & (init[:, second] <= high)
    )


def _rectangle(first: Interval, second: Interval) -> Rule:
    return lambda init: (
        (init[:, 2] >= first[0]) & (init[:, 2] <= first[1]) & (init[:, 3] >= second[0]) & (init[:, 3] <= second[1])
    )


RIM = 1.25  # of the L-shaped set: one speed at least is not above it
HOLES: dict[str, Rule] = {  # what is removed
    "hole_200_300": _inside(2.0, 3.0, 2, 3),
    "hole_175_325": _inside(1.75, 3.25, 2, 3),
    "hole_150_350": _inside(1.5, 3.5, 2, 3),
    "hole_125_375": _inside(1.25, 3.75, 2, 3),
    "hole_110_390": _inside(1.1, 3.9, 2, 3),
    "hole_several": lambda init: (
        _rectangle((1.2, 2.2), (2.7, 3.7))(init)
        | _rectangle((2.7, 3.7), (1.2, 2.2))(init)
        | _rectangle((2.9, 3.5), (3.3, 3.9))(init)
    ),
    "hole_all_but_rim": lambda init: (init[:, 2] > RIM) & (init[:, 3] > RIM),
    "hole_mass": _inside(0.8, 1.2, 0, 1),
}


def in_hull(name: str, init: Array) -> Bool:
    """(N, 4) -> (N,) whether the initial values lie in the convex hull of the training set's.

    All holes but the rim's leave the corners of the range, so the hull is the whole range. The rim's hull is cut along
    the line through (4, 1.25) and (1.25, 4).
    """
    inside = _in_range(init)
    if name == "hole_all_but_rim":
        inside &= init[:, 2] + init[:, 3] <= RIM + COLLISION.in_dist.interval("v1")[1] + 1e-9
    return inside


def _in_range(init: Array) -> Bool:
    return COLLISION.in_dist.contains(init)


def _hole_blocks(scenario: Scenario) -> dict[str, Block]:
    """The release's grid over speeds, or over sizes for the mass hole: trained, removed but within the hull of what
    was trained, and outside it."""
    if scenario.name == "hole_mass":
        speeds = np.linspace(1.0, 4.0, 13)
        axes = (np.linspace(0.5, 2.0, 7), np.linspace(0.5, 1.5, 5), speeds, speeds)
    else:
        radii = np.linspace(0.5, 1.5, 5)
        axes = (radii, radii, np.linspace(0.0, 4.5, 21), np.linspace(1.0, 4.0, 13))
    every, removed = Grid(axes, scenario.feasible), HOLES[scenario.name]
    bounds = {f: (float(a.min()), float(a.max())) for f, a in zip(scenario.factors, axes, strict=True)}
    hull = partial(in_hull, scenario.name)
    trained = _all_of(_in_range, _none_of(removed))
    return {
        "trained": _block("trained", 0, Subset(every, trained), **bounds),
        "inside": _block("inside", 1, Subset(every, _all_of(hull, _none_of(trained))), **bounds),
        "outside": _block("outside", 2, Subset(every, _none_of(hull)), **bounds),
    }


def _hole(name: str) -> Scenario:
    keep = _none_of(HOLES[name])
    return replace(EARLY_COLLISION, name=name, training=_subset_of_grid(keep), tests=_hole_blocks)


# ---- attributes, ring: two of the four combinations of two attributes (section 5.1 of the released data)

HALVES: dict[str, tuple[str, Interval]] = {  # what a combination's words mean
    "small": ("r", (0.7, MIDDLE_RADIUS)),
    "large": ("r", (MIDDLE_RADIUS, 1.4)),
    "slow": ("v", (1.0, MIDDLE_SPEED)),
    "fast": ("v", (MIDDLE_SPEED, 4.0)),
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


_COLOUR, _SIZE, _VELOCITY, _SHAPE = ("red", "blue"), ("small", "large"), ("slow", "fast"), ("circle", "square")
# The first attribute is the one that the paper finds to be kept: colour > size > velocity > shape.
PAIRS = {
    "colour_size": AttributePair(_COLOUR, _SIZE, (11, 31)),
    "colour_velocity": AttributePair(_COLOUR, _VELOCITY, (36, 11)),
    "colour_shape": AttributePair(_COLOUR, _SHAPE, (11, 31)),
    "size_velocity": AttributePair(_SIZE, _VELOCITY, (36, 121)),
    "size_shape": AttributePair(_SIZE, _SHAPE, (5, 31)),
    "velocity_shape": AttributePair(_VELOCITY, _SHAPE, (11, 16)),
    "colour_ring": AttributePair(_COLOUR, ("circle", "ring"), (11, 31)),
}
NO_FLIPS = "_noflip"
BASELINES = {"colour_velocity_red": "red_slow", "colour_velocity_blue": "blue_fast"}  # one colour only


def pair_name(scenario: str) -> str:
    """The pair that an attributes or ring scenario tests."""
    return "colour_velocity" if scenario in BASELINES else scenario.removesuffix(NO_FLIPS)


def combination_bounds(combination: str) -> dict[str, Interval]:
    """What a combination such as red_slow means: intervals of the factors that it names."""
    return dict(HALVES[word] for word in combination.split("_"))


def _looks(combination: str) -> dict[str, Interval]:
    """All that a combination fixes: unnamed objects are red circles."""
    named = combination_bounds(combination) if combination else {}
    return {"colour": (IS_RED, IS_RED), "shape": (CIRCLE, CIRCLE)} | named


def _is_half(factor: str, bounds: dict[str, Interval]) -> bool:
    return factor in bounds and factor in ("r", "v")


def _pair_grid(scenario: Scenario, size: str) -> Points:
    """Each trained combination on a grid of the size's points, half as many along an axis of which it has half."""
    if scenario.name in BASELINES:
        return _box_grid(scenario, size, _looks(BASELINES[scenario.name]), {})
    pair = PAIRS[pair_name(scenario.name)]
    if _cuts_one_grid(pair):
        return _cut(_box_grid(scenario, size, _looks(""), {}), pair.trained)
    parts = [_looks(combination) for combination in pair.trained]
    shares = [{factor: 0.5 for factor in ("r", "v") if _is_half(factor, bounds)} for bounds in parts]
    return Joined(tuple(_box_grid(scenario, size, b, s) for b, s in zip(parts, shares, strict=True)))


def _pair_blocks(scenario: Scenario) -> dict[str, Block]:
    """The four combinations, each on a grid of the pair's points."""
    pair = PAIRS[pair_name(scenario.name)]
    trained = (BASELINES[scenario.name],) if scenario.name in BASELINES else pair.trained
    one_grid = _cuts_one_grid(pair)
    blocks = {}
    for name in (*pair.trained, *pair.crossed):
        bounds, axes = _looks(name), []
        for factor in scenario.factors:
            limits = _looks("") if one_grid else bounds
            low, high = limits.get(factor) or scenario.in_dist.interval(factor)
            axes.append(np.linspace(low, high, dict(zip(("r", "v"), pair.points, strict=True)).get(factor, 1)))
        grid: Points = Grid(tuple(axes))
        blocks[name] = _block(name, 0 if name in trained else 1, _cut(grid, (name,)) if one_grid else grid, **bounds)
    return blocks


def _cuts_one_grid(pair: AttributePair) -> bool:
    return all(HALVES[word][0] in ("r", "v") for word in (*pair.first, *pair.second))


def _cut(grid: Points, combinations: tuple[str, ...]) -> Subset:
    """The points that are of one of the combinations of size and velocity; the middle values count as small, slow."""
    wanted = [(words.split("_")[0] == "large", words.split("_")[1] == "fast") for words in combinations]
    return Subset(
        grid,
        lambda init: np.logical_or.reduce(
            [((init[:, 0] > MIDDLE_RADIUS) == large) & ((init[:, 1] > MIDDLE_SPEED) == fast) for large, fast in wanted]
        ),
    )


def _place_one(init: Array, units: Array) -> Placement:
    return place_uniform(init[:, :2], units)


_ATTRIBUTES = replace(
    UNIFORM, factors=("r", "v", "colour", "shape"), place=_place_one, training=_pair_grid, tests=_pair_blocks
)

VARIANTS: dict[str, Scenario] = {
    **{name: _gap(name) for name in GAPS},
    **{
        name: replace(UNIFORM, name=name, training=_fast_grid, tests=_memorization_blocks, flips=flips)
        for name, flips in (("fast_right", False), ("fast_flipped", True))
    },
    **{name: _hole(name) for name in HOLES},
    **{name: replace(_ATTRIBUTES, name=name, flips=True) for name in PAIRS},
    **{name + NO_FLIPS: replace(_ATTRIBUTES, name=name + NO_FLIPS) for name in PAIRS},
    **{name: replace(_ATTRIBUTES, name=name, flips=True) for name in BASELINES},
    # The same clips as uniform, seen finer or trained longer: the profile says how much.
    "uniform_fine": UNIFORM,
    "uniform_long": UNIFORM,
}


def get_scenario(name: str) -> Scenario:
    """Raises UserError for an unknown name (lists the valid ones)."""
    known = SCENARIOS | VARIANTS
    if name not in known:
        raise unknown("scenario", name, known)
    return known[name]


def training_scenario(name: str, size: str) -> Scenario:
    """The scenario whose rules made the training set of that size.

    Raises:
        UserError: unknown name or size (lists the valid ones).
    """
    known = [get_scenario(name), *([EARLY_COLLISION] if name == COLLISION.name else [])]
    for scenario in known:
        if size in scenario.train_points:
            return scenario
    raise unknown(f"training size of scenario {name}", size, [s for k in known for s in k.train_points])
