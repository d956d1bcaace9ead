"""Changes of velocity that no contact explains.

Contacts only push, within the cone of friction. So beyond free fall a body's velocity may only change in a direction
that lies between directions in which something near it can push; and not faster than something was before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physlaw.tracking.bodies import jit
from physlaw.tracking.bodies.geometry import (
    new_placed,
    piece_separation,
    place_body,
    scene_pieces,
    stuck_bodies,
    wall_distance,
)
from physlaw.tracking.bodies.tracking import FALL, FIRST_FALL
from physlaw.worlds.bodies import Body

Array = NDArray[np.float64]

_BINS = 72  # of directions, 5 degrees each
_BIN = 2 * math.pi / _BINS
_CONE = math.atan(0.5) + math.radians(25)  # friction 0.5, and leave for poses read from pixels
_SAMPLES = 8  # of the time between two frames
_NEAR = 4.0  # px between two bodies that may touch, for poses read from pixels
# A body that was pushed once on its way is where two free flights meet, on from before and back from after. These are
# the px by which they may miss each other, since it may be pushed twice, and a share of both flights' lengths.
_MISS, _MISS_SHARE = 15.0, 0.3
# No push changes a velocity by more than this times that of the fastest point of any body, and these px a frame.
_FASTER, _SLACK = 1.5, 20.0
_DRIVEN = 3  # frames in which the simulator drives bodies apart that overlap at the start


@jit
def _allow(directions, nx, ny):  # type: ignore[no-untyped-def]
    """Mark the directions (bins,) in which a contact with this normal may push."""
    middle = math.atan2(ny, nx)
    for k in range(_BINS):
        turn = (k + 0.5) * _BIN - middle
        turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
        if abs(turn) <= _CONE:
            directions[k] = True


@jit
def _mark_pair(a, b, near, allow_a, allow_b, pieces, placed, directions):  # type: ignore[no-untyped-def]
    """Mark directions (B, bins) in which bodies a and b push each other, where their pieces are nearer than `near`."""
    for one in range(pieces.firsts[a], pieces.firsts[a + 1]):
        for two in range(pieces.firsts[b], pieces.firsts[b + 1]):
            distance, nx, ny = piece_separation(one, two, pieces, placed)
            if distance < near:
                if allow_a:
                    _allow(directions[a], nx, ny)
                if allow_b:
                    _allow(directions[b], -nx, -ny)


@jit
def _mark_way(begin, step, allowed, pieces, placed, directions):  # type: ignore[no-untyped-def]
    """Mark directions (B, bins) of pushes on each body while all move from begin (B, 3) by step (B, 3).

    allowed: (samples, B) whether a body may be where it then is."""
    count, reaches, moved = len(pieces.movable), pieces.reaches, begin.copy()
    sweep = np.zeros(count)
    for b in range(count):
        if pieces.movable[b]:
            sweep[b] = (math.hypot(step[b, 0], step[b, 1]) + abs(step[b, 2]) * reaches[b]) / _SAMPLES / 2
    for sample in range(_SAMPLES + 1):
        for b in range(count):
            if pieces.movable[b]:
                moved[b] = begin[b] + step[b] * (sample / _SAMPLES)
                place_body(b, moved[b], pieces, placed)
        for a in range(count):
            if not pieces.movable[a] or math.isnan(moved[a, 0]):
                continue
            for wall in range(4 if allowed[sample, a] else 0):
                if wall_distance(a, wall, pieces, placed) < _NEAR + sweep[a]:
                    side = -1.0 if wall >= 2 else 1.0
                    _allow(directions[a], side * (wall % 2), side * (1 - wall % 2))
            for b in range(count):
                if pieces.walls[b] or (pieces.movable[b] and b <= a) or math.isnan(moved[b, 0]):
                    continue
                near = _NEAR + sweep[a] + sweep[b]
                if math.hypot(moved[a, 0] - moved[b, 0], moved[a, 1] - moved[b, 1]) <= reaches[a] + reaches[b] + near:
                    _mark_pair(a, b, near, allowed[sample, a], allowed[sample, b], pieces, placed, directions)


@jit
def _ways(b, frame, poses, begins, steps):  # type: ignore[no-untyped-def]
    """How body b may have come from the frame before: freely on from there (0), freely to here (1), straight (2).

    Fills begins and steps (3, B, 3)."""
    begins[:, b] = poses[frame - 1, b]
    steps[:, b] = poses[frame, b] - poses[frame - 1, b]
    if frame == 1:
        steps[0, b] = 0.0
        steps[0, b, 1] = -FIRST_FALL
    elif not math.isnan(poses[frame - 2, b, 0]):
        steps[0, b] = poses[frame - 1, b] - poses[frame - 2, b]
        steps[0, b, 1] -= FALL
    if frame + 1 < len(poses) and not math.isnan(poses[frame + 1, b, 0]):
        steps[1, b] = poses[frame + 1, b] - poses[frame, b]
        steps[1, b, 1] += FALL
        begins[1, b] = poses[frame, b] - steps[1, b]


@jit
def _directions(poses, pieces, out):  # type: ignore[no-untyped-def]
    """out (T, B, bins): the directions in which each body may have been pushed since the frame before."""
    count, placed = poses.shape[1], new_placed(pieces)
    for b in range(count):
        place_body(b, poses[0, b], pieces, placed)
    steps, begins = np.zeros((3, count, 3)), np.zeros((3, count, 3))
    allowed = np.zeros((_SAMPLES + 1, count), np.bool_)
    for frame in range(1, len(poses)):
        for b in range(count):
            _ways(b, frame, poses, begins, steps)
            flights = math.hypot(steps[0, b, 0], steps[0, b, 1]) + math.hypot(steps[1, b, 0], steps[1, b, 1])
            for sample in range(_SAMPLES + 1):
                share = sample / _SAMPLES
                x = begins[0, b, 0] + share * steps[0, b, 0] - begins[1, b, 0] - share * steps[1, b, 0]
                y = begins[0, b, 1] + share * steps[0, b, 1] - begins[1, b, 1] - share * steps[1, b, 1]
                allowed[sample, b] = math.hypot(x, y) <= _MISS + _MISS_SHARE * flights
        for way in range(3):
            _mark_way(begins[way], steps[way], allowed, pieces, placed, out[frame])


@jit
def outside_cone(directions, x, y):  # type: ignore[no-untyped-def]
    """From the nearest point of the convex cone that the marked directions (bins,) span to (x, y)."""
    gap = first = 0  # the widest run of directions that are not marked, and the marked one before it
    previous = start = -1
    for k in range(2 * _BINS):
        if directions[k % _BINS]:
            if start < 0:
                start = k
            elif k - previous > gap:
                gap, first = k - previous, previous
            previous = k
            if k == start + _BINS:
                break
    if start < 0:
        return x, y
    if 2 * (gap - 1) < _BINS:
        return 0.0, 0.0
    beyond = (math.atan2(y, x) / _BIN - (first + 1)) % _BINS  # bins past the cone's end
    if beyond >= gap - 1:
        return 0.0, 0.0
    if beyond <= gap - 1 - beyond:
        edge, turn = (first + 1) * _BIN, beyond * _BIN
    else:
        edge, turn = (first + gap) * _BIN, (gap - 1 - beyond) * _BIN
    if turn >= math.pi / 2:
        return x, y
    along = x * math.cos(edge) + y * math.sin(edge)
    return x - along * math.cos(edge), y - along * math.sin(edge)


@jit
def _fastest(frame, poses, pieces):  # type: ignore[no-untyped-def]
    """px by which the fastest point of any body came along since the frame before."""
    most = 0.0
    for b in range(poses.shape[1]):
        if frame and pieces.movable[b] and not math.isnan(poses[frame, b, 0] - poses[frame - 1, b, 0]):
            x, y, turn = poses[frame, b] - poses[frame - 1, b]
            most = max(most, math.hypot(x, y) + abs(turn) * pieces.reaches[b])
    return most


@jit
def _pushes(poses, centres, pieces, out):  # type: ignore[no-untyped-def]
    """out (T, B, 2): the part (px a frame) of a body's change of velocity around a frame that nothing can push.

    poses (T, B, 3) of frames and centres (T, B, 2) of mass, NaN where a body was not found; T at least 2."""
    length, count = poses.shape[:2]
    directions = np.zeros((length, count, _BINS), np.bool_)
    _directions(poses, pieces, directions)
    for frame in range(length - 1):
        most = _FASTER * (_fastest(frame, poses, pieces) + FALL) + _SLACK
        for b in range(count):
            if not pieces.movable[b]:
                continue
            x = centres[frame + 1, b, 0] - centres[frame, b, 0]
            y = centres[frame + 1, b, 1] - centres[frame, b, 1] + (FALL if frame else FIRST_FALL)
            if frame:
                x -= centres[frame, b, 0] - centres[frame - 1, b, 0]
                y -= centres[frame, b, 1] - centres[frame - 1, b, 1]
            if math.isnan(x):
                out[frame, b] = math.nan
                continue
            off_x, off_y = outside_cone(directions[frame, b] | directions[frame + 1, b], x, y)
            change = math.hypot(x, y)
            if change - most > math.hypot(off_x, off_y):
                off_x, off_y = (1 - most / change) * x, (1 - most / change) * y
            out[frame, b, 0], out[frame, b, 1] = off_x, off_y


def unexplained_pushes(bodies: Sequence[Body], poses: Array, centres: Array) -> Array:
    """Changes of velocity that neither gravity nor any contact explains.

    Args:
        bodies: B bodies of a scene.
        poses: (T, B, 3) of their frames; NaN for a body that was not found.
        centres: (T, B, 2) of their centres of mass.
    Returns:
        (T, B, 2) px a frame, x and y: from the nearest push that bodies near it could give to the change of velocity
        around a frame, less free fall's. NaN next to frames in which the body was not found; 0 in the last frame, and
        in the first three for bodies that overlap others at the start, which drives them apart.
    """
    out = np.zeros((*poses.shape[:2], 2))
    if len(poses) > 1:
        _pushes(np.ascontiguousarray(poses), np.ascontiguousarray(centres), scene_pieces(bodies), out)
        out[:_DRIVEN, stuck_bodies(bodies, poses[0])] = 0.0
    return out
