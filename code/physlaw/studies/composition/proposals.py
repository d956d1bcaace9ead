"""Proposals of composed scenes from random numbers: sizes, speeds and places such that the wanted events can happen.

Sizes, speeds and places are ours, within the ranges of the uniform and collision scenarios: the paper gives none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds import laws
from physlaw.worlds.appearance import CIRCLE, SQUARE
from physlaw.worlds.scenes import NUM_FRAMES

Array = NDArray[np.float64]

RADII = (0.5, 1.2)
SPEEDS = (1.0, 4.0)
WALL_X = (9.0, 9.6)
WALL_HALF_WIDTH = 0.15
WALL_TILES = (4, 8)  # squares in a wall
MARGIN = 0.1  # between an object and the border at the start
GAP = 0.3  # between objects that do not touch; half a pixel at 16 x 16
NEAR_WALL = 2.0  # a collision is near the wall if blue is closer to it than this, and away from it if farther
CONDITION_FRAMES = 3  # frames before the first event: what a model is shown
FRAMES_BETWEEN, FRAMES_AFTER = 3, 4  # between two events; after the last one, wholly in view
FRAMES_IN_VIEW = 16  # that show all of every object at least: a fast square leaves the picture
DRAWS = 13  # random numbers to a proposal
TILE_STEP = 0.999  # of a tile's side: an overlap far above rounding errors, so that no row stays white

_FIRST_S = (laws.STEPS_PER_FRAME * (CONDITION_FRAMES - 1) + 2) * laws.DT_S  # least and greatest time of an event
_LAST_S = (laws.STEPS_PER_FRAME * (NUM_FRAMES - FRAMES_AFTER) - 1) * laws.DT_S
_END_S = (laws.STEPS_PER_FRAME * (NUM_FRAMES - 1) + 1) * laws.DT_S
_BETWEEN_S, _AFTER_S = (FRAMES_BETWEEN + 1) * laws.FRAME_S, (FRAMES_AFTER + 1) * laws.FRAME_S


def wall_half_height(tiles: Array) -> Array:
    """Half the height of a wall of that many tiles, world units."""
    return np.asarray(WALL_HALF_WIDTH * (1 + (tiles - 1) * TILE_STEP))


def _between(low: Array | float, high: Array | float, unit: Array) -> Array:
    return np.asarray(low + (high - low) * unit)


class _Proposal:
    """Scenes under construction, one per row of (N, DRAWS) random numbers: what all cases share."""

    def __init__(self, units: Array, blue_shape: int = CIRCLE) -> None:
        self.u = units.T
        self.r, self.v = _between(*RADII, self.u[:2]), _between(*SPEEDS, self.u[2:4])
        tiles = WALL_TILES[0] + np.floor(self.u[4] * (WALL_TILES[1] - WALL_TILES[0] + 1))
        self.wall_x, self.half_height = _between(*WALL_X, self.u[5]), wall_half_height(tiles)
        self.face = self.wall_x - WALL_HALF_WIDTH
        reach = np.maximum(self.half_height, self.r[0] if blue_shape == SQUARE else self.r.max(axis=0)) + MARGIN
        self.wall_y = _between(reach, laws.WORLD_SIZE - reach, self.u[6])
        self.x, self.y = np.zeros_like(self.r), np.stack([self.wall_y, self.wall_y])
        self.speed = np.zeros_like(self.r)  # signed
        self.shape = np.array([CIRCLE, blue_shape])
        self.present = np.ones((2, len(units)))
        self.keep = np.ones(len(units), dtype=bool)

    def bounce(self, ball: int) -> None:
        """Let a ball move right and reach the wall at a random time; uses number 7."""
        r, v = self.r[ball], self.v[ball]
        latest = np.minimum(_LAST_S, (self.face - 2 * r - MARGIN) / v)
        self.x[ball] = self.face - r - v * _between(_FIRST_S, latest, self.u[7])
        self.speed[ball] = v

    def rows(self) -> tuple[Array, NDArray[np.bool_]]:
        """(N, K) initial values and (N,) which of them to try."""
        r = self.r * self.present
        columns = [(self.x[k], self.y[k], r[k], self.speed[k], np.full_like(r[k], self.shape[k])) for k in (0, 1)]
        init = np.stack([*columns[0], *columns[1], self.wall_x, self.wall_y, self.half_height, *self.present], axis=-1)
        return init, self.keep


Rows = tuple[Array, NDArray[np.bool_]]


def spatial(units: Array, red_moves: bool, blue_moves: bool) -> Rows:
    scene = _Proposal(units, SQUARE)
    if red_moves:
        scene.bounce(0)
    else:
        scene.x[0] = _between(scene.r[0] + MARGIN, scene.face - scene.r[0] - GAP, scene.u[8])
    r, v = scene.r[1], scene.v[1] * blue_moves
    way = v * FRAMES_IN_VIEW * laws.FRAME_S
    scene.x[1] = _between(r + MARGIN, laws.WORLD_SIZE - r - MARGIN - way, scene.u[9])
    scene.y[1] = _between(r + MARGIN, laws.WORLD_SIZE - r - MARGIN, scene.u[10])
    scene.speed[1] = v
    scene.keep = np.abs(scene.y[1] - scene.wall_y) >= np.maximum(scene.r[0], scene.half_height) + r + GAP
    return scene.rows()


def bounce(units: Array, ball: int, alone: bool) -> Rows:
    """One ball bounces, the other rests anywhere that leaves the first one's path free, or is not there."""
    scene, other = _Proposal(units), 1 - ball
    scene.bounce(ball)
    if alone:
        scene.present[other], scene.x[other], scene.y[other] = 0, 0, 0
        return scene.rows()
    r = scene.r[other]
    scene.x[other] = _between(r + MARGIN, scene.face - r - GAP, scene.u[8])
    scene.y[other] = _between(r + MARGIN, laws.WORLD_SIZE - r - MARGIN, scene.u[9])
    away = scene.face - scene.r[ball]
    leftmost = np.minimum(scene.x[ball], 2 * away - scene.x[ball] - scene.v[ball] * _END_S)
    nearest = np.clip(scene.x[other], leftmost, away)
    scene.keep = (
        np.maximum(np.abs(nearest - scene.x[other]), np.abs(scene.y[other] - scene.wall_y)) >= scene.r.sum(0) + GAP
    )
    return scene.rows()


def collide(units: Array, bounce: bool) -> Rows:
    """Red from the left and blue from the right meet at a random place and time; then blue reaches the wall or not."""
    scene = _Proposal(units)
    (r1, r2), (v1, v2), face = scene.r, scene.v, scene.face
    w1, w2 = laws.impact(np.stack([v1, -v2], axis=-1), scene.r.T**2).T
    if bounce:
        to_wall = _between(MARGIN, NEAR_WALL, scene.u[8])
        meet = face - 2 * r2 - to_wall  # where the balls touch
        way = to_wall / np.where(w2 > 0, w2, np.inf)  # time to the wall
        latest = np.minimum.reduce([_LAST_S - way, (to_wall - MARGIN) / v2, (meet - 2 * r1 - MARGIN) / v1])
        time = _between(_FIRST_S, latest, scene.u[7])
        again = way + np.where(w1 + w2 > 0, (w2 - w1) * way / np.where(w1 + w2 > 0, w1 + w2, 1), np.inf)
        scene.keep = (latest > _FIRST_S) & (w2 >= SPEEDS[0]) & (w2 <= SPEEDS[1]) & (way >= _BETWEEN_S)
        scene.keep &= (time + again > _END_S) & (meet - 2 * r1 + w1 * (way + _AFTER_S) >= 0)
    else:
        room = face - 2 * (r1 + r2) - 2 * MARGIN
        time = _between(_FIRST_S, np.minimum(_LAST_S, room / (v1 + v2)), scene.u[7])
        low = 2 * r1 + np.maximum(MARGIN + v1 * time, -w1 * _AFTER_S)
        to_wall = np.maximum.reduce([np.full_like(w2, NEAR_WALL), MARGIN + v2 * time, GAP + w2 * (_END_S - time)])
        high = face - 2 * r2 - to_wall
        meet = _between(low, high, scene.u[8])
        scene.keep = low < high
    scene.x = np.stack([meet - r1 - v1 * time, meet + r2 + v2 * time])
    scene.speed = np.stack([v1, -v2])
    return scene.rows()
