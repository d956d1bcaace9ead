"""The combinatorial world's renderer: hard-edged bodies on white, and its area averages at smaller sizes.

A pixel (column i, row j from the bottom) of the 512 px picture belongs to a piece iff its centre (i + 0.5, j + 0.5)
is inside: dx^2 + dy^2 <= r^2 for a circle; for a polygon with edges (ax, ay) to (bx, by), counter-clockwise,
(bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0 for every edge. The last body that holds a pixel gives its colour.
Row 0 is the top: the flip between world (y up) and image happens here only. Pictures smaller than 512 px average whole
blocks of the 512 px picture's colours, rounded half up. Source: released combinatorial data, section 1.
In every row each convex piece is one span of columns. Pixels hold the number of their topmost body, so that painting a
span is a maximum, in any order. A frame is a copy of the one before; only pixels where some span's ends moved are
painted and averaged again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.jit import jit
from physlaw.render.config import check_resolution
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import SIDE, WHITE, Packed

MAX_BODIES = 255  # a pixel's body number is one byte
_SLACK = 1e-6  # px; far above rounding errors, so that a column farther than this from an edge is on its true side
_FAR = 1e6  # px; what lies farther away is clamped
_FIELD = 20  # bits; a colour is one number with a field per channel, in which the pixels of a block add up

Array = NDArray[np.floating]


@jit(inline="always")
def _clamp(value, low, high):  # type: ignore[no-untyped-def]
    return min(max(value, low), high)


@jit(inline="always")
def _rows(bottom, top):  # type: ignore[no-untyped-def]
    """Picture rows [first, end) that heights bottom to top may touch; one too many at either side does no harm."""
    first = _clamp(math.floor(SIDE - 0.5 - top), 0, SIDE)
    return first, _clamp(math.ceil(SIDE - 0.5 - bottom) + 1, first, SIDE)


@jit
def _circle_spans(spans, x, y, radius):  # type: ignore[no-untyped-def]
    """Write the columns [begin, end) of each row that a circle holds; returns the rows written."""
    first, finish = _rows(y - radius, y + radius)
    # An estimate of each end is moved to where the rule itself changes.
    middle, limit = _clamp(math.floor(x), 0, SIDE - 1), radius * radius  # no column is nearer to the centre
    for row in range(first, finish):
        dy = SIDE - 0.5 - row - y
        dy2, dx = dy * dy, middle + 0.5 - x
        spans[row, 0] = spans[row, 1] = 0
        if dx * dx + dy2 <= limit:
            half = math.sqrt(max(limit - dy2, 0.0))
            begin = _clamp(math.ceil(x - half - 0.5), 0, middle)
            end = _clamp(math.floor(x + half - 0.5) + 1, middle + 1, SIDE)
            while begin > 0 and (begin - 0.5 - x) * (begin - 0.5 - x) + dy2 <= limit:
                begin -= 1
            while (begin + 0.5 - x) * (begin + 0.5 - x) + dy2 > limit:
                begin += 1
            while end < SIDE and (end + 0.5 - x) * (end + 0.5 - x) + dy2 <= limit:
                end += 1
            while (end - 0.5 - x) * (end - 0.5 - x) + dy2 > limit:
                end -= 1
            spans[row, 0], spans[row, 1] = begin, end
    return first, finish


@jit(inline="always")
def _edge_column(cut, run, rise, ax):  # type: ignore[no-untyped-def]
    """The first column right of an edge whose inner side is left of it (rise > 0), or the first column inside."""
    floor = math.floor(cut)
    left = rise > 0
    column = floor + 1 if left or cut > floor else floor
    if cut - floor < _SLACK or cut - floor > 1 - _SLACK:  # a pixel's centre is all but on the edge: ask the rule
        column = _clamp(column, 0, SIDE)
        while column > 0 and (run - rise * (column - 0.5 - ax) >= 0) != left:
            column -= 1
        while column < SIDE and (run - rise * (column + 0.5 - ax) >= 0) == left:
            column += 1
    return column


@jit
def _polygon_spans(spans, corners):  # type: ignore[no-untyped-def]
    """Write the columns [begin, end) of each row that a polygon holds; returns the rows written."""
    bottom = top = corners[0, 1]
    for k in range(1, len(corners)):
        bottom, top = min(bottom, corners[k, 1]), max(top, corners[k, 1])
    first, finish = _rows(bottom, top)
    for row in range(first, finish):
        spans[row, 0], spans[row, 1] = 0, SIDE
    for k in range(len(corners)):
        following = k + 1 if k + 1 < len(corners) else 0
        ax, ay = corners[k, 0], corners[k, 1]
        step, rise = corners[following, 0] - ax, corners[following, 1] - ay
        near = _rows(min(ay, ay + rise), max(ay, ay + rise))  # elsewhere other edges cut off more
        for row in range(near[0], near[1]):
            run = step * (SIDE - 0.5 - row - ay)
            if rise == 0.0:
                if run < 0:
                    spans[row, 1] = 0
                continue
            column = _edge_column(_clamp(ax + run / rise - 0.5, -2.0, SIDE + 2.0), run, rise, ax)
            if rise > 0:
                spans[row, 1] = min(spans[row, 1], column)
            else:
                spans[row, 0] = max(spans[row, 0], column)
    for row in range(first, finish):
        if spans[row, 0] >= spans[row, 1]:
            spans[row, 0] = spans[row, 1] = 0
    return first, finish


@jit(inline="always")
def _changed(a, b, c, d):  # type: ignore[no-untyped-def]
    """Two spans, left and right, that hold every column in just one of the spans [a, b) and [c, d)."""
    if a == b:
        return c, c, c, d
    if c == d:
        return a, a, a, b
    return min(a, c), max(a, c), min(b, d), max(b, d)


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _move_piece(piece, spans, fresh, rows, now, canvas, ground, shift, stale, counts):  # type: ignore[no-untyped-def]
    """Take over a piece's new spans: clear the pixels that changed and note their blocks."""
    begin, finish = min(now[0], rows[piece, 0]), max(now[1], rows[piece, 1])
    rows[piece, 0], rows[piece, 1] = now
    last = canvas.shape[1]
    for block in range(begin >> shift, (finish + (1 << shift) - 1) >> shift):
        hull = (last, 0, last, 0)
        for row in range(max(begin, block << shift), min(finish, (block + 1) << shift)):
            a, b = spans[piece, row, 0], spans[piece, row, 1]
            c = d = 0
            if now[0] <= row < now[1]:
                c, d = fresh[row, 0], fresh[row, 1]
            if a == c and b == d:
                continue
            spans[piece, row, 0], spans[piece, row, 1] = c, d
            left, left_end, right, right_end = _changed(a, b, c, d)
            line, below = canvas[row], ground[row]
            for column in range(np.uint64(left), np.uint64(left_end)):
                line[column] = below[column]
            for column in range(np.uint64(right), np.uint64(right_end)):
                line[column] = below[column]
            if left < left_end:
                hull = (min(hull[0], left), max(hull[1], left_end), hull[2], hull[3])
            if right < right_end:
                hull = (hull[0], hull[1], min(hull[2], right), max(hull[3], right_end))
        for low, high in ((hull[0], hull[1]), (hull[2], hull[3])):
            if low < high:
                stale[block, counts[block], 0] = low >> shift
                stale[block, counts[block], 1] = (high + (1 << shift) - 1) >> shift
                counts[block] += 1


@jit
def _cover(canvas, spans, rows, number, shift, counts):  # type: ignore[no-untyped-def]
    """Put a piece's body number wherever no later body lies, in the rows that changed."""
    for row in range(rows[0], rows[1]):
        if counts[row >> shift]:
            line = canvas[row]
            for column in range(np.uint64(spans[row, 0]), np.uint64(spans[row, 1])):
                line[column] = max(line[column], number)


@jit(inline="always")
def _total(canvas, colours, block, place, shift):  # type: ignore[no-untyped-def]
    """The sum of a block's colours, field by field."""
    total = 0
    for row in range(block << shift, (block + 1) << shift):
        for column in range(place << shift, (place + 1) << shift):
            total += colours[canvas[row, column]]
    return total


@jit
def _average(out, canvas, colours, shift, stale, counts):  # type: ignore[no-untyped-def]
    """Average the noted blocks into one frame, and forget the notes."""
    red, green, blue = 2 * shift, 2 * shift + _FIELD, 2 * shift + 2 * _FIELD
    half = (1 << red) >> 1
    start = half + (half << _FIELD) + (half << (2 * _FIELD))
    for block in range(len(counts)):
        for k in range(counts[block]):
            for place in range(np.uint64(stale[block, k, 0]), np.uint64(stale[block, k, 1])):
                if shift == 1:
                    upper, lower, left = canvas[2 * block], canvas[2 * block + 1], place + place
                    right = left + np.uint64(1)
                    total = colours[upper[left]] + colours[upper[right]] + colours[lower[left]] + colours[lower[right]]
                else:
                    total = _total(canvas, colours, block, np.int64(place), shift)
                total += start
                out[block, place, 0] = (total >> red) & 255
                if out.shape[2] == 3:
                    out[block, place, 1] = (total >> green) & 255
                    out[block, place, 2] = (total >> blue) & 255
        counts[block] = 0


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit(cache=True)
def _paint(out, colours, owners, radii, starts, vertices, poses, turns, moving):  # type: ignore[no-untyped-def]
    """Paint a clip. out: (T, W, W, C) uint8, C = 1 or 3, the first frame blank. colours: (B + 1,) int64, of no body and
    of each. owners, radii, starts, vertices: as in Packed. poses: (T, B, 3). turns: (T, B, 2) cosine, sine. moving:
    (B,) bool."""
    shift = 0
    while out.shape[1] << shift < SIDE:
        shift += 1
    pieces, frame_bytes = len(owners), np.uint64(out.shape[1] * out.shape[1] * out.shape[3])
    ground, canvas = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    spans, fresh = np.zeros((pieces, SIDE, 2), np.int32), np.zeros((SIDE, 2), np.int32)
    rows = np.zeros((pieces, 2), np.int64)
    stale, counts = np.zeros((out.shape[1], 2 * pieces, 2), np.int64), np.zeros(out.shape[1], np.int64)
    flat, corners = out.reshape(-1), np.empty_like(vertices)
    for frame in range(out.shape[0]):
        if frame:
            target, source = np.uint64(frame) * frame_bytes, np.uint64(frame - 1) * frame_bytes
            for byte in range(frame_bytes):  # unsigned, so that the compiler uses wide moves
                flat[target + byte] = flat[source + byte]
        for piece in range(pieces):
            body = owners[piece]
            if frame and not moving[body]:
                continue
            x, y = poses[frame, body, 0], poses[frame, body, 1]
            if radii[piece] > 0:
                now = _circle_spans(fresh, x, y, radii[piece])
            else:
                cos, sin = turns[frame, body, 0], turns[frame, body, 1]
                for k in range(starts[piece], starts[piece + 1]):
                    corners[k, 0] = x + (cos * vertices[k, 0] - sin * vertices[k, 1])
                    corners[k, 1] = y + (sin * vertices[k, 0] + cos * vertices[k, 1])
                now = _polygon_spans(fresh, corners[starts[piece] : starts[piece + 1]])
            _move_piece(piece, spans, fresh, rows, now, canvas, ground, shift, stale, counts)
            if not moving[body]:
                _cover(ground, spans[piece], rows[piece], np.uint8(body + 1), shift, counts)
        for piece in range(pieces):
            if moving[owners[piece]] or frame == 0:
                _cover(canvas, spans[piece], rows[piece], np.uint8(owners[piece] + 1), shift, counts)
        _average(out[frame], canvas, colours, shift, stale, counts)


def _paint_clip(bodies: Packed, poses: Array, colours: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Check the poses, place the vertices and paint; colours: (B,) of the bodies; out: blank."""
    count = len(bodies.colours)
    if poses.ndim != 3 or poses.shape[1:] != (count, 3):
        raise UserError(f"poses must be (frames, {count} bodies, 3), got {poses.shape}")
    if count > MAX_BODIES:
        raise UserError(f"a scene may have at most {MAX_BODIES} bodies, got {count}")
    bad = ~np.isfinite(poses).all(axis=2)
    if bad.any():
        frame, body = np.argwhere(bad)[0]
        raise UserError(f"frame {frame}: the pose of body {body} is not finite: {poses[frame, body]}")
    poses = poses.astype(np.float64)
    poses[..., :2] = np.clip(poses[..., :2], -_FAR, _FAR)
    turns = np.stack([np.cos(poses[..., 2]), np.sin(poses[..., 2])], axis=-1)
    moving = (poses != poses[:1]).any(axis=(0, 2))
    _paint(out, colours, bodies.owners, bodies.radii, bodies.starts, bodies.vertices, poses, turns, moving)


def index_pictures(bodies: Packed, poses: Array) -> NDArray[np.uint8]:
    """Palette indices of one clip at full size.

    bodies: B of them in drawing order. poses: (T, B, 3) x, y (px) and angle (radians) of each body's frame. Returns
    (T, 512, 512) uint8, row 0 on top.

    Raises:
        UserError: poses have the wrong shape or are not finite (names frame and body), or more than 255 bodies.
    """
    out = np.zeros((len(poses), SIDE, SIDE, 1), dtype=np.uint8)
    _paint_clip(bodies, poses, np.array([WHITE, *bodies.colours], dtype=np.int64), out)
    return out[..., 0]


def render_bodies(
    bodies: Packed, poses: Array, resolution: int = 256, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Frames of one clip of bodies at poses, both as index_pictures has them.

    resolution: side in pixels: 16, 32, 64, 128, 256 or 512. out: where to paint, C-contiguous; a new array by default
    (fresh memory costs more than painting). Returns (T, resolution, resolution, 3) uint8 RGB, row 0 on top.

    Raises:
        UserError: the resolution does not divide 512 or is out of range, or as index_pictures.
    """
    check_resolution(resolution)
    if SIDE % resolution:
        raise UserError(f"resolution must divide {SIDE}, got {resolution}")
    shape = (len(poses), resolution, resolution, 3)
    frames = np.empty(shape, dtype=np.uint8) if out is None else out
    if frames.shape != shape or frames.dtype != np.uint8 or not frames.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous {shape} uint8, got {frames.shape} {frames.dtype}")
    frames[:1] = 255  # white in every channel
    packed = PALETTE.astype(np.int64) @ (1 << (_FIELD * np.arange(3)))
    _paint_clip(bodies, poses, packed[[WHITE, *bodies.colours]], frames)
    return frames
