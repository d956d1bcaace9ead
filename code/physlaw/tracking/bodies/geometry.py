"""Distances and overlaps between rigid bodies at known poses; px of the 512 px scene, walls at its sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlaw.tracking.bodies import jit
from physlaw.worlds.bodies import SIDE, WALL, Body, pack

Array = NDArray[np.float64]

_OVERLAP = 1.0  # px; bodies that overlap by this in the first frame are stuck in each other


class Pieces(NamedTuple):
    """B bodies of P convex pieces.

    firsts: (B + 1,) pieces firsts[b] to firsts[b + 1] are those of body b. radii: (P,) px, 0 for polygons. starts:
    (P + 1,) and vertices: (V, 2) px in the bodies' frames, as in Packed. reaches: (B,) px from a body's origin to its
    farthest point. movable, walls: (B,).
    """

    firsts: NDArray[np.int64]
    radii: Array
    starts: NDArray[np.int64]
    vertices: Array
    reaches: Array
    movable: NDArray[np.bool_]
    walls: NDArray[np.bool_]


class Placed(NamedTuple):
    """Pieces in the scene: corners (V, 2) of polygons, middles (P, 1, 2) of discs."""

    corners: Array
    middles: Array


def scene_pieces(bodies: Sequence[Body]) -> Pieces:
    """All bodies of a scene as flat arrays."""
    packed = pack(bodies)
    reaches = np.zeros(len(bodies))
    for piece, owner in enumerate(packed.owners):
        corners = packed.vertices[packed.starts[piece] : packed.starts[piece + 1]]
        far = np.hypot(*corners.T).max() if len(corners) else packed.radii[piece]
        reaches[owner] = max(reaches[owner], far)
    return Pieces(
        firsts=np.searchsorted(packed.owners, np.arange(len(bodies) + 1)),
        radii=packed.radii,
        starts=packed.starts,
        vertices=packed.vertices,
        reaches=reaches,
        movable=np.array([body.dynamic for body in bodies]),
        walls=np.array([body.shape == WALL for body in bodies]),
    )


@jit
def new_placed(pieces):  # type: ignore[no-untyped-def]
    return Placed(np.zeros_like(pieces.vertices), np.zeros((len(pieces.radii), 1, 2)))


@jit
def _to_segment(x, y, ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """From the nearest point of a segment to (x, y)."""
    run, rise = bx - ax, by - ay
    along = min(max(((x - ax) * run + (y - ay) * rise) / (run * run + rise * rise), 0.0), 1.0)
    return x - ax - along * run, y - ay - along * rise


@jit
def _deepest_edge(one, two):  # type: ignore[no-untyped-def]
    """The edge of polygon one beyond which polygon two lies farthest: distance (negative: overlap), outward normal."""
    best, best_x, best_y = -1e18, 0.0, 0.0
    ax, ay = one[len(one) - 1]
    for k in range(len(one)):
        bx, by = one[k]
        length = math.hypot(bx - ax, by - ay)
        nx, ny = (by - ay) / length, -(bx - ax) / length
        nearest = 1e18
        for j in range(len(two)):
            nearest = min(nearest, nx * (two[j, 0] - ax) + ny * (two[j, 1] - ay))
        if nearest > best:
            best, best_x, best_y = nearest, nx, ny
        ax, ay = bx, by
    return best, best_x, best_y


@jit
def _nearest_corner(one, two):  # type: ignore[no-untyped-def]
    """From polygon one's boundary to the nearest corner of polygon two: distance, and the vector."""
    best, best_x, best_y = 1e18, 0.0, 0.0
    for j in range(len(two)):
        ax, ay = one[len(one) - 1]
        for k in range(len(one)):
            bx, by = one[k]
            dx, dy = _to_segment(two[j, 0], two[j, 1], ax, ay, bx, by)
            if dx * dx + dy * dy < best:
                best, best_x, best_y = dx * dx + dy * dy, dx, dy
            ax, ay = bx, by
    return math.sqrt(best), best_x, best_y


@jit
def _unit(x, y):  # type: ignore[no-untyped-def]
    length = math.hypot(x, y)
    if length == 0.0:
        return 0.0, 1.0
    return x / length, y / length


@jit
def _disc_to_polygon(disc, radius, polygon):  # type: ignore[no-untyped-def]
    """As separation, of a disc and a polygon."""
    depth, nx, ny = _deepest_edge(polygon, disc)
    if depth > 0:
        depth, dx, dy = _nearest_corner(polygon, disc)
        nx, ny = _unit(dx, dy)
    return depth - radius, nx, ny


@jit
def separation(one, one_radius, two, two_radius):  # type: ignore[no-untyped-def]
    """Distance between two convex pieces, and the unit vector from two to one.

    A disc is its middle (1, 2) and a radius > 0; a polygon its corners (K, 2) and radius 0. Where pieces overlap the
    distance is negative, the shortest way apart.
    """
    if one_radius > 0 and two_radius > 0:
        dx, dy = one[0, 0] - two[0, 0], one[0, 1] - two[0, 1]
        nx, ny = _unit(dx, dy)
        return math.hypot(dx, dy) - one_radius - two_radius, nx, ny
    if one_radius > 0:
        return _disc_to_polygon(one, one_radius, two)
    if two_radius > 0:
        distance, nx, ny = _disc_to_polygon(two, two_radius, one)
        return distance, -nx, -ny
    first, first_x, first_y = _deepest_edge(one, two)
    second, second_x, second_y = _deepest_edge(two, one)
    if max(first, second) <= 0:
        if first > second:
            return first, -first_x, -first_y
        return second, second_x, second_y
    near_one, dx_one, dy_one = _nearest_corner(one, two)
    near_two, dx_two, dy_two = _nearest_corner(two, one)
    if near_one < near_two:
        nx, ny = _unit(-dx_one, -dy_one)
        return near_one, nx, ny
    nx, ny = _unit(dx_two, dy_two)
    return near_two, nx, ny


@jit
def place_body(b, pose, pieces, placed):  # type: ignore[no-untyped-def]
    """Write where body b's pieces are at a pose (3,)."""
    cos, sin, vertices, corners = math.cos(pose[2]), math.sin(pose[2]), pieces.vertices, placed.corners
    for piece in range(pieces.firsts[b], pieces.firsts[b + 1]):
        placed.middles[piece, 0, 0], placed.middles[piece, 0, 1] = pose[0], pose[1]
        for k in range(pieces.starts[piece], pieces.starts[piece + 1]):
            corners[k, 0] = pose[0] + cos * vertices[k, 0] - sin * vertices[k, 1]
            corners[k, 1] = pose[1] + sin * vertices[k, 0] + cos * vertices[k, 1]


@jit
def _outline(piece, pieces, placed):  # type: ignore[no-untyped-def]
    if pieces.radii[piece] > 0:
        return placed.middles[piece]
    return placed.corners[pieces.starts[piece] : pieces.starts[piece + 1]]


@jit
def piece_separation(one, two, pieces, placed):  # type: ignore[no-untyped-def]
    """separation of two pieces by their numbers."""
    return separation(
        _outline(one, pieces, placed), pieces.radii[one], _outline(two, pieces, placed), pieces.radii[two]
    )


@jit
def wall_distance(b, wall, pieces, placed):  # type: ignore[no-untyped-def]
    """From a wall (0 floor, 1 left, 2 ceiling, 3 right) to body b, negative beyond it."""
    nearest = 1e18
    for piece in range(pieces.firsts[b], pieces.firsts[b + 1]):
        outline = _outline(piece, pieces, placed)
        for k in range(len(outline)):
            along = outline[k, 1 - wall % 2]
            nearest = min(nearest, (SIDE - along if wall >= 2 else along) - pieces.radii[piece])
    return nearest


@jit
def _pair_depth(a, b, pieces, placed):  # type: ignore[no-untyped-def]
    """Overlap (px) of bodies a and b, the deepest of two pieces; negative if they are apart."""
    deepest = -1e18
    for one in range(pieces.firsts[a], pieces.firsts[a + 1]):
        for two in range(pieces.firsts[b], pieces.firsts[b + 1]):
            deepest = max(deepest, -piece_separation(one, two, pieces, placed)[0])
    return deepest


@jit
def _depths(poses, pieces, out, stuck):  # type: ignore[no-untyped-def]
    """out (T,): deepest overlap (px) of two bodies, or a body and a wall, in each frame; poses (T, B, 3), NaN for a
    body that was not found. stuck (B, B + 4): pairs that overlap in the first frame, walls last; they do not count."""
    count, placed = len(pieces.movable), new_placed(pieces)
    for frame in range(len(poses)):
        out[frame] = 0.0
        for b in range(count):
            if frame == 0 or pieces.movable[b]:
                place_body(b, poses[frame, b], pieces, placed)
        for a in range(count):
            if not pieces.movable[a] or math.isnan(poses[frame, a, 0]):
                continue
            for b in range(count + 4):
                depth = 0.0
                if b >= count:
                    depth = -wall_distance(a, b - count, pieces, placed)
                elif not pieces.walls[b] and (b > a or not pieces.movable[b]) and not math.isnan(poses[frame, b, 0]):
                    x, y, _ = poses[frame, a] - poses[frame, b]
                    if math.hypot(x, y) < pieces.reaches[a] + pieces.reaches[b]:
                        depth = _pair_depth(a, b, pieces, placed)
                if frame == 0 and depth > _OVERLAP:
                    stuck[a, b] = True
                    if b < count:
                        stuck[b, a] = True
                if not stuck[a, b]:
                    out[frame] = max(out[frame], depth)


def overlap_depths(bodies: Sequence[Body], poses: Array) -> Array:
    """Deepest overlap of two bodies, or of a body and a wall.

    Args:
        bodies: B bodies of a scene.
        poses: (T, B, 3) of their frames; NaN for a body that was not found.
    Returns:
        (T,) px; for two convex pieces the shortest way apart. Pairs that overlap by more than 1 px in the first frame
        are left out.
    """
    out, stuck = np.zeros(len(poses)), np.zeros((len(bodies), len(bodies) + 4), dtype=np.bool_)
    _depths(np.ascontiguousarray(poses), scene_pieces(bodies), out, stuck)
    return out


def stuck_bodies(bodies: Sequence[Body], poses: Array) -> NDArray[np.bool_]:
    """(B,) whether a dynamic body overlaps another one or a wall by more than 1 px at (B, 3) poses."""
    stuck = np.zeros((len(bodies), len(bodies) + 4), dtype=np.bool_)
    _depths(np.ascontiguousarray(poses)[None], scene_pieces(bodies), np.zeros(1), stuck)
    return np.asarray(stuck.any(axis=1))
