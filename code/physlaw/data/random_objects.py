"""Clips of random objects in random motion, to train a tokenizer that knows all looks and no law.

Sizes, colours and shapes cover everything any study shows (out-of-distribution sizes included); the motion is a smooth
random walk without inertia, contact or gravity: every object passes through the others and turns at will.
"""

from __future__ import annotations

import numpy as np

from physlaw.data.clips import Frames, Index
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenes import BLUE, RED, Trajectory
from physlaw.worlds.streams import stream_key, uniforms

MAX_OBJECTS = 3
RADII = (0.25, 2.2)  # world units; the studies use 0.3 to 2.0
MAX_SPEED = 6.5  # world units / s; the studies use 0 to 6
KNOTS = 5  # the path's random way points per clip
MIN_SHARE_NAMED = 0.7  # share of objects in the studies' red and blue; the rest are of any colour


class RandomObjectClips:
    """An endless supply: clip i depends on (seed, i) alone. `len` is nominal."""

    def __init__(self, resolution: int, num_frames: int, seed: int = 0, count: int = 1 << 40) -> None:
        if num_frames < 2:
            raise UserError(f"num_frames must be at least 2, got {num_frames}")
        self.resolution, self.num_frames, self.count = resolution, num_frames, count
        self.key = stream_key("random objects", seed)

    def __len__(self) -> int:
        return self.count

    def trajectory(self, index: Index) -> Trajectory:
        """(N,) numbers -> trajectories of 3 objects; one that a clip does not have has radius 0."""
        count = len(index)
        u = uniforms(self.key, index, MAX_OBJECTS * (8 + 2 * KNOTS) + 1)
        each = u[:, 1:].reshape(count, MAX_OBJECTS, 8 + 2 * KNOTS)
        present = np.arange(MAX_OBJECTS)[None] < 1 + np.floor(u[:, :1] * MAX_OBJECTS)
        radii = np.where(present, RADII[0] + (RADII[1] - RADII[0]) * each[..., 0], 0.0)
        colours = np.floor(each[..., 1:4] * 256).astype(np.uint8)
        named = each[..., 4] < MIN_SHARE_NAMED
        colours[named & (each[..., 5] < 0.5)] = RED
        colours[named & (each[..., 5] >= 0.5)] = BLUE
        shapes = (each[..., 6] < 0.3).astype(np.uint8)
        # Way points: a bounded random walk, straight in between. Half of the clips are slow.
        reach = MAX_SPEED * 0.1 * self.num_frames / (KNOTS - 1) * np.where(each[..., 7] < 0.5, 0.3, 1.0)
        moves = (2 * each[..., 8:].reshape(count, MAX_OBJECTS, KNOTS, 2) - 1) * reach[..., None, None] / np.sqrt(2)
        moves[:, :, 0] = WORLD_SIZE * each[..., 8:].reshape(count, MAX_OBJECTS, KNOTS, 2)[:, :, 0]
        points = np.cumsum(moves, axis=2)
        period = 2 * WORLD_SIZE  # reflect at the borders so that objects stay around
        points = WORLD_SIZE - np.abs(np.mod(points, period) - WORLD_SIZE)
        time = np.linspace(0, KNOTS - 1, self.num_frames)
        before = np.minimum(time.astype(np.int64), KNOTS - 2)
        share = (time - before)[None, None, :, None]
        path = points[:, :, before] * (1 - share) + points[:, :, before + 1] * share
        return Trajectory(path.transpose(0, 2, 1, 3), radii, colours, shapes)

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8."""
        return render_clips(self.trajectory(np.asarray(index)), self.resolution)
