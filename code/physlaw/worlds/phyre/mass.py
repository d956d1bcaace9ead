"""Mass properties of bodies of density 1, from their exact shapes; where pieces overlap, the mass counts twice.

Source: released combinatorial data, sections 2 (jar) and 5 (centre of mass).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from physlaw.worlds.bodies import Body, Circle, Piece, Point


class Mass(NamedTuple):
    """area: px^2. centre: of mass, px in the body's frame. inertia: px^4, about the centre of mass."""

    area: float
    centre: Point
    inertia: float


def _moments(piece: Piece) -> tuple[float, float, float, float]:
    """Area, its first moments in x and y, and its second moment about the frame's origin."""
    if isinstance(piece, Circle):
        area = math.pi * piece.radius**2
        return area, 0.0, 0.0, area * piece.radius**2 / 2
    area = first_x = first_y = second = 0.0
    for (ax, ay), (bx, by) in zip(piece.vertices, piece.vertices[1:] + piece.vertices[:1], strict=True):
        cross = ax * by - ay * bx  # twice the area of the triangle with the origin
        area += cross / 2
        first_x += cross * (ax + bx) / 6
        first_y += cross * (ay + by) / 6
        second += cross * (ax * ax + ax * bx + bx * bx + ay * ay + ay * by + by * by) / 12
    return area, first_x, first_y, second


def mass(body: Body) -> Mass:
    """The mass properties of a body."""
    area, first_x, first_y, second = (sum(parts) for parts in zip(*map(_moments, body.pieces), strict=True))
    x, y = first_x / area, first_y / area
    return Mass(area, (x, y), second - area * (x * x + y * y))
