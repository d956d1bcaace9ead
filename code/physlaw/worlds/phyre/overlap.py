"""Does a ball overlap what already stands in a scene? Exact shapes; to touch is not to overlap.

Source: released combinatorial data, section 4 (validity).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.bodies import Body, Circle, Point

_TOUCH = 1e-5  # px; a ball this little inside still only touches
_FAR = 1e-3  # px; far above rounding errors


@dataclass(frozen=True)
class Outline:
    """A convex polygon in the scene: its corners counter-clockwise, and a circle that holds it."""

    corners: tuple[Point, ...]
    middle: Point
    reach: float

    def holds(self, x: float, y: float) -> bool:
        return all(
            (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
            for (ax, ay), (bx, by) in zip(self.corners, self.corners[1:] + self.corners[:1], strict=True)
        )

    def distance(self, x: float, y: float) -> float:
        """From a point to the boundary."""
        return min(
            _to_segment(x, y, a, b) for a, b in zip(self.corners, self.corners[1:] + self.corners[:1], strict=True)
        )


def _to_segment(x: float, y: float, a: Point, b: Point) -> float:
    run, rise = b[0] - a[0], b[1] - a[1]
    along = ((x - a[0]) * run + (y - a[1]) * rise) / (run * run + rise * rise)
    along = min(max(along, 0.0), 1.0)
    return math.hypot(x - a[0] - along * run, y - a[1] - along * rise)


@dataclass(frozen=True)
class Obstacles:
    """What stands in a scene: discs (x, y, radius) and outlines of convex polygons, px."""

    discs: tuple[tuple[float, float, float], ...]
    outlines: tuple[Outline, ...]

    @classmethod
    def of(cls, bodies: Sequence[Body], poses: NDArray[np.floating]) -> Obstacles:
        """B bodies, walls included, at their (B, 3) poses."""
        discs, outlines = [], []
        for body, (x, y, angle) in zip(bodies, poses.tolist(), strict=True):
            cos, sin = math.cos(angle), math.sin(angle)
            for piece in body.pieces:
                if isinstance(piece, Circle):
                    discs.append((x, y, piece.radius))
                    continue
                corners = tuple((x + (cos * a - sin * b), y + (sin * a + cos * b)) for a, b in piece.vertices)
                middle = (sum(c[0] for c in corners) / len(corners), sum(c[1] for c in corners) / len(corners))
                outlines.append(Outline(corners, middle, max(math.dist(middle, corner) for corner in corners)))
        return cls(tuple(discs), tuple(outlines))

    def overlap(self, x: float, y: float, radius: float) -> bool:
        """The ball overlaps at least one of them."""
        if any(math.hypot(x - a, y - b) + _TOUCH < radius + other for a, b, other in self.discs):
            return True
        return any(
            math.dist((x, y), outline.middle) < radius + outline.reach + _FAR
            and (outline.holds(x, y) or outline.distance(x, y) + _TOUCH < radius)
            for outline in self.outlines
        )
