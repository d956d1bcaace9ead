"""Where the balls of the static group lie: points of a random curved chain.

Source: released combinatorial data, section 2, object type 2.
"""

from __future__ import annotations

import math

from physlaw.worlds.phyre.random_numbers import Draws

Point = tuple[float, float]

START = (0.4, 0.55)
_CEILING = 0.5  # no later point lies this high
_LONGEST_TURN = 2 * math.pi / 10  # radians per step
_RUN_BEFORE_BRANCH = 3
_BRANCH = 0.2  # probability


def _inside(point: Point) -> bool:
    return 0 < point[0] < 1 and 0 < point[1] < 1


def chain(count: int, draws: Draws) -> list[Point]:
    """The chain's start, then `count` further points inside the unit square, in the order they were found.

    Points outside the square stay in the chain, which may come back from there, but are not returned. A branch goes
    back to a point of the chain and counts it again, so points may coincide; never with the start, which lies too high.
    """
    points, found = [START], [START]
    run = 1

    def heading_and_turn() -> tuple[float, float]:
        return draws.uniform(0, 2 * math.pi), draws.uniform(0, _LONGEST_TURN)

    heading, turn = heading_and_turn()
    while len(found) <= count:
        if run >= _RUN_BEFORE_BRANCH and draws.chance(_BRANCH):
            point = points[draws.integer(0, len(points) - 1)]
            run = 1
            heading, turn = heading_and_turn()
        else:
            run += 1
            step = draws.uniform(0.05, 0.2)
            heading += turn
            x, y = points[-1]
            point = (x + step * math.cos(heading), y + step * math.sin(heading))
        if point[1] >= _CEILING:
            continue  # the heading and the run go on from their new values
        points.append(point)
        if _inside(point):
            found.append(point)
    return found
