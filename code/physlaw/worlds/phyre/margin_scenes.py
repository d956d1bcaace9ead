"""Ambiguous scenes with as many margins below a pixel of a picture as above, and as many of either outcome.

The release's scenes (ambiguity.py) have no margin of a pixel in two families at 64 pixels a side, and five different
scenes in one. These are of the same four families and bodies, but black balls stand wherever the wanted margin asks.
Red balls have a radius of a pixel or more of a picture 32 wide, which the release's smallest (14 px) have not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.worlds.bodies import SIDE, STATIC_BALL_RADIUS
from physlaw.worlds.phyre.ambiguity import BLOCK_HEIGHT, GAP_BALL, GAP_WIDTH, OFFSET_BALL, OFFSET_BLOCK, AmbiguityScenes
from physlaw.worlds.phyre.red_ball import Action, action_of

Array = NDArray[np.float64]

OF_A_SIDE = 50  # scenes whose margin is below a pixel, and as many from one on
_FARTHEST = 4.0  # px of the picture
_FARTHEST_PX = 28.0  # of the scene: balls as large as these do not fall between two black ones that close
# Whole px of the scene that the red ball takes in turn: x, y, radius.
_RED = {
    GAP_BALL: tuple((230, 235, radius) for radius in (18, 19, 20, 21, 22)),
    OFFSET_BALL: tuple((x, 235, 18) for x in range(199, 210)),
    GAP_WIDTH: ((255, 255, 27),),
    OFFSET_BLOCK: ((204, 255, 27),),
}


@dataclass(frozen=True)
class MarginScenes(AmbiguityScenes):
    """A family's 2 x OF_A_SIDE scenes for pictures `side` wide, all different.

    Margins lie evenly between -1 and 1 pixel, and then from 1 pixel on to either side, in the order of their numbers by
    size, signs in turn. Black balls stand around the red ball's x, or beside it, so that the margin is the wanted one.

    Raises:
        UserError: unknown family (lists the valid ones), or a side below 1.
    """

    side: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side < 1:
            raise UserError(f"a picture's side must be at least 1 pixel, got {self.side}")

    def __len__(self) -> int:
        return 2 * OF_A_SIDE

    def distinct(self) -> tuple[int, ...]:
        """All numbers."""
        return tuple(range(len(self)))

    def address(self, number: int) -> tuple[int, ...]:
        """The release's number of the family, the picture's side, the scene's number. Raises UserError: no such."""
        self._check(number)
        return self.released, self.side, int(number)

    def action(self, number: int) -> Action:
        """A scene's red ball as (ax, ay, ar). Raises UserError: no such number."""
        return action_of(self._red(number))

    def blocks(self, number: int) -> Array:
        """(K, 2) centres of the black balls in px, from left to right. Raises UserError: no such number."""
        x, _, radius = self._red(number)
        margin = self._wanted(int(number)) * SIDE / self.side
        half = (margin + 2 * radius) / 2 + STATIC_BALL_RADIUS
        places = (x - half, x + half) if self.family in (GAP_BALL, GAP_WIDTH) else (x - margin,)
        return np.array([(place, SIDE * BLOCK_HEIGHT) for place in places])

    def _red(self, number: int) -> tuple[int, int, int]:
        self._check(number)
        known = _RED[self.family]
        return known[int(number) // 2 % len(known)]

    def _wanted(self, number: int) -> float:
        """A scene's margin, px of the picture."""
        row, sign = number // 2, 1 - 2 * (number % 2)
        steps = OF_A_SIDE // 2
        share = (row % steps + 0.5) / steps
        farthest = max(min(_FARTHEST, _FARTHEST_PX * self.side / SIDE), 1.5)
        return sign * (share if row < steps else 1 + share * (farthest - 1))
