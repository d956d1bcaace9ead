"""Evaluation blocks: the released ones by their names, and the sets that the paper describes.

Released blocks: evenly spaced values, ends included; they may share values with the training grids (released data
section 4.2). Paper blocks (its A.4): about 1.05k / 1.1k / 2k in-dist scenes apart from training, and 2.4k / 2.5k / 4.8k
out-of-dist scenes in three levels (one ball) or six (collision). The paper gives the counts alone; ours are cell
centres of evenly divided ranges, which lie on no training grid, and every out-of-dist factor takes its values from
below and from above the training range.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.grids import Grid, Points, Subset
from physlaw.worlds.regions import Box, Region, Union

if TYPE_CHECKING:
    from physlaw.worlds.scenario import Scenario

Array = NDArray[np.float64]
SIDES = ("small", "large")


@dataclass(frozen=True)
class Block:
    """A named part of an evaluation set: a grid and the factors that lie outside the training range.

    `level` is the release's number: which factors are out (0: none, the in-dist block). `side` is id, small, large,
    cross, or both (the paper's sets: small and large together). Of a study's own blocks level 0 is what was trained
    and the others what was not.
    """

    name: str
    level: int
    side: str
    region: Region
    grid: Points


def study_block(name: str, level: int, region: Region, points: Points) -> Block:
    """A block of a study's own: the points that lie in its region."""
    return Block(name, level, "both" if level else "id", region, Subset(points, region.contains))


_TWO_BALL_LEVELS = (
    ("level1_r1", 1, ("r1",)),
    ("level2_v1", 2, ("v1",)),
    ("level3_r1_r2", 3, ("r1", "r2")),
    ("level4_v1_v2", 4, ("v1", "v2")),
    ("level5_r1_v1", 5, ("r1", "v1")),
    ("level6_r1_r2_v1_v2", 6, ("r1", "r2", "v1", "v2")),
)
_ONE_BALL_LEVELS = (("level1_r1", 1, ("r",)), ("level2_v1", 2, ("v",)), ("level3_r1_r2", 3, ("r", "v")))


# name, level, side, factors that are out and where
_Row = tuple[str, int, str, dict[str, str]]
_ONE_BALL_CROSS: tuple[_Row, ...] = (
    ("cross_level6_r1_r2_v1_v2", 3, "cross", {"r": "small", "v": "large"}),
    ("cross_level6_r2_r1_v1_v2", 3, "cross", {"r": "large", "v": "small"}),
)
_TWO_BALL_CROSS: tuple[_Row, ...] = (
    ("cross_level3_r1_r2", 3, "cross", {"r1": "small", "r2": "large"}),
    ("cross_level4_v1_v2", 4, "cross", {"v1": "small", "v2": "large"}),
    ("cross_level6_r1_r2_v1_v2", 6, "cross", {"r1": "small", "r2": "large", "v1": "small", "v2": "large"}),
    ("cross_level6_r2_r1_v1_v2", 6, "cross", {"r1": "large", "r2": "small", "v1": "small", "v2": "large"}),
)


def _levels(scenario: Scenario) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    return _ONE_BALL_LEVELS if scenario.num_balls == 1 else _TWO_BALL_LEVELS


def released_blocks(scenario: Scenario) -> dict[str, Block]:
    """The release's "vis" set, in its order: id, small, large, cross."""
    rows: list[_Row] = [("id", 0, "id", {})]
    for side, prefix in (("small", ""), ("large", "xl_")):
        rows += [(prefix + name, level, side, dict.fromkeys(out, side)) for name, level, out in _levels(scenario)]
    rows += _ONE_BALL_CROSS if scenario.num_balls == 1 else _TWO_BALL_CROSS
    blocks = {}
    for name, level, side, out in rows:
        axes, bounds = [], {}
        for factor in scenario.factors:
            where, kind = out.get(factor, "id"), scenario.kind(factor)
            bounds[factor] = scenario.in_dist.interval(factor) if where == "id" else scenario.ood_ranges[kind + where]
            points = scenario.released_points[f"{side}.{where}"][0 if kind == "r" else 1]
            axes.append(np.linspace(*bounds[factor], points))
        blocks[name] = Block(name, level, side, Box.of(**bounds), Grid(tuple(axes), scenario.feasible))
    return blocks


def _cell_centres(low: float, high: float, count: int) -> Array:
    return low + (high - low) * (np.arange(count) + 0.5) / count


def paper_blocks(scenario: Scenario) -> dict[str, Block]:
    """The paper's evaluation sets: paper_id, paper_level1_r1, ... See the module's notes."""
    blocks = {}
    for name, level, out in (("id", 0, ()), *_levels(scenario)):
        axes, choices = [], []
        for factor in scenario.factors:
            kind = scenario.kind(factor)
            if factor in out:
                intervals = [scenario.ood_ranges[kind + side] for side in SIDES]
                points = scenario.paper_points["out"]
            else:
                intervals = [scenario.in_dist.interval(factor)]
                points = scenario.paper_points["in" if out else "id"]
            count = points[0 if kind == "r" else 1]
            axes.append(np.concatenate([_cell_centres(*interval, count) for interval in intervals]))
            choices.append([(factor, interval) for interval in intervals])
        boxes = tuple(Box.of(**dict(choice)) for choice in product(*choices))
        region: Region = boxes[0] if len(boxes) == 1 else Union(boxes)
        name = f"paper_{name}"
        blocks[name] = Block(name, level, "both" if out else "id", region, Grid(tuple(axes), scenario.feasible))
    return blocks


EVALUATIONS = {"released": released_blocks, "paper": paper_blocks}
