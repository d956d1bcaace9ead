"""A scenario: which initial values there are, where training and test take them from, and what happens next.

A scenario is data plus a few functions (placement, law, feasibility). What is special about one of them is a field
here, so that nothing else asks for its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds import laws
from physlaw.worlds.appearance import CIRCLE
from physlaw.worlds.blocks import EVALUATIONS, Block
from physlaw.worlds.grids import Grid, Points, Rule, Subset
from physlaw.worlds.placement import Placement
from physlaw.worlds.regions import Box, Region

Array = NDArray[np.float64]
# start (N, balls, 2), signed horizontal velocities and radii (N, balls), number of frames, kind of contact
# -> positions (N, T, balls, 2)
Law = Callable[[Array, Array, Array, int, laws.Contact], Array]

ONE_BALL_GUARD = laws.WORLD_SIZE / 4  # 0 < r < 2.5
TWO_BALL_GUARD = laws.WORLD_SIZE / 2  # r1 + r2 < 5
# Of a scenario of a study, which no released file shows; for `needs`.
UNRELEASED = {"data.files": "", "data.placement": "per_sample"}
RELEASED_SEED = 42  # the release's default: random marginals, order of the scenes, placement


@dataclass(frozen=True)
class Scenario:
    """A kind of event: initial values `factors`, where they come from, and what happens next."""

    name: str
    factors: tuple[str, ...]
    radius_factors: tuple[int, ...]
    speed_factors: tuple[int, ...]
    in_dist: Box  # the range of radii and speeds, whatever a study leaves out of it
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
    law: Law = field(repr=False)
    equations: tuple[str, ...]  # the law for people: t is the frame's time, n the number of steps before it
    sentence: str  # in words, of r1, r2 (two decimals) and motion1, motion2 (which way and how fast)
    error_axes: int = 1  # coordinates that errors look at: x, or x and y
    # What a study changes: the region of its training set (None: the whole range), how the set of a size is laid out
    # (None: the grid's points in the region), and its evaluation blocks (None: the released and the paper's).
    region: Region | None = field(default=None, repr=False)
    training: Callable[[Scenario, str], Points] | None = field(default=None, repr=False)
    tests: Callable[[Scenario], dict[str, Block]] | None = field(default=None, repr=False)
    flips: bool = False  # clips are mirrored too while training
    older: Scenario | None = field(default=None, repr=False)  # other training sizes, made by rules of their own
    # Settings of a cell that only work with one value, e.g. {"data.files": ""}; and what sides of pictures it needs,
    # a function that raises UserError for others.
    needs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    check_resolution: Callable[[int], None] | None = field(default=None, repr=False)

    @property
    def num_balls(self) -> int:
        return len(self.radius_factors)

    @property
    def trained(self) -> Region:
        """Where the training sets of every size come from."""
        return self.in_dist if self.region is None else self.region

    @property
    def picture(self) -> str:
        """What the clips show, in models.tokenizers.PICTURES' words."""
        return "red_blue" if self.num_balls == 2 or "colour" in self.factors else "red"

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
        return self.law(start, self.velocities(init), self.radii(init), num_frames, contact)

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

    def of_size(self, size: str) -> Scenario:
        """The scenario whose rules made the training set of that size: this one, or its older form.

        Raises:
            UserError: unknown size (lists the valid ones).
        """
        known = [self] if self.older is None else [self, self.older]
        for scenario in known:
            if size in scenario.train_points:
                return scenario
        valid = [name for scenario in known for name in scenario.train_points]
        raise unknown(f"training size of scenario {self.name}", size, valid)

    def points_of(self, size: str) -> tuple[int, int]:
        """Points per radius axis and per speed axis over the whole range. Raises as of_size."""
        if size not in self.train_points:
            raise unknown(f"training size of scenario {self.name}", size, self.train_points)
        return self.train_points[size]

    def train_grid(self, size: str, generator: np.random.RandomState | None = None) -> Grid:
        """The training grid of a named size over the whole range, infeasible scenes dropped.

        Args:
            generator: what the parabola's random marginals are drawn from; the release's by default.
        Raises:
            UserError: unknown size (lists the valid ones).
        """
        num_r, num_v = self.points_of(size)
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

    def grid_in(self, box: Box, size: str, shares: Mapping[str, float] = MappingProxyType({})) -> Grid:
        """A grid over a box of all factors, of the size's numbers of points times `shares` of them by factor; factors
        that are neither radius nor speed have the one value that the box gives them.

        Raises:
            UserError: unknown size (lists the valid ones).
        """
        num_r, num_v = self.points_of(size)
        axes = []
        for k, factor in enumerate(self.factors):
            points = num_r if k in self.radius_factors else num_v if k in self.speed_factors else 1
            axes.append(np.linspace(*box.interval(factor), max(1, round(points * shares.get(factor, 1.0)))))
        return Grid(tuple(axes))

    def training_set(self, size: str) -> Points:
        """The initial values of the training set of a named size.

        Raises:
            UserError: unknown size (lists the valid ones).
        """
        if self.training is not None:
            return self.training(self, size)
        grid = self.train_grid(size)
        return grid if self.region is None else Subset(grid, self.region.contains)

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
        """The blocks of an evaluation set: "released" (its "vis" set) or "paper". A study's scenario with tests of its
        own has them under the first name.

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

    def blocks(self) -> dict[str, Block]:
        """The blocks of all its evaluation sets, by name."""
        sets = EVALUATIONS if self.tests is None else ("released",)
        return {name: block for evaluation in sets for name, block in self.eval_blocks(evaluation).items()}
