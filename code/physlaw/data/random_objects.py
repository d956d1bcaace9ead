"""Clips of random objects in random motion, to train a tokenizer that knows all looks and no law.

Sizes, colours and shapes cover everything that a study of discs, squares, rings and walls shows (out-of-distribution
sizes included). The motion is a smooth random path without inertia, contact or gravity: every object passes through
the others and the picture's border and turns all the time, or rests throughout.

A wall is a column of hard black squares that touch. The painter then gives the exact area averages of a rectangle, at
every size, beside and below any other object, and needs no rule for rectangles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physlaw.data.clips import Frames, Index
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.worlds.appearance import BLUE, CIRCLE, RED, RING, SQUARE
from physlaw.worlds.laws import FRAME_S, WORLD_SIZE
from physlaw.worlds.scenes import Trajectory
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]

MAX_OBJECTS = 3
RADII = (0.25, 2.2)  # world units; the studies use 0.3 to 2.0
MAX_SPEED = 6.5  # world units / s along each axis; the studies use 0 to 6
MARGIN = 1.0  # world units beyond the picture that a centre may reach
MIN_SHARE_NAMED = 0.7  # share of objects in the studies' red and blue; the rest are of any colour
SHAPES = (CIRCLE, CIRCLE, SQUARE, RING)  # equally likely
REST = 0.3  # share of objects that rest, whatever they are
WALL = 0.3  # share of clips with a wall
WALL_TILES = (3, 16)  # squares in a wall: its height as a multiple of its thickness
WALL_THICKNESS = (0.1, 0.5)  # world units
PIECES = 4  # of a path; each is a cubic
KNOTS = PIECES + 3
_TILE_STEP = 0.999  # of the thickness; an overlap far above rounding errors, so that no row stays white
_PATH = 2 + 2 * KNOTS  # draws that a path takes


def between(u: Array, bounds: tuple[float, float]) -> Array:
    """Uniform numbers -> numbers within the bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * u


def fold(points: Array, low: float, high: float) -> Array:
    """Reflect points at both bounds until they lie between."""
    return high - np.abs(np.mod(points - low, 2 * (high - low)) - (high - low))


def spline_paths(points: Array, num_frames: int) -> Array:
    """(..., KNOTS, D) control points -> (..., T, D): a uniform cubic B-spline.

    Its velocity and acceleration are continuous, it stays within the points' bounds, and it is exactly at rest where
    all points are equal. The sum runs point by point, so that a path has the same bits in any batch.
    """
    time = np.linspace(0, PIECES, num_frames)
    away = np.abs(time[:, None] - (np.arange(KNOTS) - 1))
    weights = np.where(away < 1, 2 / 3 - away**2 * (1 - away / 2), np.maximum(2 - away, 0) ** 3 / 6)
    start = points[..., :1, :]
    path = np.zeros((*points.shape[:-2], num_frames, points.shape[-1]))
    for knot in range(KNOTS):
        path += weights[:, knot, None] * (points[..., knot : knot + 1, :] - start)
    return start + path


def _paths(u: Array, num_frames: int) -> Array:
    """(..., _PATH) uniform numbers -> (..., T, 2) centres in world units. Half of those that move are slow."""
    low, high = -MARGIN, WORLD_SIZE + MARGIN
    pace = np.where(u[..., 0] < REST, 0.0, np.where(u[..., 1] < 0.5, 0.3, 1.0))
    reach = pace * MAX_SPEED * FRAME_S * (num_frames - 1) / PIECES
    steps = u[..., 2:].reshape(*u.shape[:-1], KNOTS, 2)
    moves = (2 * steps - 1) * reach[..., None, None]
    moves[..., 0, :] = between(steps[..., 0, :], (low, high))
    return spline_paths(fold(np.cumsum(moves, axis=-2), low, high), num_frames)


class EndlessClips:
    """An endless supply: clip i depends on (seed, i) alone. `len` is nominal.

    Raises:
        UserError: fewer than 2 frames.
    """

    stream: str  # of random numbers, the kind's own

    def __init__(self, resolution: int, num_frames: int, seed: int = 0, count: int = 1 << 40) -> None:
        if num_frames < 2:
            raise UserError(f"num_frames must be at least 2, got {num_frames}")
        self.resolution, self.num_frames, self.count = resolution, num_frames, count
        self.key = stream_key(self.stream, seed)

    def __len__(self) -> int:
        return self.count


class RandomObjectClips(EndlessClips):
    """Clips of random objects."""

    stream = "random objects"

    def trajectory(self, index: Index) -> Trajectory:
        """(N,) numbers -> trajectories of MAX_OBJECTS objects, then the squares of a wall from bottom to top; what a
        clip does not have has radius 0."""
        count = len(index)
        u = uniforms(self.key, index, MAX_OBJECTS * (7 + _PATH) + 4 + _PATH)
        each = u[:, 4 + _PATH :].reshape(count, MAX_OBJECTS, 7 + _PATH)
        present = np.arange(MAX_OBJECTS)[None] < 1 + np.floor(u[:, :1] * MAX_OBJECTS)
        radii = np.where(present, between(each[..., 0], RADII), 0.0)
        colours = np.floor(each[..., 1:4] * 256).astype(np.uint8)
        named = each[..., 4] < MIN_SHARE_NAMED
        colours[named & (each[..., 5] < 0.5)] = RED
        colours[named & (each[..., 5] >= 0.5)] = BLUE
        shapes = np.array(SHAPES, np.uint8)[np.floor(each[..., 6] * len(SHAPES)).astype(np.int64)]
        paths = _paths(each[..., 7:], self.num_frames).transpose(0, 2, 1, 3)

        tile = np.arange(WALL_TILES[1])[None]
        tiles = np.floor(between(u[:, 2:3], (WALL_TILES[0], WALL_TILES[1] + 1)))
        thickness = between(u[:, 3:4], WALL_THICKNESS)
        wall_radii = np.where((u[:, 1:2] < WALL) & (tile < tiles), thickness / 2, 0.0)
        wall = np.repeat(_paths(u[:, 4 : 4 + _PATH], self.num_frames)[:, :, None], WALL_TILES[1], axis=2)
        wall[..., 1] += ((tile - (tiles - 1) / 2) * _TILE_STEP * thickness)[:, None]
        return Trajectory(
            np.concatenate([paths, wall], axis=2),
            np.concatenate([radii, wall_radii], axis=1),
            np.concatenate([colours, np.zeros((count, WALL_TILES[1], 3), np.uint8)], axis=1),
            np.concatenate([shapes, np.full((count, WALL_TILES[1]), SQUARE, np.uint8)], axis=1),
        )

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8."""
        return render_clips(self.trajectory(np.asarray(index)), self.resolution)
