"""The three fundamental scenarios: their factors, regions, training grids, evaluation blocks and laws.

A scenario is data plus three functions (placement, signed velocities, motion). Values: released data sections 2 to 4.
The deeper studies train and test the same worlds on other sets of initial values: worlds/variants.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds import laws, placement
from physlaw.worlds.appearance import CIRCLE
from physlaw.worlds.blocks import Block, paper_blocks, released_blocks
from physlaw.worlds.grids import Grid, Points, Rule
from physlaw.worlds.placement import Placement
from physlaw.worlds.regions import Box

Array = NDArray[np.float64]

ONE_BALL_GUARD = laws.WORLD_SIZE / 4  # 0 < r < 2.5
TWO_BALL_GUARD = laws.WORLD_SIZE / 2  # r1 + r2 < 5
RELEASED_SEED = 42  # the release's default: random marginals, order of the scenes, placement


@dataclass(frozen=True)
class Scenario:
    """A kind of event: initial values `factors`, where they come from, and what happens next."""

    name: str
    factors: tuple[str, ...]
    radius_factors: tuple[int, ...]
    speed_factors: tuple[int, ...]
    in_dist: Box
    ood_ranges: dict[str, tuple[float, float]]  # keys: rsmall, rlarge, vsmall, vlarge
    # Points per radius axis and per speed axis, by training size, by "<side>.<where>" of the released blocks, and by
    # id, in, out (per side) of the paper's.
    train_points: dict[str, tuple[int, int]]
    released_points: dict[str, tuple[int, int]] = field(repr=False)
    paper_points: dict[str, tuple[int, int]] = field(repr=False)
    random_marginals: bool
    num_draws: int
    place: Callable[[Array, Array], Placement] = field(repr=False)
    feasible: Rule | None = field(repr=False)
    equations: tuple[str, ...]  # the law for people: t is the frame's time, n the number of steps before it
    # What a variant changes: its training set of a size, and its evaluation blocks; None: the full grid, and the
    # released and the paper's blocks. flips: clips are mirrored too while training.
    training: Callable[[Scenario, str], Points] | None = field(default=None, repr=False)
    tests: Callable[[Scenario], dict[str, Block]] | None = field(default=None, repr=False)
    flips: bool = False

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

    def train_grid(self, size: str, generator: np.random.RandomState | None = None) -> Grid:
        """The training grid of a named size, infeasible scenes dropped.

        Args:
            generator: what the parabola's random marginals are drawn from; the release's by default.
        Raises:
            UserError: unknown size (lists the valid ones).
        """
        if size not in self.train_points:
            raise unknown(f"training size of scenario {self.name}", size, self.train_points)
        num_r, num_v = self.train_points[size]
        r_low, r_high = self.in_dist.interval(self.factors[self.radius_factors[0]])
        v_low, v_high = self.in_dist.interval(self.factors[self.speed_factors[0]])
        if self.random_marginals:
            # The release draws the parabola's axes instead of spacing them: speeds first, then radii.
            draws = generator or np.random.RandomState(RELEASED_SEED)
            speeds = np.sort(draws.uniform(v_low, v_high, num_v))
            radii = np.sort(draws.uniform(r_low, r_high, num_r))
        else:
            radii, speeds = np.linspace(r_low, r_high, num_r), np.linspace(v_low, v_high, num_v)
        axes = [radii if k in self.radius_factors else speeds for k in range(len(self.factors))]
        return Grid(tuple(axes), self.feasible)

    def training_set(self, size: str) -> Points:
        """The initial values of the training set of a named size.

        Raises:
            UserError: unknown size (lists the valid ones).
        """
        return self.train_grid(size) if self.training is None else self.training(self, size)

    def looks(self, init: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(N, K) -> codes of colours and of shapes, (N, balls) each: the factors "colour" and "shape" where there are
        any, else circles in the release's colours, the first red, the second blue."""
        colours = np.broadcast_to(np.arange(self.num_balls, dtype=np.uint8), (len(init), self.num_balls))
        shapes = np.full(colours.shape, CIRCLE, dtype=np.uint8)
        if "colour" in self.factors:
            colours = init[:, [self.factors.index("colour")]].astype(np.uint8)
        if "shape" in self.factors:
            shapes = init[:, [self.factors.index("shape")]].astype(np.uint8)
        return colours, shapes

    def kind(self, factor: str) -> str:
        """The factor is a radius ("r") or a speed ("v")."""
        return "r" if self.factors.index(factor) in self.radius_factors else "v"

    def eval_blocks(self, evaluation: str = "released") -> dict[str, Block]:
        """The blocks of an evaluation set: "released" (its "vis" set) or "paper". A variant has one set of its own,
        under the first name.

        Raises:
            UserError: unknown set (lists the valid ones).
        """
        if self.tests is not None and evaluation == "released":
            return self.tests(self)
        if self.tests is not None:
            raise UserError(f"scenario {self.name} has one evaluation set; eval.blocks must be released")
        if evaluation not in EVALUATIONS:
            raise unknown("evaluation set", evaluation, EVALUATIONS)
        return EVALUATIONS[evaluation](self)


EVALUATIONS = {"released": released_blocks, "paper": paper_blocks}

_ONE_BALL = Box.of(r=(0.7, 1.4), v=(1.0, 4.0))
_ONE_BALL_OOD = {"rsmall": (0.3, 0.6), "rlarge": (1.5, 2.0), "vsmall": (0.0, 0.8), "vlarge": (4.5, 6.0)}
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
    equations=("x = x0 + v t", "y = y0", "t = 0.01 n, n = 10 k + 1 at frame k"),
    released_points={  # points per radius axis, per speed axis
        "id.id": (30, 100),
        "small.id": (8, 8),
        "small.small": (8, 16),
        "large.id": (10, 16),
        "large.large": (8, 16),
        "cross.small": (8, 16),
        "cross.large": (8, 16),
    },
    paper_points={"id": (30, 35), "in": (20, 40), "out": (10, 20)},
)

PARABOLA = replace(
    UNIFORM,
    name="parabola",
    random_marginals=True,
    place=placement.place_parabola,
    equations=("x = x0 + v t", "y = y0 - 2.5 * 0.01^2 n (n + 1) / 2", "t = 0.01 n, n = 10 k + 1 at frame k"),
    released_points={
        "id.id": (10, 16),
        "small.id": (4, 4),
        "small.small": (8, 16),
        "large.id": (10, 16),
        "large.large": (8, 16),
        "cross.small": (8, 16),
        "cross.large": (8, 16),
    },
    paper_points={"id": (25, 44), "in": (20, 42), "out": (10, 21)},
)

COLLISION = Scenario(
    name="collision",
    factors=("r1", "r2", "v1", "v2"),
    radius_factors=(0, 1),
    speed_factors=(2, 3),
    in_dist=Box.of(r1=(0.5, 1.5), r2=(0.5, 1.5), v1=(1.0, 4.0), v2=(1.0, 4.0)),
    ood_ranges={"rsmall": (0.3, 0.4), "rlarge": (1.7, 2.0), "vsmall": (0.0, 0.8), "vlarge": (4.5, 6.0)},
    train_points={"300": (3, 6), "3k": (4, 14), "30k": (8, 21), "300k": (14, 41), "3m": (26, 71), "24m": (41, 121)},
    random_marginals=False,
    num_draws=4,
    place=placement.place_collision,
    feasible=placement.feasible_collision,
    equations=(
        "x_i = x_i0 + u_i t before the contact, u_1 = v1, u_2 = -v2; y = y0",
        "the contact takes effect after floor((x_2 - x_1 - r1 - r2) / (0.01 (v1 + v2))) + 1 steps",
        "after it w1 = (p - m2 e (u1 - u2)) / (m1 + m2), w2 = (p + m1 e (u1 - u2)) / (m1 + m2), p = m1 u1 + m2 u2",
        "m_i = r_i^2; e = 1, and with contact=released e = 0 where v1 + v2 <= 1",
        "t = 0.01 n, n = 10 k + 1 at frame k",
    ),
    released_points={
        "id.id": (4, 4),
        "small.id": (3, 3),
        "small.small": (3, 4),
        "large.id": (3, 3),
        "large.large": (4, 4),
        "cross.id": (3, 3),
        "cross.small": (3, 4),
        "cross.large": (4, 4),
    },
    paper_points={"id": (8, 6), "in": (4, 7), "out": (3, 3)},
)

# The older grids behind the release's gap experiments: 4 frames before the contact, so that no scene is dropped.
EARLY_COLLISION = replace(
    COLLISION,
    train_points={"10k": (6, 16), "110k": (11, 31), "1.6m": (21, 61)},
    place=partial(placement.place_collision, frames_before=placement.EARLY_FRAMES_BEFORE_CONTACT),
    feasible=partial(placement.feasible_collision, frames_before=placement.EARLY_FRAMES_BEFORE_CONTACT),
)

SCENARIOS = {scenario.name: scenario for scenario in (UNIFORM, PARABOLA, COLLISION)}
