"""Follow known rigid bodies through a clip's coverage maps.

Frame by frame: predict each body by free flight, by its last velocity and by rest, take what fits the picture best,
and fit all bodies at once. Where that leaves more unexplained than noise, fit again from coarser pictures and other
predictions; then look for single bodies and pairs anew; then shake.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from physlaw.tracking.bodies import jit
from physlaw.tracking.bodies.drawing import PAD
from physlaw.tracking.bodies.fit import draw_all, fit, gain_of, new_scratch, refit
from physlaw.tracking.bodies.residuals import View, blame_bodies, lacking_shares, smooth, unexplained
from physlaw.tracking.bodies.search import repair, replace, shake, shrink
from physlaw.tracking.bodies.shapes import Shapes, centre_poses, kit_of
from physlaw.worlds.bodies import SIDE

Array = NDArray[np.float64]

FALL = 9.8 * 6 / 9  # px a frame more in every frame of free fall: 9.8 m/s^2, 6 px a metre, 3 frames a second
FIRST_FALL = FALL * (21 * 22 - 2) / 800  # px from frame 0 to frame 1, 1 and 21 steps of 1/20 frame after the start
LOST = 0.5  # of a body's area without coverage: it is not there
_REACH = 120.0  # px; no body moves farther in a frame
_FAINT = 0.05  # coverage that is but rounding
_KINDS = 6  # of predictions
_BLAMED = 0.15  # share of the most blamed body's part from which on a body is fitted again
_NOISE = 60.0  # px^2 that may stay unexplained without another try
_MOST_LACKING = 0.3  # share of a body that may lack coverage without another try
_NOISE_FACTOR = 1.5  # times what the known first frame leaves unexplained after all, in pictures that are worse
_MOST_PASSES, _MOST_DEAD = 2, 0.35  # of smoothing, and coverage, until the known first frame is explained
_ALIKE = 0.15  # share by which the sizes of bodies may differ that are easily mistaken for each other
_LONG_WAY = 20.0  # px; with less of a detour two such bodies are not exchanged
_DETOUR = 0.003  # pixels of the sum of squares that a px of detour is worth, when two such bodies are told apart
_PATIENCE = 4  # in a row of frames that cannot be explained, every so many get the longest search


def dead_zone(width: int) -> float:
    """Coverage by which a rendered pixel may differ from exact coverage: 0.8 px of 512 along an edge, and colours."""
    return 0.03 + 0.8 * width / SIDE


@jit
def _move(kind, last, before, drop, out):  # type: ignore[no-untyped-def]
    """out (3,): a pose after the last two by free flight (0), uniform motion, sliding, a bounce, slowing down, rest."""
    vx, vy, turn = last[0] - before[0], last[1] - before[1], last[2] - before[2]
    out[:] = last
    if kind == 0:
        out[0] += vx
        out[1] += vy - drop
        out[2] += turn
    elif kind == 1:
        out[0] += vx
        out[1] += vy
        out[2] += turn
    elif kind == 2:
        out[0] += vx
        out[2] += turn
    elif kind == 3:
        out[0] += vx
        out[1] -= 0.3 * vy
    elif kind == 4:
        out[0] += 0.5 * vx
        out[1] += 0.5 * vy
        out[2] += 0.5 * turn


@jit
def _centroid(share, out):  # type: ignore[no-untyped-def]
    """out (3,): x and y of the middle of a colour in a padded map (H, H); unchanged if there is none."""
    width = share.shape[0] - 2 * PAD
    total, x, y = 0.0, 0.0, 0.0
    for row in range(width):
        for column in range(width):
            weight = max(share[PAD + row, PAD + column] - _FAINT, 0.0)
            total += weight
            x += weight * (column + 0.5)
            y += weight * (width - row - 0.5)
    if total > 0:
        out[0], out[1] = x / total * SIDE / width, y / total * SIDE / width


@jit
def _predict(d, last, before, drop, picture, kit, scratch, out):  # type: ignore[no-untyped-def]
    """out (3,): of the poses that may come next, the one at which body d lowers the sum of squares most; by how much
    is returned. The red ball, the only red body, may also be where red is."""
    best = -1e9
    trial = np.empty(3)
    for kind in range(_KINDS + (kit.channels[d] == 0)):
        if kind < _KINDS:
            _move(kind, last, before, drop, trial)
        else:
            _centroid(picture[0], trial)
        gain = gain_of(d, trial, picture[kit.channels[d]], kit, scratch.patches[d], scratch.boxes[d])
        if gain > best:
            best = gain
            out[:] = trial
    return best


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _retry(view, poses, active, cost, last, before, drop, kit, pyramid, scratches):  # type: ignore[no-untyped-def]
    """Lower the sum of squares by starting again from coarser pictures: from the best prediction of each blamed body,
    then from each kind for all of them. Changes poses, leaves them drawn in the finest scratch; returns the sum."""
    finest = len(scratches) - 1
    scratch, coarse = scratches[finest], scratches[finest - 1]
    shrink(view.picture, pyramid)
    coarsest = 0
    while pyramid[coarsest].shape[1] == 2 * PAD:
        coarsest += 1
    blame = blame_bodies(view, kit, scratch)
    for kind in range(-1, _KINDS):
        tried = poses.copy()
        for d in range(len(poses)):
            if blame[d] <= _BLAMED * blame.max():
                continue
            if kind < 0:
                _predict(d, last[d], before[d], drop, pyramid[finest - 1], kit, coarse, tried[d])
            else:
                _move(kind, last[d], before[d], drop, tried[d])
        for level in range(coarsest if kind < 0 else finest - 1, finest):
            fit(pyramid[level], tried, active, False, kit, scratches[level])
        tried_cost = refit(view.picture, tried, active, kit, scratch)
        if tried_cost < cost:
            cost = tried_cost
            poses[:] = tried
            if unexplained(view, scratch) <= view.noise:
                return cost
    draw_all(poses, active, True, kit, scratch)
    return cost


@jit
def _detour(d, pose, last, before, drop):  # type: ignore[no-untyped-def]
    """px from a pose of body d to the nearest of free flight and rest."""
    free = math.hypot(pose[0] - 2 * last[d, 0] + before[d, 0], pose[1] - 2 * last[d, 1] + before[d, 1] + drop)
    return min(free, math.hypot(pose[0] - last[d, 0], pose[1] - last[d, 1]))


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _swap(picture, poses, active, cost, last, before, drop, kit, scratch):  # type: ignore[no-untyped-def]
    """Exchange two bodies of nearly the same shape where that fits better or is less of a detour. Changes poses, leaves
    them drawn in the scratch; returns the sum of squares."""
    for a in range(len(poses)):
        for b in range(a):
            same = kit.channels[a] == kit.channels[b] and kit.periods[a] == kit.periods[b]
            alike = abs(kit.areas[a] - kit.areas[b]) < _ALIKE * kit.areas[a]
            alike &= abs(kit.reaches[a] - kit.reaches[b]) < _ALIKE * kit.reaches[a]
            if not (same and alike and active[a] and active[b]):
                continue
            way = _detour(a, poses[a], last, before, drop) + _detour(b, poses[b], last, before, drop)
            if way < _LONG_WAY:
                continue
            tried = poses.copy()
            tried[a], tried[b] = poses[b], poses[a]
            tried_cost = fit(picture, tried, active, True, kit, scratch)
            tried_way = _detour(a, tried[a], last, before, drop) + _detour(b, tried[b], last, before, drop)
            if tried_cost + _DETOUR * tried_way < cost + _DETOUR * way:
                cost = tried_cost
                poses[:] = tried
            else:
                draw_all(poses, active, True, kit, scratch)
    return cost


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _find_jumps(view, poses, active, shares, last, radius, kit, pyramid, scratches):  # type: ignore[no-untyped-def]
    """Look for lost bodies in the whole scene. Changes poses, active, shares (D,) and the finest scratch."""
    scratch = scratches[len(scratches) - 1]
    new_shares = np.empty_like(shares)
    for d in range(len(poses)):
        if shares[d] <= LOST or radius[d] >= 2 * SIDE:
            continue
        radius[d] = 2.0 * SIDE
        tried, tried_active = poses.copy(), active.copy()
        replace(np.full(1, d), view.picture, tried, tried_active, last, radius, kit, pyramid, scratches)
        lacking_shares(view, tried_active, kit, scratch, new_shares)
        if new_shares[d] <= LOST:
            poses[:] = tried
            active[:] = tried_active
            shares[:] = new_shares
        else:
            draw_all(poses, active, True, kit, scratch)


@jit
def _explained(view, active, kit, scratch):  # type: ignore[no-untyped-def]
    """The bodies drawn in the scratch leave no more than noise, and most of each is seen."""
    if unexplained(view, scratch) > view.noise:
        return False
    shares = np.empty(len(kit.channels))
    lacking_shares(view, active, kit, scratch, shares)
    return shares.max() < _MOST_LACKING


@jit
def _view_of(picture, dead, noise, scratch):  # type: ignore[no-untyped-def]
    """How to look at a clip, from its first picture, whose bodies are drawn in the scratch."""
    passes = 0
    view = View(picture, picture, passes, dead, noise)
    while unexplained(view, scratch) > noise and passes < _MOST_PASSES:
        passes += 1
        view = View(picture, smooth(picture, passes), passes, dead, noise)
    while unexplained(view, scratch) > noise and dead < _MOST_DEAD:
        dead *= 1.1
        view = View(picture, view.seen, passes, dead, noise)
    return View(picture, view.seen, passes, dead, max(noise, _NOISE_FACTOR * unexplained(view, scratch)))


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@jit
def _track(maps, first, dead, kit, scratches, pyramid, tracked, lacking, left):  # type: ignore[no-untyped-def]
    """Fill tracked (T, D, 3), lacking (T, D) and left (T,) pixels; maps: (T, 3, H, H) padded."""
    count, scratch = len(first), scratches[len(scratches) - 1]
    last, before, now = first.copy(), first.copy(), first.copy()
    unseen, radius = np.zeros(count), np.zeros(count)  # frames since a body was last found; px to look for it
    active = np.ones(count, np.bool_)
    draw_all(now, active, True, kit, scratch)
    view = _view_of(maps[0], dead, _NOISE * ((maps.shape[2] - 2 * PAD) / SIDE) ** 2, scratch)
    passes, dead, noise = view.passes, view.dead, view.noise
    lacking_shares(view, active, kit, scratch, lacking[0])
    left[0] = unexplained(view, scratch)
    tracked[0] = first
    failed = 0
    for frame in range(1, len(maps)):
        picture = maps[frame]
        view = View(picture, smooth(picture, passes), passes, dead, noise)
        drop = FALL if frame > 1 else FIRST_FALL
        for d in range(count):
            gain = _predict(d, last[d], before[d], drop, picture, kit, scratch, now[d])
            active[d] = unseen[d] == 0 or gain > 0
            radius[d] = _REACH * (1 + unseen[d])
        cost = fit(picture, now, active, True, kit, scratch)
        thorough = failed % _PATIENCE == 0
        if not _explained(view, active, kit, scratch):
            cost = _retry(view, now, active, cost, last, before, drop, kit, pyramid, scratches)
        if not _explained(view, active, kit, scratch):
            cost = repair(view, now, active, cost, last, radius, thorough, kit, pyramid, scratches)
        if thorough and not _explained(view, active, kit, scratch):
            cost = shake(view, now, active, cost, kit, scratch)
        _swap(picture, now, active, cost, last, before, drop, kit, scratch)
        lacking_shares(view, active, kit, scratch, lacking[frame])
        _find_jumps(view, now, active, lacking[frame], last, radius, kit, pyramid, scratches)
        left[frame] = unexplained(view, scratch)
        failed = failed + 1 if left[frame] > noise else 0
        for d in range(count):
            if kit.periods[d] > 0:  # of the equal angles, the one nearest to uniform rotation
                likely = 2 * last[d, 2] - before[d, 2]
                now[d, 2] -= kit.periods[d] * math.floor((now[d, 2] - likely) / kit.periods[d] + 0.5)
            tracked[frame, d] = now[d]
            if lacking[frame, d] <= LOST:
                before[d] = last[d] if unseen[d] == 0 else now[d]
                last[d] = now[d]
                unseen[d] = 0
            else:
                before[d] = last[d]
                unseen[d] += 1


def track_bodies(maps: Array, shapes: Shapes, poses: Array) -> tuple[Array, Array, Array]:
    """Follow D bodies.

    Args:
        maps: (T, 3, W, W) coverage of red, gray and black; W is 32 or 64.
        poses: (B, 3) of all bodies' frames in the first picture.
    Returns:
        (T, D, 3) poses of centres of mass; (T, D) share of each body's area without coverage, its pose means nothing
        where that exceeds LOST; (T,) px^2 of gaps between picture and bodies.
    """
    length, width, count = len(maps), maps.shape[-1], len(shapes.owners)
    padded = np.pad(maps, ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD)))
    widths = [w if w <= width else 0 for w in (16, 32, 64)]
    widths.sort()  # as many levels for every width, or all would be compiled again, in a minute
    scratches = tuple(new_scratch(shapes, w) for w in widths)
    pyramid = tuple(np.zeros((3, w + 2 * PAD, w + 2 * PAD)) for w in widths)
    tracked, lacking, left = np.zeros((length, count, 3)), np.zeros((length, count)), np.zeros(length)
    first = centre_poses(shapes, poses)
    _track(padded, first, dead_zone(width), kit_of(shapes), scratches, pyramid, tracked, lacking, left)
    return tracked, lacking, left * (SIDE / width) ** 2
