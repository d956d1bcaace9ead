"""Rigid shapes as polygons, and poses of their frames and centres of mass.

A body is a sum of signed convex polygons around its centre of mass: its pieces, less what each two of them share, so
that no area counts twice. Discs are regular polygons of the same area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.bodies import BALL, JAR, RED, Body, Circle, Piece, Point
from physlaw.worlds.phyre.mass import mass

Array = NDArray[np.floating]

_DISC_CORNERS = 32


@dataclass(frozen=True)
class Shapes:
    """D bodies in flat arrays; lengths in px of the 512 px scene, angles in radians.

    owners: (D,) numbers in the scene. colours: (D,) palette indices. centres: (D, 2) centre of mass in the body's
    frame. areas: (D,) px^2, overlaps of pieces once. masses: (D,) px^2, overlaps twice, as the engine has it.
    inertias: (D,) px^4. reaches: (D,) farthest corner from the centre of mass. periods: (D,) the turn that leaves the
    body as it is, 0 for a ball. starts: (D + 1,) polygons starts[d] to starts[d + 1] are those of body d. corners:
    (polygons + 1,) vertices of each polygon. signs: (polygons,). vertices: (V, 2) about the centre of mass.
    """

    owners: NDArray[np.int64]
    colours: NDArray[np.int64]
    centres: NDArray[np.float64]
    areas: NDArray[np.float64]
    masses: NDArray[np.float64]
    inertias: NDArray[np.float64]
    reaches: NDArray[np.float64]
    periods: NDArray[np.float64]
    starts: NDArray[np.int64]
    corners: NDArray[np.int64]
    signs: NDArray[np.float64]
    vertices: NDArray[np.float64]


class Kit(NamedTuple):
    """What compiled code needs of Shapes; channels: (D,) 0 for red, 1 for gray."""

    channels: NDArray[np.int64]
    reaches: NDArray[np.float64]
    periods: NDArray[np.float64]
    areas: NDArray[np.float64]
    starts: NDArray[np.int64]
    corners: NDArray[np.int64]
    signs: NDArray[np.float64]
    vertices: NDArray[np.float64]


def _outline(piece: Piece) -> list[Point]:
    """A piece's corners, counter-clockwise; a disc as a regular polygon of its area."""
    if not isinstance(piece, Circle):
        return list(piece.vertices)
    step = 2 * math.pi / _DISC_CORNERS
    radius = piece.radius * math.sqrt(step / math.sin(step))
    return [(radius * math.cos(step * k), radius * math.sin(step * k)) for k in range(_DISC_CORNERS)]


def _area(corners: Sequence[Point]) -> float:
    turned = [*corners[1:], *corners[:1]]
    return sum(ax * by - ay * bx for (ax, ay), (bx, by) in zip(corners, turned, strict=True)) / 2


def clip_polygon(corners: list[Point], a: Point, b: Point) -> list[Point]:
    """What of a convex polygon lies left of the line from a to b."""
    kept: list[Point] = []
    sides = [(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for x, y in corners]
    for k, (point, side) in enumerate(zip(corners, sides, strict=True)):
        other, far = corners[k - 1], sides[k - 1]
        if (side > 0) != (far > 0):
            share = far / (far - side)
            kept.append((other[0] + share * (point[0] - other[0]), other[1] + share * (point[1] - other[1])))
        if side > 0:
            kept.append(point)
    return kept


def _shared(one: list[Point], two: list[Point]) -> list[Point]:
    """The intersection of two convex polygons, empty if they are apart."""
    kept = one
    for k in range(len(two)):
        if kept:
            kept = clip_polygon(kept, two[k - 1], two[k])
    return kept if len(kept) > 2 else []


def signed_polygons(body: Body) -> list[tuple[float, list[Point]]]:
    """Convex polygons in the body's frame, with signs, whose sum covers the body once."""
    pieces = [_outline(piece) for piece in body.pieces]
    shared = [_shared(one, two) for one, two in combinations(pieces, 2)]
    return [(1.0, piece) for piece in pieces] + [(-1.0, polygon) for polygon in shared if polygon]


def shapes_of(bodies: Sequence[Body], owners: Sequence[int]) -> Shapes:
    """The bodies with these numbers, as flat arrays."""
    properties = [mass(bodies[owner]) for owner in owners]
    polygons = [signed_polygons(bodies[owner]) for owner in owners]
    flat = [(d, sign, corners) for d, group in enumerate(polygons) for sign, corners in group]
    vertices = [
        (x - properties[d].centre[0], y - properties[d].centre[1]) for d, _, corners in flat for x, y in corners
    ]
    reaches = [
        max(math.dist(properties[d].centre, corner) for _, corners in group for corner in corners)
        for d, group in enumerate(polygons)
    ]
    periods = {BALL: 0.0, JAR: 2 * math.pi}
    return Shapes(
        owners=np.array(owners, dtype=np.int64),
        colours=np.array([bodies[owner].colour for owner in owners], dtype=np.int64),
        centres=np.array([known.centre for known in properties], dtype=np.float64).reshape(-1, 2),
        areas=np.array([sum(sign * _area(corners) for sign, corners in group) for group in polygons], dtype=np.float64),
        masses=np.array([known.area for known in properties], dtype=np.float64),
        inertias=np.array([known.inertia for known in properties], dtype=np.float64),
        reaches=np.array(reaches, dtype=np.float64),
        periods=np.array([periods.get(bodies[owner].shape, math.pi) for owner in owners], dtype=np.float64),
        starts=np.cumsum([0, *(len(group) for group in polygons)], dtype=np.int64),
        corners=np.cumsum([0, *(len(corners) for _, _, corners in flat)], dtype=np.int64),
        signs=np.array([sign for _, sign, _ in flat], dtype=np.float64),
        vertices=np.array(vertices, dtype=np.float64).reshape(-1, 2),
    )


def kit_of(shapes: Shapes) -> Kit:
    channels = (shapes.colours != RED).astype(np.int64)
    return Kit(
        channels, shapes.reaches, shapes.periods, shapes.areas,
        shapes.starts, shapes.corners, shapes.signs, shapes.vertices,
    )  # fmt: skip


def centre_poses(shapes: Shapes, poses: Array) -> NDArray[np.float64]:
    """(..., B, 3) poses of all bodies' frames -> (..., D, 3) of these bodies' centres of mass."""
    out = np.array(poses[..., shapes.owners, :], dtype=np.float64)
    cos, sin = np.cos(out[..., 2]), np.sin(out[..., 2])
    x, y = shapes.centres[:, 0], shapes.centres[:, 1]
    out[..., 0] += cos * x - sin * y
    out[..., 1] += sin * x + cos * y
    return out


def frame_poses(shapes: Shapes, poses: Array) -> NDArray[np.float64]:
    """(..., D, 3) poses of centres of mass -> (..., D, 3) poses of the bodies' frames."""
    out = np.array(poses, dtype=np.float64)
    cos, sin = np.cos(out[..., 2]), np.sin(out[..., 2])
    x, y = shapes.centres[:, 0], shapes.centres[:, 1]
    out[..., 0] -= cos * x - sin * y
    out[..., 1] -= sin * x + cos * y
    return out
