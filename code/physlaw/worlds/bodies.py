"""Rigid bodies of the combinatorial world as plain data, and the shapes of its eight object types.

A body is one or more convex pieces in its own frame. Its pose (x, y, angle) says where the frame's origin lies and how
far the frame is turned: px of a scene 512 px wide, origin bottom-left, y up; radians, counter-clockwise. The order of
the bodies of a scene is the order in which they are drawn, the last on top.
Source: released combinatorial data, sections 1 (colours, walls) and 2 (shapes).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError

SIDE = 512  # px, the side of a scene
THICKNESS = SIDE / 50  # px, of bars
WHITE, RED, GREEN, BLUE, PURPLE, GRAY, BLACK, LIGHT_RED = range(8)
WALL, BALL, BAR, JAR, STICKS = range(5)
STATIC_BALL_RADIUS = 10.5  # px
_STICK_TILT = math.radians(77.5)
_WALL_THICKNESS = 5.0  # px
_LEAST_AREA = 1e-6  # px^2; thinner polygons lose their direction to rounding

Point = tuple[float, float]


@dataclass(frozen=True)
class Circle:
    """A disc around the body's origin; radius in px."""

    radius: float

    def __post_init__(self) -> None:
        if not 0 < self.radius < math.inf:
            raise UserError(f"a circle's radius must be a positive number of px, got {self.radius}")


@dataclass(frozen=True)
class Polygon:
    """A strictly convex polygon: its vertices in the body's frame in px, counter-clockwise."""

    vertices: tuple[Point, ...]

    def __post_init__(self) -> None:
        count = len(self.vertices)
        convex = count > 2 and all(
            _doubled_area(self.vertices[i], self.vertices[(i + 1) % count], self.vertices[(i + j) % count])
            > 2 * _LEAST_AREA
            for i in range(count)
            for j in range(2, count)
        )
        if not convex:
            raise UserError(f"a polygon must be strictly convex and counter-clockwise, got {self.vertices}")


Piece = Circle | Polygon


def _doubled_area(a: Point, b: Point, c: Point) -> float:
    """Of a triangle, positive when a, b, c run counter-clockwise."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@dataclass(frozen=True)
class Body:
    """A rigid body.

    pieces: where they overlap, the mass counts twice. colour: 0 to 7, a palette index. shape: WALL, BALL, BAR, JAR or
    STICKS. diameter: the feature of section 2 in px, which for sticks is 1.5 times the real one.
    """

    pieces: tuple[Piece, ...]
    colour: int
    dynamic: bool
    shape: int
    diameter: float

    def __post_init__(self) -> None:
        if not self.pieces:
            raise UserError("a body must have at least one piece, got none")
        if self.colour not in range(WHITE, LIGHT_RED + 1):
            raise UserError(f"a body's colour must be {WHITE} to {LIGHT_RED}, got {self.colour}")
        if self.shape not in range(WALL, STICKS + 1):
            raise UserError(f"a body's shape must be {WALL} to {STICKS}, got {self.shape}")


def _rectangle(width: float, height: float, angle: float = 0.0) -> Polygon:
    x, y, cos, sin = width / 2, height / 2, math.cos(angle), math.sin(angle)
    corners = ((x, y), (-x, y), (-x, -y), (x, -y))
    return Polygon(tuple((cos * a - sin * b, sin * a + cos * b) for a, b in corners))


def ball_radius(s: float) -> float:
    """Size s, a fraction of the scene's side -> the radius in px, which the release rounds to halves (ids 0, 1, 2)."""
    return math.floor(SIDE / 2 * s) + 0.5


def ball(radius: float, colour: int = GRAY, dynamic: bool = True) -> Body:
    """A ball of a radius in px (ids 0 and 1, black and static id 2, and the red ball)."""
    return Body((Circle(radius),), colour, dynamic, BALL, 2 * radius)


def bar(length: float, thickness: float = THICKNESS, colour: int = GRAY, dynamic: bool = True) -> Body:
    """A bar that lies along x in its own frame; length and thickness in px (ids 3 and 5)."""
    return Body((_rectangle(length, thickness),), colour, dynamic, BAR, math.hypot(length, thickness))


def standing_bars(count: int) -> tuple[Body, ...]:
    """Bars of growing length (id 4); they lie along x in their own frames, so an upright one has the angle pi/2."""
    return tuple(bar(SIDE * (0.20 + 0.05 * i)) for i in range(count))


def jar(s: float) -> Body:
    """A jar of height s times the scene's side (id 6): base, left wall, right wall. Its frame sits at the middle of
    the base plate, which is not its centre of mass.

    Raises:
        UserError: the jar is too small to have walls.
    """
    height = SIDE * s
    if not 1 < height < math.inf:
        raise UserError(f"a jar must be higher than 1 px, got size {s} of {SIDE} px")
    top, base = height / 1.2, 0.8 * height / 1.2
    thickness = THICKNESS * math.log(height) / math.log(0.3 * SIDE)
    lean = (top - base) / 2
    slant = math.hypot(height, lean)
    cos, per_cos = lean / slant, height / slant
    upper, lower = height - thickness / 2, -thickness / 2
    left = (
        (-top / 2, upper),
        (-base / 2, lower),
        (-base / 2 + thickness * per_cos, lower + thickness * cos),
        (-top / 2 + thickness / per_cos, upper),
    )
    right = tuple((-x, y) for x, y in (left[0], *left[:0:-1]))
    pieces = (_rectangle(base, thickness), Polygon(left), Polygon(right))
    return Body(pieces, GRAY, True, JAR, math.hypot(lean + base, height))


def sticks(s: float) -> Body:
    """Two crossed sticks (id 7), each 2/3 of s times the scene's side long."""
    length, thickness = 2 / 3 * SIDE * s, 2 / 3 * THICKNESS
    pieces = (_rectangle(length, thickness, -_STICK_TILT), _rectangle(length, thickness, _STICK_TILT))
    return Body(pieces, GRAY, True, STICKS, math.hypot(SIDE * s, THICKNESS))


def walls() -> tuple[tuple[Body, ...], NDArray[np.float64]]:
    """The bottom, left, top and right wall just outside the picture, the first bodies of every scene, and their
    (4, 3) poses."""
    diameter, off = math.hypot(SIDE, _WALL_THICKNESS), _WALL_THICKNESS / 2
    flat = Body((_rectangle(SIDE, _WALL_THICKNESS),), BLACK, False, WALL, diameter)
    upright = Body((_rectangle(_WALL_THICKNESS, SIDE),), BLACK, False, WALL, diameter)
    middle, beyond = SIDE / 2, SIDE + off
    poses = np.array([[middle, -off, 0.0], [-off, middle, 0.0], [middle, beyond, 0.0], [beyond, middle, 0.0]])
    return (flat, upright, flat, upright), poses


def extent(body: Body, angle: float) -> tuple[float, float, float, float]:
    """Left, bottom, right and top (px) of the turned body's axis-aligned box, relative to the body's origin.

    So a body whose box shall have its bottom at y0 has its origin at y0 - bottom; likewise for the box's centre.
    """
    xs: list[float] = []
    ys: list[float] = []
    cos, sin = math.cos(angle), math.sin(angle)
    for piece in body.pieces:
        if isinstance(piece, Circle):
            xs += [-piece.radius, piece.radius]
            ys += [-piece.radius, piece.radius]
        else:
            xs += [cos * x - sin * y for x, y in piece.vertices]
            ys += [sin * x + cos * y for x, y in piece.vertices]
    return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class Packed:
    """Bodies in flat arrays: B bodies of P pieces with V polygon vertices.

    colours: (B,) uint8 palette index. owners: (P,) the body of each piece. radii: (P,) px, 0 for a polygon. starts:
    (P + 1,) vertices starts[p] to starts[p + 1] are those of piece p, none for a circle. vertices: (V, 2) px.
    """

    colours: NDArray[np.uint8]
    owners: NDArray[np.int64]
    radii: NDArray[np.float64]
    starts: NDArray[np.int64]
    vertices: NDArray[np.float64]


def pack(bodies: Sequence[Body]) -> Packed:
    """Bodies in drawing order -> flat arrays."""
    pieces = [(owner, piece) for owner, body in enumerate(bodies) for piece in body.pieces]
    corners = [() if isinstance(piece, Circle) else piece.vertices for _, piece in pieces]
    return Packed(
        np.array([body.colour for body in bodies], dtype=np.uint8),
        np.array([owner for owner, _ in pieces], dtype=np.int64),
        np.array([piece.radius if isinstance(piece, Circle) else 0.0 for _, piece in pieces], dtype=np.float64),
        np.cumsum([0, *(len(vertices) for vertices in corners)], dtype=np.int64),
        np.array([vertex for vertices in corners for vertex in vertices], dtype=np.float64).reshape(-1, 2),
    )


def read_bodies(text: str) -> tuple[tuple[Body, ...], NDArray[np.float64]]:
    """The JSON list of a released scene's bodies -> the bodies, walls first, and their (B, 3) initial poses.

    Raises:
        UserError: the text is not such a list.
    """
    try:
        records = json.loads(text)
        bodies = tuple(
            Body(
                tuple(
                    Circle(shape["circle_radius"])
                    if "circle_radius" in shape
                    else Polygon(tuple((x, y) for x, y in shape["polygon"]))
                    for shape in record["shapes"]
                ),
                record["color"],
                record["dynamic"],
                record["shape_type"],
                record["diameter"],
            )
            for record in records
        )
        poses = np.array([[*record["position"], record["angle"]] for record in records], dtype=np.float64)
        return bodies, poses.reshape(len(bodies), 3)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"not a list of released bodies ({error!r}): {text[:60]!r}") from error
