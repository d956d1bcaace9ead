"""Frames to ball positions: the only place, besides the renderer, where pixels and world units meet.

Two trackers read the same pass over the pixels. The released evaluator's, oddities included (thresholds, divisor W,
missing-ball rules; released data section 7.2); and ours, which inverts the renderer exactly: intensity-weighted
centroid, the renderer's own pixel-to-world map, and NaN where there is no ball. All sums are of whole numbers, so a
result does not depend on their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.jit import jit
from physlaw.render.averaging import NATIVE
from physlaw.worlds.laws import WORLD_SIZE

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]

THRESHOLD = 127
MIN_SHARE = 13  # of 255: a pixel less covered than this, 5 %, is background (noise of generated frames)
MIN_RADIUS_WORLD = 0.15  # a blob of less area than this disc is no ball; half the smallest radius of any scene


def check_frames(frames: Frames) -> None:
    """Raises UserError unless frames are (N, T, W, W, 3) uint8."""
    if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or frames.shape[2] != frames.shape[3]:
        raise UserError(f"frames must be (N, T, W, W, 3) uint8, got {frames.shape} {frames.dtype}")


def pixel_centres(width: int, method: str = "area") -> Array:
    """(W,) world coordinate of each pixel column of a rendered image, or of each row counted from the bottom.

    An area-averaged pixel stands for a block of the 256 image, whose pixel p is at 10 p / 255.
    """
    if method == "bare" or width > NATIVE:
        return WORLD_SIZE * np.arange(width) / (width - 1)
    return WORLD_SIZE * ((np.arange(width) + 0.5) * NATIVE / width - 0.5) / (NATIVE - 1)


@dataclass
class Tracks:
    """Balls in N clips of T frames, world units.

    parsed: (N, T, balls, 2) the released parser's positions. A missing ball is placed by the release's rules: x at the
    wall (single ball and ball 2: 10; ball 1 of two: 0), y at the last frame's y (ball 2: ball 1's), NaN in the first
    frame. parsed_radius: (N, T, balls), a missing ball's is the last frame's, NaN in the first.
    balls: (N, T, balls, 2) unbiased positions, NaN where less is visible than a disc of radius 0.15.
    """

    parsed: Array
    parsed_radius: Array
    balls: Array


_jit: Any = jit(cache=True)


@_jit
def _image_sums(flat, start, width, ball, sums, columns):  # type: ignore[no-untyped-def]
    """Sums over one image for one ball.

    columns: (2, W) int32, scratch. sums: released mask's count, sum of columns, of rows from the bottom; total share;
    squared share's total, and sum of columns and of rows from the top.
    """
    sums[:] = 0
    columns[:] = 0
    row_bytes = 3 * width
    for row in range(width):
        line = np.uint64(start + row * row_bytes)
        # Most rows are nearly white: no channel is so dark that a pixel could count.
        darkest = np.uint8(255)
        for byte in range(np.uint64(row_bytes)):
            darkest = min(darkest, flat[line + byte])
        if darkest > 255 - MIN_SHARE:
            continue
        count = np.int32(0)
        total = np.int32(0)
        bulk = np.int32(0)
        for col in range(np.uint64(width)):
            at = line + np.uint64(3) * col
            red, green, blue = flat[at], flat[at + np.uint64(1)], flat[at + np.uint64(2)]
            mine, other = (red, blue) if ball == 0 else (blue, red)
            masked = np.int32((mine > THRESHOLD) & (green < THRESHOLD) & (other < THRESHOLD))
            share = np.int32(mine) - np.int32(green)
            share = share if share >= MIN_SHARE else np.int32(0)
            square = share * share
            count += masked
            total += share
            bulk += square
            columns[0, col] += masked
            columns[1, col] += square
        sums[0] += count
        sums[2] += np.int64(count) * (width - 1 - row)
        sums[3] += total
        sums[4] += bulk
        sums[6] += np.int64(bulk) * row
    for col in range(width):
        sums[1] += np.int64(columns[0, col]) * col
        sums[5] += np.int64(columns[1, col]) * col


@_jit
def _window_sums(flat, start, width, ball, sums, window):  # type: ignore[no-untyped-def]
    """Share, and its sums of columns and of rows from the bottom, in a square window around the bulk of the ball:
    stray specks must not pull the centroid."""
    window[:] = 0
    if sums[4] == 0:
        return
    column, row_centre = sums[5] / sums[4], sums[6] / sums[4]
    reach = 1.3 * np.sqrt(sums[3] / 255 / np.pi) + 2
    for row in range(max(int(np.ceil(row_centre - reach)), 0), min(int(np.floor(row_centre + reach)) + 1, width)):
        for col in range(max(int(np.ceil(column - reach)), 0), min(int(np.floor(column + reach)) + 1, width)):
            at = start + 3 * (row * width + col)
            share = np.int64(flat[at + 2 * ball]) - np.int64(flat[at + 1])
            if share >= MIN_SHARE:
                window[0] += share
                window[1] += share * col
                window[2] += share * (width - 1 - row)


@_jit
def _moments(flat, num_images, width, num_balls, sums, windows):  # type: ignore[no-untyped-def]
    """Sums of every image and ball; see the two functions above."""
    columns = np.zeros((2, width), np.int32)
    for image in range(num_images):
        start = image * 3 * width * width
        for ball in range(num_balls):
            _image_sums(flat, start, width, ball, sums[image, ball], columns)
            _window_sums(flat, start, width, ball, sums[image, ball], windows[image, ball])


def track(frames: Frames, num_balls: int, method: str = "area") -> Tracks:
    """Find the balls in frames.

    Args:
        frames: (N, T, W, W, 3) uint8, row 0 on top; ball 1 red, ball 2 blue.
        method: how the frames were made at that size, "area" or "bare" (see the renderer).
    Raises:
        UserError: frames of another shape or type.
    """
    check_frames(frames)
    count, length, width = frames.shape[:3]
    sums = np.zeros((count * length, num_balls, 7), dtype=np.int64)
    windows = np.zeros((count * length, num_balls, 3), dtype=np.int64)
    _moments(np.ascontiguousarray(frames).reshape(-1), count * length, width, num_balls, sums, windows)
    sums, windows = (a.reshape(count, length, num_balls, -1) for a in (sums, windows))
    scale, area = WORLD_SIZE / width, sums[..., 0]
    centres = pixel_centres(width, method)
    step = (centres[-1] - centres[0]) / (width - 1)
    found = windows[..., 0] / 255 >= np.pi * (MIN_RADIUS_WORLD * width / WORLD_SIZE) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        parsed = WORLD_SIZE * (sums[..., 1:3] / area[..., None]) / width
        balls = np.where(found[..., None], centres[0] + step * (windows[..., 1:] / windows[..., :1]), np.nan)
    radius = scale * np.sqrt(area / np.pi)
    _place_missing(parsed, radius, area == 0)
    return Tracks(parsed, radius, balls)


def _place_missing(parsed: Array, radius: Array, missing: NDArray[np.bool_]) -> None:
    """The release's rules for a ball that is not seen, in place."""
    num_balls = parsed.shape[2]
    for ball in range(num_balls):
        parsed[..., ball, 0][missing[..., ball]] = 0.0 if num_balls == 2 and ball == 0 else WORLD_SIZE
        for frame in range(parsed.shape[1]):
            gone = missing[:, frame, ball]
            last_y = parsed[:, frame - 1, 0, 1] if frame else np.nan  # of ball 1, whichever is missing
            last_radius = radius[:, frame - 1, ball] if frame else np.nan
            parsed[:, frame, ball, 1] = np.where(gone, last_y, parsed[:, frame, ball, 1])
            radius[:, frame, ball] = np.where(gone, last_radius, radius[:, frame, ball])
