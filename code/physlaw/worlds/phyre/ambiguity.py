"""Scenes where less than a pixel decides what happens: four families, after the paper's Fig. 10.

A red ball is let go above one black ball or above the gap between two, over a floor. Whether it fits through, or to
which side it rolls, hangs on the family's one varied quantity. Numbers run along it by value; where the release varies
a black ball its own order is shuffled.
Source: paper, section 5.5; released combinatorial data, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds.bodies import BLACK, GREEN, PURPLE, SIDE, STATIC_BALL_RADIUS, THICKNESS, Body, ball, bar, walls
from physlaw.worlds.phyre.red_ball import Action, pixel_ball, red_ball
from physlaw.worlds.phyre.simulate import simulate
from physlaw.worlds.scenes import NUM_FRAMES

Array = NDArray[np.float64]

GAP_BALL, OFFSET_BALL, GAP_WIDTH, OFFSET_BLOCK = "gap_ball", "offset_ball", "gap_width", "offset_block"
RELEASED = {GAP_BALL: 20000, OFFSET_BALL: 20001, GAP_WIDTH: 20002, OFFSET_BLOCK: 20003}  # the release's numbers
FAMILIES = tuple(RELEASED)
_ACTIONS, _SEEDS = 101, 100  # the release varies the first two families by the action, the others by a scene seed

THROUGH, RESTS, LEFT, RIGHT = "through", "rests", "left", "right"
OUTCOMES = (THROUGH, RESTS, LEFT, RIGHT)
ELSEWHERE, MISSING = "elsewhere", "missing"  # what no law gives: hanging in the air, and no ball at all

BLOCK_HEIGHT = 0.3  # fraction of the side, of the black balls' centres
_GREEN_RADIUS = 25.5  # px; it stands on the floor and stops what rolls left
_TOUCH = 16.0  # px; a ball this near a black one rests on it: a pixel of a 32 px picture
_WALLS, _WALL_POSES = walls()


def classify(x: Sequence[float] | Array, y: Sequence[float] | Array, radius: float, blocks: Array) -> str:
    """What became of the red ball.

    It is down if it ends nearer to the floor than to the black balls' height. Then the place where its path last
    passed that height decides: between the black balls is "through", else "left" or "right". The last frame alone
    would not do: a ball that fell through rolls on, as far as one that toppled off. Where the ball was never seen
    above, its first place stands in. If it is not down it "rests" on a black ball within 16 px of touching it, or is
    "elsewhere". Not seen in the last frame, it is "missing".

    Args:
        x, y: (T,) centre of the red ball in px of the scene, NaN where it is not seen.
        radius: px.
        blocks: (K, 2) centres of the black balls in px, all at one height, K = 1 or 2.
    Raises:
        UserError: x and y are not equally long, or empty.
    """
    path = np.array([x, y], dtype=np.float64).T if len(x) == len(y) else np.empty((0, 2))
    if path.ndim != 2 or not len(path):
        raise UserError(f"a path needs as many x as y, at least one, got {len(x)} and {len(y)}")
    if not np.isfinite(path[-1]).all():
        return MISSING
    path = path[np.isfinite(path).all(axis=1)]
    height = float(blocks[:, 1].mean())
    if path[-1, 1] >= (height + THICKNESS + radius) / 2:
        distance = np.hypot(*(blocks - path[-1]).T).min()
        return RESTS if distance <= radius + STATIC_BALL_RADIUS + _TOUCH else ELSEWHERE
    above = np.flatnonzero(path[:, 1] >= height)
    if len(above):
        (x0, y0), (x1, y1) = path[above[-1] : above[-1] + 2]
        passed = x0 + (x1 - x0) * (y0 - height) / (y0 - y1)
    else:
        passed = path[0, 0]
    if blocks[:, 0].min() < passed < blocks[:, 0].max():
        return THROUGH
    return LEFT if passed < blocks[:, 0].mean() else RIGHT


@dataclass(frozen=True)
class AmbiguityScenes:
    """A numbered family of scenes.

    gap_ball: two black balls, the red ball's radius grows (14 to 18 px). offset_ball: one black ball, the red ball's x
    grows (199 to 209 px). gap_width: two black balls draw apart. offset_block: one black ball moves right. Red balls
    snap to whole px, so that the first two families have only 5 and 11 distinct scenes: see distinct().

    Raises:
        UserError: unknown family (lists the valid ones).
    """

    family: str

    def __post_init__(self) -> None:
        if self.family not in RELEASED:
            raise unknown("family of ambiguous scenes", self.family, FAMILIES)

    def __len__(self) -> int:
        return _ACTIONS if self.family in (GAP_BALL, OFFSET_BALL) else _SEEDS

    @property
    def released(self) -> int:
        """The release's number of this family, e.g. 20000."""
        return RELEASED[self.family]

    def _check(self, number: int) -> None:
        if not 0 <= number < len(self):
            raise UserError(f"scene {number} is not in {self.family}; valid: 0 to {len(self) - 1}")

    def address(self, number: int) -> tuple[int, ...]:
        """The release's number of the family, and the scene's here. Raises UserError: no such number."""
        self._check(number)
        return self.released, int(number)

    def action(self, number: int) -> Action:
        """A scene's red ball as (ax, ay, ar). Raises UserError: no such number."""
        self._check(number)
        step = int(number) / (_ACTIONS - 1)
        return {
            GAP_BALL: (0.45, 0.46, 0.2 + 0.05 * step),
            OFFSET_BALL: (0.39 + 0.02 * step, 0.46, 0.2),
            GAP_WIDTH: (0.5, 0.5, 0.4),
            OFFSET_BLOCK: (0.4, 0.5, 0.4),
        }[self.family]

    def blocks(self, number: int) -> Array:
        """(K, 2) centres of the black balls in px, from left to right. Raises UserError: no such number."""
        self._check(number)
        seed = int(number)
        places = {
            GAP_BALL: (0.4, 0.5),
            OFFSET_BALL: (0.4,),
            GAP_WIDTH: (0.46 - 0.0005 * seed, 0.54 + 0.0005 * seed),
            OFFSET_BLOCK: (0.4 + 0.0001 * (seed - _SEEDS // 2),),
        }[self.family]
        return SIDE * np.array([(place, BLOCK_HEIGHT) for place in places])

    def margin(self, number: int, side: int = SIDE) -> float:
        """How far a scene is from being undecidable, in pixels of a picture `side` wide.

        With a gap: its free width minus the red ball's diameter, positive if the ball fits. With one black ball: the
        red ball's centre minus the black one's along x, positive if the red one is further right. It says nothing of
        the other turning point in gap_width: below about -27 px of the scene balls no longer rest but topple off.

        Raises:
            UserError: no such number, or a side below 1.
        """
        if side < 1:
            raise UserError(f"a picture's side must be at least 1 pixel, got {side}")
        blocks = self.blocks(number)
        x, _, radius = pixel_ball(self.action(number))
        free = blocks[-1, 0] - blocks[0, 0] - 2 * STATIC_BALL_RADIUS
        px = free - 2 * radius if len(blocks) == 2 else x - blocks[0, 0]
        return float(px) * side / SIDE

    def distinct(self) -> tuple[int, ...]:
        """The first number of every distinct scene, ascending."""
        first: dict[tuple[tuple[int, int, int], bytes], int] = {}
        for number in range(len(self)):
            first.setdefault((pixel_ball(self.action(number)), self.blocks(number).tobytes()), number)
        return tuple(first.values())

    def start(self, number: int) -> tuple[tuple[Body, ...], Array]:
        """A scene's bodies and their (B, 3) poses at the start: walls, floor, green ball, black balls, red ball.

        Raises:
            UserError: no such number.
        """
        blocks = self.blocks(number)
        red, red_pose = red_ball(self.action(number))
        floor, green = bar(SIDE, colour=PURPLE, dynamic=False), ball(_GREEN_RADIUS, GREEN)
        black = ball(STATIC_BALL_RADIUS, BLACK, dynamic=False)
        placed = [(SIDE / 2, THICKNESS / 2), (THICKNESS + _GREEN_RADIUS, THICKNESS + _GREEN_RADIUS), *blocks.tolist()]
        poses = np.array([(x, y, 0.0) for x, y in placed])
        bodies = (*_WALLS, floor, green, *(black for _ in blocks), red)
        return bodies, np.concatenate([_WALL_POSES, poses, red_pose[None]])

    def motion(self, number: int, frames: int = NUM_FRAMES) -> tuple[tuple[Body, ...], Array]:
        """A scene's bodies and their (frames, B, 3) poses. Raises UserError: no such number, or as simulate."""
        bodies, poses = self.start(number)
        return bodies, simulate(bodies, poses, frames)

    def outcome(self, number: int, frames: int = NUM_FRAMES) -> str:
        """What becomes of the red ball. Raises UserError as motion.

        32 stored frames are enough: every outcome is one of OUTCOMES, and the same as after all 50. Far fewer are not.
        """
        bodies, poses = self.motion(number, frames)
        return classify(poses[:, -1, 0], poses[:, -1, 1], bodies[-1].diameter / 2, self.blocks(number))
