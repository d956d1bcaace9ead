"""The release's renderer: anti-aliased discs, hard squares and rings on white, and its area averages at smaller sizes.

A pixel is a pure function of the objects: pixel (row, column) of a W x W image sits at column / (W-1), row / (W-1) in
units of the world's side, end points included; objects are painted in order; the result is truncated to uint8. Rows
are reversed at the end so that row 0 is the top: the flip between world (y up) and image happens here only.
Source: released data sections 1.1 and 1.2. `render/dense.py` is the same formula over every pixel; this painter
evaluates it only where a rim passes and fills what lies between, with the same bytes.

Below 256 pixels the default is the 256 image averaged over areas: the rim is 1.5 % of the radius wide, far thinner
than a small image's pixel, so the bare formula would hide sub-pixel motion. Above 256 the bare formula is used.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.jit import jit
from physlaw.render.averaging import NATIVE, area_average
from physlaw.render.config import METHODS, check_resolution
from physlaw.render.dense import RIM, RING_HOLE
from physlaw.worlds.appearance import RING, SQUARE
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenes import Trajectory

_SLACK = 1e-3  # pixels; far above rounding errors, so a pixel that is filled without the formula is surely inside
_FAR = 1e3  # world sides; what lies farther away is clamped, so that pixel numbers stay integers


@jit(inline="always")
def _alpha(dx, dy, reach, shape):  # type: ignore[no-untyped-def]
    """Coverage of one pixel: the same operations in the same order as render/dense.py, less the idle divisions."""
    if shape == SQUARE:
        return 1.0 if abs(dx) <= reach and abs(dy) <= reach else 0.0
    d2, reach2 = dx * dx + dy * dy, reach * reach
    if d2 >= reach2:
        return 0.0
    alpha = 1.0
    if reach2 - d2 < RIM * reach2:
        alpha = (reach2 - d2) / (RIM * reach2)
    if shape == RING:
        hole = RING_HOLE * reach
        alpha *= 1.0 - min(max((hole * hole - d2) / (RIM * (hole * hole)), 0.0), 1.0)
    return alpha


@jit(inline="always")
def _clamp(value, low, high):  # type: ignore[no-untyped-def]
    return min(max(value, low), high)


@jit(inline="always")
def _span(x, dy, reach, shape, last):  # type: ignore[no-untyped-def]
    """Columns of a native row at distance dy from the centre: [A, B) may be touched, of these [a, b) are covered
    wholly. Returns A, a, b, B."""
    outer = inner = -1.0
    if shape == SQUARE:
        if abs(dy) <= reach * (1 + 1e-9):
            outer = reach
        if abs(dy) <= reach * (1 - 1e-9):
            inner = reach
    else:
        rest, full = reach * reach - dy * dy, (1.0 - RIM) * reach * reach - dy * dy
        if rest > 0:
            outer = math.sqrt(rest)
        if full > 0 and shape != RING:
            inner = math.sqrt(full)
    if outer < 0:
        return 0, 0, 0, 0
    begin = _clamp(math.ceil((x - outer) * last - _SLACK), 0, last + 1)
    finish = _clamp(math.floor((x + outer) * last + _SLACK) + 1, begin, last + 1)
    if inner < 0:
        return begin, finish, finish, finish
    full_from = _clamp(math.ceil((x - inner) * last + _SLACK), begin, finish)
    full_to = _clamp(math.floor((x + inner) * last - _SLACK) + 1, full_from, finish)
    return begin, full_from, full_to, finish


@jit
def _find_boxes(centres, looks, scene, frame, last, boxes, zones):  # type: ignore[no-untyped-def]
    """The native pixels that each object may touch: columns [0, 1) and rows [2, 3), rows counted from the bottom; and
    the zones in the same form that two objects may share. Returns the number of zones."""
    count = 0
    for k in range(looks.shape[1]):
        reach = looks[scene, k, 0]
        for axis in range(2):
            centre = centres[scene, frame, k, axis]
            low = _clamp(math.ceil((centre - reach) * last - _SLACK), 0, last + 1)
            high = _clamp(math.floor((centre + reach) * last + _SLACK) + 1, low, last + 1)
            boxes[k, 2 * axis], boxes[k, 2 * axis + 1] = low, high
        if reach == 0 or boxes[k, 0] == boxes[k, 1] or boxes[k, 2] == boxes[k, 3]:
            boxes[k] = 0
        for j in range(k):
            for axis in range(2):
                zones[count, 2 * axis] = max(boxes[k, 2 * axis], boxes[j, 2 * axis])
                zones[count, 2 * axis + 1] = min(boxes[k, 2 * axis + 1], boxes[j, 2 * axis + 1])
            count += zones[count, 0] < zones[count, 1] and zones[count, 2] < zones[count, 3]
    return count


@jit(inline="always")
def _taken(alpha, colour):  # type: ignore[no-untyped-def]
    """What an object takes from one channel of a white pixel."""
    return 255 - int((1.0 - alpha) * 255.0 + alpha * colour)


@jit(inline="always")
def _row_taken(left, right, span, x, dy, look, axis):  # type: ignore[no-untyped-def]
    """What one object takes from native pixels [left, right) of a row: the number of wholly covered ones, and the
    sums over the others per channel."""
    r = g = b = 0
    begin, finish = max(left, span[0]), min(right, span[3])
    full_from, full_to = max(left, span[1]), min(right, span[2])
    covered = full_to - full_from
    if covered >= right - left:
        return covered, r, g, b
    if covered <= 0:
        covered, full_from, full_to = 0, finish, finish
    native = begin
    while native < finish:
        if native == full_from:
            native = full_to
            continue
        alpha = _alpha(axis[native] - x, dy, look[0], look[1])
        if alpha > 0:
            r += _taken(alpha, look[2])
            g += _taken(alpha, look[3])
            b += _taken(alpha, look[4])
        native += 1
    return covered, r, g, b


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _paint_object(out, flat, scene, frame, k, boxes, spans, solids, shift, axis, centres, looks):  # type: ignore[no-untyped-def]
    """Paint object k into a frame, exactly where it shares no native pixel with another object."""
    width, last, factor = out.shape[2], len(axis) - 1, 1 << shift
    area_shift = 2 * shift
    white = (255 << area_shift) + (1 << area_shift) // 2
    x, y = centres[scene, frame, k, 0], centres[scene, frame, k, 1]
    look = (
        looks[scene, k, 0], int(looks[scene, k, 1]), looks[scene, k, 2], looks[scene, k, 3], looks[scene, k, 4]
    )  # fmt: skip
    for row in range(boxes[k, 2] >> shift, (boxes[k, 3] + factor - 1) >> shift):
        flipped = width - 1 - row
        low, high, full_from, full_to = last + 1, 0, 0, last + 1
        for sub in range(factor):
            span = _span(x, axis[(row << shift) + sub] - y, look[0], look[1], last)
            spans[sub, 0], spans[sub, 1], spans[sub, 2], spans[sub, 3] = span
            if span[0] < span[3]:
                low, high = min(low, span[0]), max(high, span[3])
            full_from, full_to = max(full_from, span[1]), min(full_to, span[2])
        if low >= high:
            continue
        first, final = low >> shift, (high + factor - 1) >> shift
        solid = _clamp((full_from + factor - 1) >> shift, first, final)
        stop = _clamp(full_to >> shift, solid, final)
        # One plain copy. Unsigned numbers, whose sign is not asked, let the compiler use wide moves: 20 times faster.
        line = np.uint64(((scene * out.shape[1] + frame) * width + flipped) * 3 * width)
        colour = np.uint64(k * 3 * width)
        for byte in range(np.uint64(3 * solid), np.uint64(3 * stop)):
            flat[line + byte] = solids[colour + byte]
        for edge in range((solid - first) + (final - stop)):
            col = first + edge if edge < solid - first else stop + edge - (solid - first)
            left, right = col << shift, (col + 1) << shift
            r = g = b = white
            for sub in range(factor):
                span = (spans[sub, 0], spans[sub, 1], spans[sub, 2], spans[sub, 3])
                taken = _row_taken(left, right, span, x, axis[(row << shift) + sub] - y, look, axis)
                r -= taken[1] + taken[0] * (255 - int(look[2]))
                g -= taken[2] + taken[0] * (255 - int(look[3]))
                b -= taken[3] + taken[0] * (255 - int(look[4]))
            for j in range(looks.shape[1]):  # what else lies in this block, on other native pixels
                if j == k or boxes[j, 1] <= left or boxes[j, 0] >= right:
                    continue
                other = (
                    looks[scene, j, 0], int(looks[scene, j, 1]), looks[scene, j, 2], looks[scene, j, 3],
                    looks[scene, j, 4],
                )  # fmt: skip
                xj, yj = centres[scene, frame, j, 0], centres[scene, frame, j, 1]
                for place in range(max(row << shift, boxes[j, 2]), min((row + 1) << shift, boxes[j, 3])):
                    dy = axis[place] - yj
                    taken = _row_taken(left, right, _span(xj, dy, other[0], other[1], last), xj, dy, other, axis)
                    r -= taken[1] + taken[0] * (255 - int(other[2]))
                    g -= taken[2] + taken[0] * (255 - int(other[3]))
                    b -= taken[3] + taken[0] * (255 - int(other[4]))
            out[scene, frame, flipped, col, 0] = r >> area_shift
            out[scene, frame, flipped, col, 1] = g >> area_shift
            out[scene, frame, flipped, col, 2] = b >> area_shift


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _paint_zone(out, scene, frame, zone, boxes, shift, axis, centres, looks):  # type: ignore[no-untyped-def]
    """Paint the blocks of a zone again, native pixel by native pixel with every object, in order."""
    width, factor = out.shape[2], 1 << shift
    white = (255 << (2 * shift)) + (1 << (2 * shift)) // 2
    for row in range(zone[2] >> shift, (zone[3] + factor - 1) >> shift):
        for col in range(zone[0] >> shift, (zone[1] + factor - 1) >> shift):
            r = g = b = white
            for y in range(row << shift, (row + 1) << shift):
                for x in range(col << shift, (col + 1) << shift):
                    red = green = blue = 255.0
                    for j in range(looks.shape[1]):
                        if boxes[j, 0] <= x < boxes[j, 1] and boxes[j, 2] <= y < boxes[j, 3]:
                            dx, dy = axis[x] - centres[scene, frame, j, 0], axis[y] - centres[scene, frame, j, 1]
                            alpha = _alpha(dx, dy, looks[scene, j, 0], int(looks[scene, j, 1]))
                            if alpha > 0:
                                red = (1.0 - alpha) * red + alpha * looks[scene, j, 2]
                                green = (1.0 - alpha) * green + alpha * looks[scene, j, 3]
                                blue = (1.0 - alpha) * blue + alpha * looks[scene, j, 4]
                    r -= 255 - int(red)
                    g -= 255 - int(green)
                    b -= 255 - int(blue)
            out[scene, frame, width - 1 - row, col, 0] = r >> (2 * shift)
            out[scene, frame, width - 1 - row, col, 1] = g >> (2 * shift)
            out[scene, frame, width - 1 - row, col, 2] = b >> (2 * shift)


@jit(cache=True)
def _paint(out, centres, looks, axis):  # type: ignore[no-untyped-def]
    """Paint clips.

    out: (N, T, W, W, 3) uint8. centres: (N, T, B, 2) in units of the world's side. looks: (N, B, 5) reach in the same
    unit, shape, red, green, blue. axis: coordinates of the native pixels; their number is W times a power of two.
    """
    last, shift = len(axis) - 1, 0
    while out.shape[2] << shift < len(axis):
        shift += 1
    boxes, spans = np.zeros((looks.shape[1], 4), np.int64), np.zeros((1 << shift, 4), np.int64)
    zones = np.zeros((looks.shape[1] * (looks.shape[1] - 1) // 2 + 1, 4), np.int64)
    flat, frame_bytes = out.reshape(-1), 3 * out.shape[2] * out.shape[2]
    line_bytes = 3 * out.shape[2]
    solids = np.zeros(looks.shape[1] * line_bytes, np.uint8)  # a line in each object's colour
    for scene in range(out.shape[0]):
        for k in range(looks.shape[1]):
            for byte in range(line_bytes):
                solids[k * line_bytes + byte] = np.uint8(looks[scene, k, 2 + byte % 3])
        for frame in range(out.shape[1]):
            start = (scene * out.shape[1] + frame) * frame_bytes
            flat[start : start + frame_bytes] = 255
            num_zones = _find_boxes(centres, looks, scene, frame, last, boxes, zones)
            for k in range(looks.shape[1]):
                _paint_object(out, flat, scene, frame, k, boxes, spans, solids, shift, axis, centres, looks)
            for zone in range(num_zones):
                _paint_zone(out, scene, frame, zones[zone], boxes, shift, axis, centres, looks)


def render_clips(
    trajectory: Trajectory,
    resolution: int = NATIVE,
    method: str = "area",
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Frames of N scenes.

    Args:
        trajectory: N scenes of T frames.
        resolution: side in pixels, 16 to 512.
        method: "area", the 256 image averaged over areas (sizes below 256), or "bare", the formula at that size.
        out: where to paint, C-contiguous; a new array by default. Fresh memory costs more than painting.
    Returns:
        (N, T, resolution, resolution, 3) uint8 RGB, row 0 on top.
    Raises:
        UserError: resolution or method is not valid, or a position or radius is not finite (names the scene).
    """
    check_resolution(resolution)
    if method not in METHODS:
        raise unknown("rendering method", method, METHODS)
    bad = ~(np.isfinite(trajectory.positions).all(axis=(1, 2, 3)) & np.isfinite(trajectory.radii).all(axis=1))
    if bad.any():
        raise UserError(f"scene {int(bad.argmax())} has a position or radius that is not finite")
    shape = (*trajectory.positions.shape[:2], resolution, resolution, 3)
    frames = np.empty(shape, dtype=np.uint8) if out is None else out
    if frames.shape != shape or frames.dtype != np.uint8 or not frames.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous {shape} uint8, got {frames.shape} {frames.dtype}")
    averaged = method == "area" and resolution < NATIVE
    if averaged and NATIVE % resolution:
        # Not a divisor of 256: average fractional areas, scene by scene to bound memory.
        for scene in range(trajectory.num_scenes):
            frames[scene] = area_average(render_clips(trajectory[scene : scene + 1], NATIVE)[0], resolution)
        return frames
    centres = np.clip(trajectory.positions / WORLD_SIZE, -_FAR, _FAR)
    looks = np.empty((*trajectory.radii.shape, 5))
    looks[..., 0], looks[..., 1] = np.minimum(trajectory.radii / WORLD_SIZE, _FAR), trajectory.shapes
    looks[..., 2:] = trajectory.colours
    native = NATIVE if averaged else resolution
    _paint(frames, centres, looks, np.arange(native) / (native - 1))
    return frames
