"""The release's renderer: anti-aliased discs and hard squares on white, and its area averages at smaller sizes.

A pixel is a pure function of the objects: pixel (row, column) of a W x W image sits at column / (W-1), row / (W-1) in
units of the world's side, end points included; objects are painted in order; the result is truncated to uint8. Rows
are reversed at the end so that row 0 is the top: the flip between world (y up) and image happens here only.
Source: released data sections 1.1 and 1.2.

Below 256 pixels the default is the 256 image averaged over areas: the rim is 1.5 % of the radius wide, far thinner
than a small image's pixel, so the bare formula would hide sub-pixel motion. Above 256 the bare formula is used.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from physlaw.errors import unknown
from physlaw.render.config import METHODS, check_resolution
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenes import Trajectory

NATIVE = 256
_RIM = 0.03


@njit(inline="always", nogil=True)
def _shade(x, y, centre, reach, square, colour, below):  # type: ignore[no-untyped-def]
    """One colour channel of one pixel after painting one object over `below`."""
    dx, dy = x - centre[0], y - centre[1]
    if square:
        return colour if abs(dx) <= reach and abs(dy) <= reach else below
    d2, reach2 = dx * dx + dy * dy, reach * reach
    if d2 >= reach2:
        return below
    alpha = min((reach2 - d2) / (_RIM * reach2), 1.0)
    return (1.0 - alpha) * below + alpha * colour


@njit(nogil=True, cache=True)
def _paint(out, centres, reaches, colours, squares, native):  # type: ignore[no-untyped-def]
    """Paint every frame of one clip.

    out: (T, W, W, 3) uint8, white. centres: (T, B, 2) and reaches: (B,) in units of the world's side.
    native: side of the image that the formula is evaluated at, a multiple of W.
    """
    num_frames, width = out.shape[0], out.shape[1]
    balls = reaches.shape[0]
    factor = native // width
    area = factor * factor
    last = native - 1
    for frame in range(num_frames):
        for ball in range(balls):
            cx, cy, reach = centres[frame, ball, 0], centres[frame, ball, 1], reaches[ball]
            # Bounding box in output pixels; one native pixel of slack on each side.
            first_col = max(int(np.floor((cx - reach) * last)) // factor, 0)
            final_col = min((int(np.ceil((cx + reach) * last)) + 1) // factor, width - 1)
            first_row = max(int(np.floor((cy - reach) * last)) // factor, 0)
            final_row = min((int(np.ceil((cy + reach) * last)) + 1) // factor, width - 1)
            for row in range(first_row, final_row + 1):
                for col in range(first_col, final_col + 1):
                    red = green = blue = 0
                    for sub_row in range(row * factor, (row + 1) * factor):
                        y = sub_row / last
                        for sub_col in range(col * factor, (col + 1) * factor):
                            x = sub_col / last
                            r = g = b = 255.0
                            # Every object, not only this one: overlaps come out in painting order.
                            for k in range(balls):
                                centre, square, colour = centres[frame, k], squares[k], colours[k]
                                r = _shade(x, y, centre, reaches[k], square, float(colour[0]), r)
                                g = _shade(x, y, centre, reaches[k], square, float(colour[1]), g)
                                b = _shade(x, y, centre, reaches[k], square, float(colour[2]), b)
                            red += int(r)
                            green += int(g)
                            blue += int(b)
                    flipped = width - 1 - row
                    out[frame, flipped, col, 0] = (red + area // 2) // area
                    out[frame, flipped, col, 1] = (green + area // 2) // area
                    out[frame, flipped, col, 2] = (blue + area // 2) // area


def area_weights(resolution: int) -> NDArray[np.float64]:
    """(resolution, 256): row i holds the share of each native pixel in averaged pixel i; rows sum to 1."""
    edges = np.arange(resolution + 1) * (NATIVE / resolution)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(NATIVE)[None]
    overlap = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return overlap / overlap.sum(axis=1, keepdims=True)


def area_average(frames: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """(..., 256, 256, C) uint8 -> (..., resolution, resolution, C) uint8, rounded half up."""
    weights = area_weights(resolution)
    averaged = np.einsum("ih,...hwc->...iwc", weights, frames.astype(np.float64), optimize=True)
    averaged = np.einsum("jw,...iwc->...ijc", weights, averaged, optimize=True)
    return np.floor(averaged + 0.5 + 1e-9).astype(np.uint8)


def render_clips(trajectory: Trajectory, resolution: int = NATIVE, method: str = "area") -> NDArray[np.uint8]:
    """Frames of N scenes.

    Args:
        trajectory: N scenes of T frames.
        resolution: side in pixels, 16 to 512.
        method: "area", the 256 image averaged over areas (sizes below 256), or "bare", the formula at that size.
    Returns:
        (N, T, resolution, resolution, 3) uint8 RGB, row 0 on top.
    Raises:
        UserError: resolution or method is not valid.
    """
    check_resolution(resolution)
    if method not in METHODS:
        raise unknown("rendering method", method, METHODS)
    averaged = method == "area" and resolution < NATIVE
    if averaged and NATIVE % resolution:
        # Not a divisor of 256: average fractional areas, scene by scene to bound memory.
        out = np.empty((*trajectory.positions.shape[:2], resolution, resolution, 3), dtype=np.uint8)
        for scene in range(trajectory.num_scenes):
            part = slice(scene, scene + 1)
            one = Trajectory(
                trajectory.positions[part], trajectory.radii[part], trajectory.colours[part], trajectory.shapes[part]
            )
            out[scene] = area_average(render_clips(one, NATIVE)[0], resolution)
        return out
    native = NATIVE if averaged else resolution
    centres = np.ascontiguousarray(trajectory.positions / WORLD_SIZE)
    reaches = np.ascontiguousarray(trajectory.radii / WORLD_SIZE)
    colours, squares = np.ascontiguousarray(trajectory.colours), trajectory.shapes == 1
    frames = np.full((*centres.shape[:2], resolution, resolution, 3), 255, dtype=np.uint8)
    for scene in range(trajectory.num_scenes):
        _paint(frames[scene], centres[scene], reaches[scene], colours[scene], squares[scene], native)
    return frames
