"""Look for rigid bodies that a fit of one picture left in the wrong place.

Pictures are (3, H, H) coverage of red, gray and black, as in fit; a pyramid is a tuple of pictures, each half as
wide as the next; the first may be empty. Scratches belong to a pyramid's pictures.
"""

from __future__ import annotations

import math

import numpy as np

from physlaw.tracking.bodies import jit
from physlaw.tracking.bodies.drawing import PAD, draw_body
from physlaw.tracking.bodies.fit import add_patch, draw_all, fit, gain_of, refit
from physlaw.tracking.bodies.residuals import blame_bodies, unexplained
from physlaw.worlds.bodies import SIDE

_ROUNDS = 3
_SCAN_WIDTH = 32  # pixels of the pictures in which bodies are looked for
_SMALL = 60.0  # px from centre to corner; smaller bodies are looked for in pictures of twice that width
_MOST_TURNS = 64
_STARTS = 4  # of the angles of a scan, this many are fitted
_OFF_CENTRE = 0.2  # pixels; a ball that fills just a pixel would not move
_SHAKES = 40
_LESS = 0.98  # a sum of squares must fall to this share for a new arrangement to be taken
_BLAMED = 0.15  # share of the most blamed body's part from which on a body counts as blamed


@jit
def _halve(picture, out):  # type: ignore[no-untyped-def]
    """(3, H, H) padded picture -> the one of half the width."""
    half = out.shape[1] - 2 * PAD
    out[:] = 0.0
    for channel in range(len(out)):
        for row in range(half):
            for column in range(half):
                a, b = PAD + 2 * row, PAD + 2 * column
                out[channel, PAD + row, PAD + column] = (
                    picture[channel, a, b] + picture[channel, a, b + 1]
                    + picture[channel, a + 1, b] + picture[channel, a + 1, b + 1]
                ) / 4  # fmt: skip


@jit
def shrink(picture, pyramid):  # type: ignore[no-untyped-def]
    """Fill a pyramid from its finest, the last picture."""
    last = len(pyramid) - 1
    pyramid[last][:] = picture
    for level in range(last - 1, -1, -1):
        _halve(pyramid[level + 1], pyramid[level])


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _scan(d, residual, centre, radius, kit, patch, box, poses, scores):  # type: ignore[no-untyped-def]
    """The best place of body d in a residual (H, H) for each of some angles of its period, whole pixels apart.

    Only places within radius (px) of centre (3,) are tried. poses: (turns, 3), scores: (turns,) by how much the sum of
    squares falls."""
    size, turns = residual.shape[0], len(scores)
    width = size - 2 * PAD
    pixel, home = SIDE / width, width // 2
    first_x, last_x = max(0, int((centre[0] - radius) / pixel)), min(width - 1, int((centre[0] + radius) / pixel))
    first_y, last_y = max(0, int((centre[1] - radius) / pixel)), min(width - 1, int((centre[1] + radius) / pixel))
    cells = np.zeros((patch.shape[1] * patch.shape[2], 2), np.int64)
    middle = np.array([(home + 0.5) * pixel, (home + 0.5) * pixel, 0.0])
    for turn in range(turns):
        middle[2] = centre[2] + turn * kit.periods[d] / turns
        scores[turn] = -1e9
        # Drawn once in the middle; whole pixels only move the patch.
        draw_body(d, middle, kit, width, patch, box)
        row0, column0, rows, columns = box
        count, own = 0, 0.0
        for row in range(rows):
            for column in range(columns):
                if patch[0, row, column] != 0.0:
                    cells[count, 0], cells[count, 1] = row, column
                    own += patch[0, row, column] ** 2
                    count += 1
        for at_y in range(first_y, last_y + 1):
            for at_x in range(first_x, last_x + 1):
                down, right = row0 + home - at_y, column0 + at_x - home
                if down < 0 or right < 0 or down + rows > size or right + columns > size:
                    continue
                total = 0.0
                for k in range(count):
                    row, column = cells[k]
                    total += patch[0, row, column] * residual[down + row, right + column]
                if 2 * total - own > scores[turn]:
                    scores[turn] = 2 * total - own
                    poses[turn, 0], poses[turn, 1] = (at_x + 0.5) * pixel, (at_y + 0.5) * pixel
                    poses[turn, 2] = middle[2]


@jit
def _look_for(d, pyramid, centre, radius, kit, scratches, pose):  # type: ignore[no-untyped-def]
    """Find body d in a pyramid of what other bodies leave over; returns by how much the sum of squares falls."""
    scan_width = _SCAN_WIDTH if kit.reaches[d] > _SMALL else 2 * _SCAN_WIDTH
    finest = len(pyramid) - 1
    level = 0
    while level < finest and pyramid[level].shape[1] < scan_width + 2 * PAD:
        level += 1
    turns = 1
    if kit.periods[d] > 0:
        turns = min(max(8, math.ceil(1.5 * kit.periods[d] * kit.reaches[d] * scan_width / SIDE)), _MOST_TURNS)
    poses, scores = np.zeros((turns, 3)), np.zeros(turns)
    patch, box, channel = scratches[level].patches[d], scratches[level].boxes[d], kit.channels[d]
    _scan(d, pyramid[level][channel], centre, radius, kit, patch, box, poses, scores)
    alone, tried = np.zeros(len(kit.channels), np.bool_), np.zeros((len(kit.channels), 3))
    alone[d] = True
    best = -1e9
    for _ in range(_STARTS):
        top = scores.argmax()
        if scores[top] < -1e8:
            break
        tried[d] = poses[top]
        tried[d, :2] += _OFF_CENTRE * SIDE / (pyramid[level].shape[1] - 2 * PAD)
        scores[top] = scores[(top + 1) % turns] = scores[(top - 1) % turns] = -1e9
        for finer in range(level, finest + 1):
            fit(pyramid[finer], tried, alone, False, kit, scratches[finer])
        gain = gain_of(
            d, tried[d], pyramid[finest][channel], kit, scratches[finest].patches[d], scratches[finest].boxes[d]
        )
        if gain > best:
            best = gain
            pose[:] = tried[d]
    return best


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def replace(order, picture, poses, active, last, radius, kit, pyramid, scratches):  # type: ignore[no-untyped-def]
    """Take bodies out, look for them one after another within radius (D,) px of last (D, 3), and fit all again.

    Changes poses and active; returns the sum of squares."""
    scratch = scratches[len(scratches) - 1]
    pose = np.zeros(3)
    for d in order:
        active[d] = False
    draw_all(poses, active, True, kit, scratch)
    residual = picture.copy()
    residual[:2] -= scratch.model
    for d in order:
        shrink(residual, pyramid)
        if _look_for(d, pyramid, last[d], radius[d], kit, scratches, pose) <= 0:
            continue
        active[d] = True
        poses[d] = pose
        own = residual[kit.channels[d]]
        gain_of(d, pose, own, kit, scratch.patches[d], scratch.boxes[d])
        add_patch(scratch.patches[d], scratch.boxes[d], -1.0, own)
    return refit(picture, poses, active, kit, scratch)


@jit
def _touch(a, b):  # type: ignore[no-untyped-def]
    """Two boxes meet."""
    return a[0] <= b[0] + b[2] and b[0] <= a[0] + a[2] and a[1] <= b[1] + b[3] and b[1] <= a[1] + a[3]


@jit
def _groups(blame, boxes, active, pairs, kit):  # type: ignore[no-untyped-def]
    """(N, 2) bodies to take out and look for, most blamed first: one and -1, then pairs that touch, in both orders."""
    ranked = np.argsort(-blame)
    out = np.full((len(ranked) * (len(ranked) + 1), 2), -1, np.int64)
    count = 0
    blamed = (blame > _BLAMED * blame.max()) | ~active
    for a in ranked:
        if blamed[a]:
            out[count, 0] = a
            count += 1
    for i in range(len(ranked) if pairs else 0):
        for j in range(i + 1, len(ranked)):
            a, b = ranked[i], ranked[j]
            if kit.areas[b] > kit.areas[a]:
                a, b = b, a
            if kit.channels[a] != kit.channels[b] or not (blamed[a] or blamed[b]):
                continue
            if not (active[a] and active[b]) or _touch(boxes[a], boxes[b]):
                out[count] = a, b
                out[count + 1] = b, a
                count += 2
    return out[:count]


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def repair(view, poses, active, cost, last, radius, pairs, kit, pyramid, scratches):  # type: ignore[no-untyped-def]
    """Lower the sum of squares by taking bodies out and looking for them anew, until what stays unexplained is noise
    or nothing helps. Changes poses and active, leaves them drawn in the finest scratch; returns the sum."""
    scratch = scratches[len(scratches) - 1]
    for _ in range(_ROUNDS):
        draw_all(poses, active, True, kit, scratch)
        blame = blame_bodies(view, kit, scratch)
        better = False
        for pair in _groups(blame, scratch.boxes.copy(), active, pairs, kit):
            order = pair if pair[1] >= 0 else pair[:1]
            tried, tried_active = poses.copy(), active.copy()
            tried_cost = replace(order, view.picture, tried, tried_active, last, radius, kit, pyramid, scratches)
            if tried_cost < _LESS * cost:
                cost, better = tried_cost, True
                poses[:] = tried
                active[:] = tried_active
                if unexplained(view, scratch) <= view.noise:
                    return cost
        if not better:
            break
    draw_all(poses, active, True, kit, scratch)
    return cost


@jit
def shake(view, poses, active, cost, kit, scratch):  # type: ignore[no-untyped-def]
    """Lower the sum of squares by fitting the blamed bodies again from places near where they are, ever farther off,
    the same ones every time. Changes poses, leaves them drawn in the scratch; returns the sum."""
    state = np.uint64(1)
    for turn in range(_SHAKES):
        blame = blame_bodies(view, kit, scratch)
        blamed = blame > _BLAMED * blame.max()
        tried = poses.copy()
        width = 6.0 + 24.0 * turn / _SHAKES  # px
        for d in range(len(poses)):
            for k in range(3):
                # Knuth's linear congruential generator, of which the upper bits are taken.
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                off = width * (np.float64(state >> np.uint64(40)) / 2.0**23 - 1)
                if blamed[d] and k < 2:
                    tried[d, k] += off
                elif blamed[d] and kit.periods[d] > 0:
                    tried[d, k] += 2 * off / kit.reaches[d]
        tried_cost = refit(view.picture, tried, active, kit, scratch)
        if tried_cost < _LESS * cost:
            cost = tried_cost
            poses[:] = tried
            if unexplained(view, scratch) <= view.noise:
                return cost
        draw_all(poses, active, True, kit, scratch)
    return cost
