"""Frames to ball positions: the only place, besides the renderer, where pixels and world units meet.

Two trackers. `track_released` is the released evaluator, oddities included (thresholds, divisor W, missing-ball
rules; released data section 7.2). `track_balls` inverts the renderer exactly: intensity-weighted centroid, the
renderer's own pixel-to-world map, and NaN where there is no ball.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.discs import NATIVE
from physlaw.worlds.laws import WORLD_SIZE

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]

THRESHOLD = 127
MIN_COVERAGE = 0.05  # a pixel less covered than this is background (noise of generated frames)
MIN_RADIUS_WORLD = 0.15  # a blob of less area than this disc is no ball; half the smallest radius of any scene


def check_frames(frames: Frames) -> None:
    """Raises UserError unless frames are (N, T, W, W, 3) uint8."""
    if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or frames.shape[2] != frames.shape[3]:
        raise UserError(f"frames must be (N, T, W, W, 3) uint8, got {frames.shape} {frames.dtype}")


def track_released(frames: Frames, num_balls: int) -> Array:
    """The released parser.

    Args:
        frames: (N, T, W, W, 3) uint8, row 0 on top; ball 1 red, ball 2 blue.
    Returns:
        (N, T, num_balls, 2) world positions. A missing ball is placed by the release's rules: x at the wall (single
        ball and ball 2: 10; ball 1 of two: 0), y at the last frame's y (ball 2: ball 1's), NaN in the first frame.
    """
    check_frames(frames)
    width = frames.shape[2]
    high, low = frames > THRESHOLD, frames < THRESHOLD
    masks = [high[..., 0] & low[..., 1] & low[..., 2], low[..., 0] & low[..., 1] & high[..., 2]]
    pixel = np.arange(width, dtype=np.float64)
    positions = np.empty((*frames.shape[:2], num_balls, 2))
    for ball, mask in enumerate(masks[:num_balls]):
        columns, rows = mask.sum(axis=2), mask.sum(axis=3)
        area = columns.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            positions[..., ball, 0] = WORLD_SIZE * (columns @ pixel) / area / width
            positions[..., ball, 1] = WORLD_SIZE * (rows @ pixel[::-1]) / area / width
        missing = area == 0
        wall = 0.0 if num_balls == 2 and ball == 0 else WORLD_SIZE
        positions[..., ball, 0][missing] = wall
        for frame in range(frames.shape[1]):
            last = positions[:, frame - 1, 0, 1] if frame else np.full(len(frames), np.nan)
            positions[:, frame, ball, 1] = np.where(missing[:, frame], last, positions[:, frame, ball, 1])
    return positions


def pixel_centres(width: int, method: str = "area") -> Array:
    """(W,) world coordinate of each pixel column of a rendered image, or of each row counted from the bottom.

    An area-averaged pixel stands for a block of the 256 image, whose pixel p is at 10 p / 255.
    """
    if method == "bare" or width > NATIVE:
        return WORLD_SIZE * np.arange(width) / (width - 1)
    return WORLD_SIZE * ((np.arange(width) + 0.5) * NATIVE / width - 0.5) / (NATIVE - 1)


def coverage(frames: Frames, ball: int) -> NDArray[np.float32]:
    """(..., 3) uint8 -> (...) share of each pixel that the ball covers: R - G for red, B - G for blue.

    Exact for red and blue on white, also where both share a pixel without overlapping.
    """
    channel = frames[..., 0 if ball == 0 else 2].astype(np.int16)
    share = np.maximum(channel - frames[..., 1], 0).astype(np.float32) / 255
    share[share < MIN_COVERAGE] = 0
    return share


def track_balls(frames: Frames, num_balls: int, method: str = "area") -> Array:
    """Unbiased positions by intensity-weighted centroids.

    Args:
        frames: (N, T, W, W, 3) uint8, row 0 on top; ball 1 red, ball 2 blue.
        method: how the frames were made at that size, "area" or "bare" (see the renderer).
    Returns:
        (N, T, num_balls, 2) world positions, NaN where less is visible than a disc of radius 0.15.
    """
    check_frames(frames)
    width = frames.shape[2]
    pixel, centres = np.arange(width, dtype=np.float64), pixel_centres(width, method)
    least = np.pi * (MIN_RADIUS_WORLD * width / WORLD_SIZE) ** 2
    positions = np.full((*frames.shape[:2], num_balls, 2), np.nan)
    for ball in range(num_balls):
        share = coverage(frames, ball)
        # Stray specks must not pull the centroid: look again in a window around the bulk of the ball.
        bulk = share**2
        total = share.sum(axis=(2, 3), dtype=np.float64)
        weight = np.maximum(bulk.sum(axis=(2, 3), dtype=np.float64), 1e-12)
        centre_col = (bulk.sum(axis=2) @ pixel) / weight
        centre_row = (bulk.sum(axis=3) @ pixel) / weight
        reach = (1.3 * np.sqrt(total / np.pi) + 2)[..., None]
        in_cols = (np.abs(pixel - centre_col[..., None]) <= reach).astype(np.float32)
        in_rows = (np.abs(pixel - centre_row[..., None]) <= reach).astype(np.float32)
        columns = np.einsum("nthw,nth->ntw", share, in_rows, optimize=True) * in_cols
        rows = np.einsum("nthw,ntw->nth", share, in_cols, optimize=True) * in_rows
        area = columns.sum(axis=-1, dtype=np.float64)
        found = area >= least
        with np.errstate(invalid="ignore", divide="ignore"):
            positions[..., ball, 0] = np.where(found, (columns @ centres) / area, np.nan)
            positions[..., ball, 1] = np.where(found, (rows @ centres[::-1]) / area, np.nan)
    return positions
