"""The eight object types: what a scene draws for each.

Sizes and places are fractions of the scene's side times SIDE, in px. Objects are never tested for overlap with one
another; many scenes begin with bodies inside each other, as in the release.
Source: released combinatorial data, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from physlaw.worlds.bodies import (
    BLACK,
    SIDE,
    STATIC_BALL_RADIUS,
    Body,
    ball,
    ball_radius,
    bar,
    extent,
    jar,
    standing_bars,
    sticks,
)
from physlaw.worlds.phyre.random_numbers import Draws
from physlaw.worlds.phyre.static_balls import chain

Pose = tuple[float, float, float]  # x, y (px), angle (radians)
Placed = list[tuple[Body, Pose]]

_UPRIGHT = math.pi / 2
_SLOT_PITCH = 0.15  # between standing bars


def _middle(draws: Draws) -> float:
    """Where the horizontal centre of a dynamic object lies."""
    return SIDE * draws.uniform(0.3, 0.6)


def _angle(draws: Draws, limit: float) -> float:
    """Uniform within +-limit degrees, in radians."""
    return math.radians(draws.uniform(-limit, limit))


def _in_box(body: Body, angle: float, centre_x: float, bottom: float) -> Pose:
    """The pose whose axis-aligned box, after turning, has this horizontal centre and this bottom."""
    left, low, right, _ = extent(body, angle)
    return centre_x - (left + right) / 2, bottom - low, angle


def dynamic_ball(draws: Draws) -> Placed:
    radius = ball_radius(draws.uniform(0.06, 0.12))
    x, bottom = _middle(draws), SIDE * draws.uniform(0.4, 0.85)
    return [(ball(radius), (x, bottom + radius, 0.0))]


def static_balls(draws: Draws) -> Placed:
    """3 to 7 balls, which may lie over one another."""
    body = ball(STATIC_BALL_RADIUS, BLACK, dynamic=False)
    return [(body, (SIDE * x, SIDE * y, 0.0)) for x, y in chain(draws.integer(2, 6), draws)]


def dynamic_bar(draws: Draws) -> Placed:
    """Placed while it lies flat, then turned about its centre."""
    body = bar(SIDE * draws.uniform(0.15, 0.5))
    x, bottom = _middle(draws), SIDE * draws.uniform(0.2, 0.8)
    return [(body, (x, bottom - extent(body, 0.0)[1], _angle(draws, 90)))]


def dynamic_standing_bars(draws: Draws) -> Placed:
    """1 to 4 upright bars on the floor, each longer than the one before; with count n the slots begin at floor(-n / 2),
    and half of the groups are mirrored."""
    bodies = standing_bars(draws.integer(1, 4))
    offset, pitch = draws.uniform(0.45, 0.6), _SLOT_PITCH
    if draws.chance(0.5):
        offset, pitch = 1 - offset, -pitch
    placed: Placed = []
    for slot, body in enumerate(bodies, start=-len(bodies) // 2):
        left, low, _, _ = extent(body, _UPRIGHT)
        placed.append((body, (SIDE * (offset + pitch * slot) - left, -low, _UPRIGHT)))
    return placed


def static_bar(draws: Draws) -> Placed:
    """Placed by its right end while it lies flat, then turned about its centre; may stick out on the left."""
    body = bar(SIDE * draws.uniform(0.2, 0.5), colour=BLACK, dynamic=False)
    _, low, right, _ = extent(body, 0.0)
    x, y = SIDE * draws.uniform(0.3, 0.4) - right, SIDE * draws.uniform(0.1, 0.5) - low
    return [(body, (x, y, _angle(draws, 60)))]


def dynamic_jar(draws: Draws) -> Placed:
    """Turned first, then placed by the box of the turned jar."""
    body, x = jar(draws.uniform(0.08, 0.3)), _middle(draws)
    angle = bottom = 0.0
    if draws.chance(0.7):
        angle, bottom = _angle(draws, 45), SIDE * draws.uniform(0.2, 0.8)
    return [(body, _in_box(body, angle, x, bottom))]


def dynamic_standingsticks(draws: Draws) -> Placed:
    """Turned first, then placed by the box of the turned sticks."""
    body, x = sticks(draws.uniform(0.3, 0.6)), _middle(draws)
    angle = bottom = 0.0
    if not draws.chance(0.3):
        angle, bottom = _angle(draws, 90), SIDE * draws.uniform(0.2, 0.5)
    return [(body, _in_box(body, angle, x, bottom))]


SAMPLERS: tuple[Callable[[Draws], Placed], ...] = (  # by object id
    dynamic_ball,
    dynamic_ball,
    static_balls,
    dynamic_bar,
    dynamic_standing_bars,
    static_bar,
    dynamic_jar,
    dynamic_standingsticks,
)
