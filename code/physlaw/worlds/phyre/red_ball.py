"""The red ball: how an action becomes a ball, and how actions are drawn near a scene's objects.

An action is (ax, ay, ar), each in [0, 1].
Source: released combinatorial data, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.worlds.bodies import BALL, BAR, RED, SIDE, WALL, Body, ball
from physlaw.worlds.phyre.features import ANGLE, DIAMETER, features
from physlaw.worlds.phyre.overlap import Obstacles
from physlaw.worlds.phyre.random_numbers import Draws

Action = tuple[float, float, float]

_SPAN = SIDE - 1  # px, of ax and ay
_SMALLEST, _RADIUS_SPAN = 2, 62  # px, of ar
_RADIUS_BOUNDS = (0.02, 0.2)  # fractions of the side; no size is drawn beyond them
_NEARLY_FLAT = 0.05  # of a full turn; bars turned by less are no targets
_MARGIN = 0.05  # fraction of the side, kept to the top and the bottom
_NEAR_TRIES, _ANYWHERE_TRIES = 100, 2000


def pixel_ball(action: Sequence[float]) -> tuple[int, int, int]:
    """(ax, ay, ar) -> centre and radius in whole px.

    Raises:
        UserError: not three numbers from 0 to 1.
    """
    if len(action) != 3 or not all(0 <= value <= 1 for value in action):
        raise UserError(f"an action must be three numbers from 0 to 1, got {tuple(action)}")
    ax, ay, ar = action
    return math.floor(_SPAN * ax), math.floor(_SPAN * ay), round(_SMALLEST + _RADIUS_SPAN * ar)


def action_of(pixels: Sequence[int]) -> Action:
    """The other way round: centre and radius in whole px -> an action that gives them."""
    x, y, radius = pixels
    return (x + 0.5) / _SPAN, (y + 0.5) / _SPAN, (radius - _SMALLEST) / _RADIUS_SPAN


def red_ball(action: Sequence[float]) -> tuple[Body, NDArray[np.float64]]:
    """(ax, ay, ar) -> the ball and its (3,) pose. Raises UserError as pixel_ball."""
    x, y, radius = pixel_ball(action)
    return ball(float(radius), RED), np.array([x, y, 0.0])


def in_picture(action: Sequence[float]) -> bool:
    """Each number is in [0, 1] and the ball, before it is moved to whole px, does not stick out of the picture."""
    ax, ay, ar = action
    radius = _SMALLEST + _RADIUS_SPAN * ar
    return all(0 <= value <= 1 for value in action) and all(
        radius <= _SPAN * value <= SIDE - radius for value in (ax, ay)
    )


class ActionSampler:
    """Draws the red ball of one scene near one of its objects, where it overlaps nothing.

    Args:
        bodies: B bodies of the scene: walls and objects, no red ball.
        poses: (B, 3) their poses.
    Raises:
        UserError: there is no object.
    """

    def __init__(self, bodies: Sequence[Body], poses: NDArray[np.floating]) -> None:
        objects = [body for body in bodies if body.shape != WALL]
        if not objects:
            raise UserError(f"a red ball needs a scene with objects, got {len(bodies)} walls only")
        rows = features(bodies, poses).astype(np.float64)
        sizes = [row[DIAMETER] / 2 for row, body in zip(rows, objects, strict=True) if body.shape == BALL]
        low, high = _RADIUS_BOUNDS
        self._bounds = (max(min(sizes) / 2, low), min(4 * max(sizes), high)) if sizes else (low, high)
        targets = [(row[0], row[1], row[DIAMETER] / 2) for row in rows]
        steep = [body.shape != BAR or row[ANGLE] >= _NEARLY_FLAT for row, body in zip(rows, objects, strict=True)]
        self._targets = [target for target, kept in zip(targets, steep, strict=True) if kept] or targets
        self._obstacles = Obstacles.of(bodies, poses)

    def valid(self, action: Sequence[float]) -> bool:
        """The ball lies in the picture and, in whole px, overlaps neither object nor wall."""
        return in_picture(action) and not self._obstacles.overlap(*pixel_ball(action))

    def _near(self, draws: Draws) -> Action:
        """A ball above or below one of the targets. The bounds of its height may be reversed."""
        x, y, reach = self._targets[draws.integer(0, len(self._targets) - 1)]
        size = draws.uniform(*self._bounds)
        dx = draws.uniform(-0.8, 0.8) * (reach + size)
        if draws.chance(0.5):
            height = draws.uniform(y + 0.9 * dx, 1 - reach - _MARGIN)
        else:
            height = draws.uniform(reach + _MARGIN, y - 0.9 * dx)
        return float(x + dx), float(height), float(5 * size)

    def _anywhere(self, draws: Draws) -> Action:
        """A ball anywhere in the picture, then given another size."""
        action = (draws.unit(), draws.unit(), draws.unit())
        while not in_picture(action):
            action = (draws.unit(), draws.unit(), draws.unit())
        return action[0], action[1], float(5 * draws.uniform(*self._bounds))

    def draw(self, draws: Draws) -> Action:
        """The first valid action: of 100 near the objects, then of 2000 anywhere.

        Raises:
            UserError: none was valid; the scene is too full.
        """
        for attempt in range(_NEAR_TRIES + _ANYWHERE_TRIES):
            action = self._near(draws) if attempt < _NEAR_TRIES else self._anywhere(draws)
            if self.valid(action):
                return action
        raise UserError(f"no place for a red ball among {len(self._targets)} objects: they fill the picture")
