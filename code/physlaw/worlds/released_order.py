"""The release's random numbers: which scene comes when, and what it draws, shard by shard.

The release seeds one generator, draws the random marginals if there are any, and shuffles the grid. Every shard then
starts the same stream again, so scene j of a shard takes the numbers that follow those of scenes 0 to j - 1. A scene
that does not fit is tried 50 times and dropped, and its draws are used up. Source: released data sections 1.4, 2.3, 3.

Verified on released samples of all three training sets. The order of the evaluation set (section 4.2: one seeding;
id, small, large and cross blocks shuffled in turn; shards of 100) is read off its description; no sample verifies it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.blocks import Block
from physlaw.worlds.grids import Grid, check_numbers
from physlaw.worlds.scenario import RELEASED_SEED, Scenario

Array = NDArray[np.float64]
Index = NDArray[np.int64]

TRAINING_SHARD, EVALUATION_SHARD = 1000, 100  # scenes before drops
TRIES = 50  # at placing a collision that does not fit


class ReleasedOrder:
    """Scenes numbered as the release stores them, and the unit numbers that place them.

    Args:
        init_at: positions in the release's sequence, dropped scenes included -> (N, K) initial values.
        length: of that sequence.
        position: (M,) where in the sequence scene 0, 1, ... of the set is.
        shard: scenes of the sequence per shard.
    """

    def __init__(
        self,
        scenario: Scenario,
        init_at: Callable[[Index], Array],
        length: int,
        position: Index,
        shard: int,
    ) -> None:
        self.scenario, self.init_at, self.length = scenario, init_at, length
        self.position, self.shard = position, shard
        self._taken: dict[int, Index] = {}
        # Every shard replays these numbers; a scene takes at most TRIES times all draws but the last, and the last.
        self._stream = np.random.RandomState(RELEASED_SEED).random_sample(
            shard * (TRIES * (scenario.num_draws - 1) + 1)
        )

    def __len__(self) -> int:
        return len(self.position)

    def values(self, index: Index) -> Array:
        """(N,) numbers -> (N, K) initial values.

        Raises:
            IndexError: a number is outside the set (the message names it).
        """
        return self.init_at(self.position[check_numbers(index, len(self), "scene")])

    def _draws_made(self, init: Array) -> NDArray[np.bool_]:
        placed = self.scenario.place(init, np.zeros((len(init), self.scenario.num_draws)))
        return np.asarray(np.isfinite(placed.low))

    def _taken_before(self, shard: int) -> Index:
        """(shard size,) how many numbers the shard has taken before each of its scenes."""
        if shard not in self._taken:
            start = shard * self.shard
            init = self.init_at(np.arange(start, min(start + self.shard, self.length)))
            made = self._draws_made(init)
            count = made.sum(axis=1)
            if self.scenario.feasible is not None:
                tried = TRIES * made[:, :-1].sum(axis=1) + 1
                count = np.where(self.scenario.feasible(init), count, tried)
            self._taken[shard] = (np.cumsum(count) - count).astype(np.int32)
        return self._taken[shard]

    def units(self, index: Index) -> Array:
        """(N,) numbers -> (N, num_draws) numbers in [0, 1): the scene's draws in call order, 0 where none is made."""
        position: Index = np.asarray(self.position[index])
        shards, local = np.divmod(position, self.shard)
        made = self._draws_made(self.init_at(position))
        taken = np.empty(len(position), dtype=np.int64)
        for shard in np.unique(shards):
            mine = shards == shard
            taken[mine] = self._taken_before(int(shard))[local[mine]]
        rank: Index = np.cumsum(made, axis=1) - made
        return np.where(made, self._stream[taken[:, None] + rank], 0.0)


def released_training_order(scenario: Scenario, size: str) -> tuple[Grid, ReleasedOrder]:
    """A training set in the release's order."""
    generator = np.random.RandomState(RELEASED_SEED)
    grid = scenario.train_grid(size, generator)
    places = np.arange(grid.size_before_drops, dtype=np.int32)
    generator.shuffle(places)
    position = np.flatnonzero(grid.kept(places))

    def init_at(position: Index) -> Array:
        return grid.points(places[position].astype(np.int64))

    order = ReleasedOrder(scenario, init_at, len(places), position, TRAINING_SHARD)
    return grid, order


def _grid(block: Block) -> Grid:
    assert isinstance(block.grid, Grid)  # of every released block
    return block.grid


def released_evaluation_order(scenario: Scenario, block: str) -> tuple[Grid, ReleasedOrder]:
    """An evaluation block; its scenes are numbered as they come in the release's whole evaluation set."""
    blocks = scenario.eval_blocks()
    generator = np.random.RandomState(RELEASED_SEED)
    inits, names = [], []
    for side in ("id", "small", "large", "cross"):
        group = [b for b in blocks.values() if b.side == side]
        points = np.concatenate([_grid(b).points(np.arange(_grid(b).size_before_drops)) for b in group])
        name = np.concatenate([np.full(_grid(b).size_before_drops, b.name, dtype="<U32") for b in group])
        order = np.arange(len(points))
        generator.shuffle(order)
        inits.append(points[order])
        names.append(name[order])
    init = np.concatenate(inits)
    mine = np.concatenate(names) == block
    if scenario.feasible is not None:
        mine &= scenario.feasible(init)
    position = np.flatnonzero(mine)
    return _grid(blocks[block]), ReleasedOrder(scenario, lambda p: init[p], len(init), position, EVALUATION_SHARD)
