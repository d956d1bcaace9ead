"""The three fundamental scenarios: their factors, regions, training grids, evaluation blocks and laws.

A scenario is data plus three functions (placement, signed velocities, motion). Values: released data sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds import laws, placement
from physlaw.worlds.grids import Grid, Rule
from physlaw.worlds.regions import Box

Array = NDArray[np.float64]

ONE_BALL_GUARD = laws.WORLD_SIZE / 4  # 0 < r < 2.5
TWO_BALL_GUARD = laws.WORLD_SIZE / 2  # r1 + r2 < 5
MARGINAL_SEED = 42  # the release's default seed, for the parabola's random marginals


@dataclass(frozen=True)
class Block:
    """A named part of the evaluation set: a grid and the factors that lie outside the training range.

    `level` is the release's number: which factors are out (0: none, the in-dist block). `side` is id, small, large
    or cross.
    """

    name: str
    level: int
    side: str
    region: Box
    grid: Grid


@dataclass(frozen=True)
class Scenario:
    """A kind of event: initial values `factors`, where they come from, and what happens next."""

    name: str
    factors: tuple[str, ...]
    radius_factors: tuple[int, ...]
    speed_factors: tuple[int, ...]
    in_dist: Box
    ood_ranges: dict[str, tuple[float, float]]  # keys: r_small, r_large, v_small, v_large
    train_points: dict[str, tuple[int, int]]  # size -> points per radius axis, per speed axis
    random_marginals: bool
    num_draws: int
    place: Callable[[Array, Array], Array] = field(repr=False)
    feasible: Rule | None = field(repr=False)
    block_points: dict[str, tuple[int, int]] = field(repr=False)

    @property
    def num_balls(self) -> int:
        return len(self.radius_factors)

    def radii(self, init: Array) -> Array:
        """(N, K) -> (N, balls)."""
        return init[:, list(self.radius_factors)]

    def speeds(self, init: Array) -> Array:
        """(N, K) -> (N, balls), unsigned."""
        return init[:, list(self.speed_factors)]

    def velocities(self, init: Array) -> Array:
        """(N, K) -> (N, balls) signed horizontal velocities at the start; ball 2 moves left."""
        return self.speeds(init) * np.array([1.0, -1.0])[: self.num_balls]

    def move(self, init: Array, start: Array, num_frames: int, contact: laws.Contact = "elastic") -> Array:
        """(N, K) initial values and (N, balls, 2) start -> (N, T, balls, 2) positions by the closed-form law."""
        if self.num_balls == 2:
            velocity, radii = self.velocities(init), self.radii(init)
            return laws.collision(start, velocity, radii, num_frames, contact)
        velocity = np.concatenate([self.velocities(init), np.zeros((len(init), 1))], axis=-1)
        law = laws.parabola if self.name == "parabola" else laws.uniform_motion
        return law(start[:, 0], velocity, num_frames)[:, :, None]

    def check_init(self, init: Array) -> None:
        """Raises UserError for impossible initial values, naming the first bad row.

        One ball: 0 < r < 2.5; two balls: r > 0 and r1 + r2 < 5; speeds finite and not negative.
        """
        radii, speeds = self.radii(init), self.speeds(init)
        bad = ~(np.isfinite(init).all(axis=-1) & (radii > 0).all(axis=-1) & (speeds >= 0).all(axis=-1))
        limit = ONE_BALL_GUARD if self.num_balls == 1 else TWO_BALL_GUARD
        bad |= radii.sum(axis=-1) >= limit
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            values = ", ".join(f"{f}={v:g}" for f, v in zip(self.factors, init[row], strict=True))
            total = "r" if self.num_balls == 1 else "r1 + r2"
            raise UserError(
                f"impossible {self.name} scene {row}: {values}; valid: radii > 0, {total} < {limit:g}, speeds >= 0"
            )

    def train_grid(self, size: str) -> Grid:
        """The training grid of a named size, infeasible scenes dropped.

        Raises:
            UserError: unknown size (lists the valid ones).
        """
        if size not in self.train_points:
            raise unknown(f"training size of scenario {self.name}", size, self.train_points)
        num_r, num_v = self.train_points[size]
        (r_low, r_high), (v_low, v_high) = self._id_range("r"), self._id_range("v")
        if self.random_marginals:
            # The release draws the parabola's axes instead of spacing them: speeds first, then radii.
            draws = np.random.RandomState(MARGINAL_SEED)
            speeds = np.sort(draws.uniform(v_low, v_high, num_v))
            radii = np.sort(draws.uniform(r_low, r_high, num_r))
        else:
            radii, speeds = np.linspace(r_low, r_high, num_r), np.linspace(v_low, v_high, num_v)
        axes = [radii if k in self.radius_factors else speeds for k in range(len(self.factors))]
        return Grid(tuple(axes), self.feasible)

    def _id_range(self, kind: str) -> tuple[float, float]:
        index = self.radius_factors[0] if kind == "r" else self.speed_factors[0]
        return self.in_dist.interval(self.factors[index])

    def eval_blocks(self) -> dict[str, Block]:
        """The evaluation blocks by the release's names (its "vis" set), in its order: id, small, large, cross."""
        table = _ONE_BALL_BLOCKS if self.num_balls == 1 else _TWO_BALL_BLOCKS
        blocks = {}
        for name, level, side, ranges in table:
            axes, bounds = [], {}
            for k, factor in enumerate(self.factors):
                kind = "r" if k in self.radius_factors else "v"
                where = ranges.get(factor, "id")
                low, high = self._id_range(kind) if where == "id" else self.ood_ranges[f"{kind}_{where}"]
                points = self.block_points[f"{side}.{'id' if where == 'id' else where}"]
                axes.append(np.linspace(low, high, points[0 if kind == "r" else 1]))
                bounds[factor] = (low, high)
            blocks[name] = Block(name, level, side, Box.of(**bounds), Grid(tuple(axes), self.feasible))
        return blocks


# name, level, side, factors that are out and where
_ONE_BALL_BLOCKS: tuple[tuple[str, int, str, dict[str, str]], ...] = (
    ("id", 0, "id", {}),
    ("level1_r1", 1, "small", {"r": "small"}),
    ("level2_v1", 2, "small", {"v": "small"}),
    ("level3_r1_r2", 3, "small", {"r": "small", "v": "small"}),
    ("xl_level1_r1", 1, "large", {"r": "large"}),
    ("xl_level2_v1", 2, "large", {"v": "large"}),
    ("xl_level3_r1_r2", 3, "large", {"r": "large", "v": "large"}),
    ("cross_level6_r1_r2_v1_v2", 3, "cross", {"r": "small", "v": "large"}),
    ("cross_level6_r2_r1_v1_v2", 3, "cross", {"r": "large", "v": "small"}),
)


def _both(side: str, *factors: str) -> dict[str, str]:
    return dict.fromkeys(factors, side)


_TWO_BALL_BLOCKS: tuple[tuple[str, int, str, dict[str, str]], ...] = (
    ("id", 0, "id", {}),
    *(
        (f"{prefix}{name}", level, side, _both(side, *factors))
        for side, prefix in (("small", ""), ("large", "xl_"))
        for name, level, factors in (
            ("level1_r1", 1, ("r1",)),
            ("level2_v1", 2, ("v1",)),
            ("level3_r1_r2", 3, ("r1", "r2")),
            ("level4_v1_v2", 4, ("v1", "v2")),
            ("level5_r1_v1", 5, ("r1", "v1")),
            ("level6_r1_r2_v1_v2", 6, ("r1", "r2", "v1", "v2")),
        )
    ),
    ("cross_level3_r1_r2", 3, "cross", {"r1": "small", "r2": "large"}),
    ("cross_level4_v1_v2", 4, "cross", {"v1": "small", "v2": "large"}),
    ("cross_level6_r1_r2_v1_v2", 6, "cross", {"r1": "small", "r2": "large", "v1": "small", "v2": "large"}),
    ("cross_level6_r2_r1_v1_v2", 6, "cross", {"r1": "large", "r2": "small", "v1": "small", "v2": "large"}),
)

_ONE_BALL = Box.of(r=(0.7, 1.4), v=(1.0, 4.0))
_ONE_BALL_OOD = {"r_small": (0.3, 0.6), "r_large": (1.5, 2.0), "v_small": (0.0, 0.8), "v_large": (4.5, 6.0)}
# 300 and 3k are ours, for CPUs; the others are the release's levels 0, 1, 2.
_ONE_BALL_TRAIN = {"300": (10, 30), "3k": (30, 100), "30k": (100, 300), "300k": (300, 1000), "3m": (1000, 3000)}

UNIFORM = Scenario(
    name="uniform",
    factors=("r", "v"),
    radius_factors=(0,),
    speed_factors=(1,),
    in_dist=_ONE_BALL,
    ood_ranges=_ONE_BALL_OOD,
    train_points=_ONE_BALL_TRAIN,
    random_marginals=False,
    num_draws=3,
    place=placement.place_uniform,
    feasible=None,
    block_points={  # points per radius axis, per speed axis
        "id.id": (30, 100),
        "small.id": (8, 8),
        "small.small": (8, 16),
        "large.id": (10, 16),
        "large.large": (8, 16),
        "cross.small": (8, 16),
        "cross.large": (8, 16),
    },
)

PARABOLA = replace(
    UNIFORM,
    name="parabola",
    random_marginals=True,
    place=placement.place_parabola,
    block_points={
        "id.id": (10, 16),
        "small.id": (4, 4),
        "small.small": (8, 16),
        "large.id": (10, 16),
        "large.large": (8, 16),
        "cross.small": (8, 16),
        "cross.large": (8, 16),
    },
)

COLLISION = Scenario(
    name="collision",
    factors=("r1", "r2", "v1", "v2"),
    radius_factors=(0, 1),
    speed_factors=(2, 3),
    in_dist=Box.of(r1=(0.5, 1.5), r2=(0.5, 1.5), v1=(1.0, 4.0), v2=(1.0, 4.0)),
    ood_ranges={"r_small": (0.3, 0.4), "r_large": (1.7, 2.0), "v_small": (0.0, 0.8), "v_large": (4.5, 6.0)},
    train_points={"300": (3, 6), "3k": (4, 14), "30k": (8, 21), "300k": (14, 41), "3m": (26, 71)},
    random_marginals=False,
    num_draws=4,
    place=placement.place_collision,
    feasible=placement.feasible_collision,
    block_points={
        "id.id": (4, 4),
        "small.id": (3, 3),
        "small.small": (3, 4),
        "large.id": (3, 3),
        "large.large": (4, 4),
        "cross.id": (3, 3),
        "cross.small": (3, 4),
        "cross.large": (4, 4),
    },
)

SCENARIOS = {scenario.name: scenario for scenario in (UNIFORM, PARABOLA, COLLISION)}


def get_scenario(name: str) -> Scenario:
    """Raises UserError for an unknown name (lists the valid ones)."""
    if name not in SCENARIOS:
        raise unknown("scenario", name, SCENARIOS)
    return SCENARIOS[name]
