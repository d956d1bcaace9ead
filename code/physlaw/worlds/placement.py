"""Where a scene starts: the release's placement rules, as functions of unit random numbers.

Each rule turns (N, K) initial values and (N, D) numbers in [0, 1) into (N, balls, 2) start positions. The numbers are
given, not drawn here, so a scene can take them from its own stream or from a recorded list. Source: released data
section 2. Column j of the numbers is draw j of the rule; a draw that a scene does not need leaves its column unused.
"""

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.laws import FRAME_S, WORLD_SIZE

Array = NDArray[np.float64]

MIN_VISIBLE_FRAMES = 24  # one ball: frames asked to be in view
FRAMES_BEFORE_CONTACT = 8
FRAMES_AFTER_CONTACT = 24  # time budget only: nothing makes 24 frames visible
MARGIN = 0.05 * WORLD_SIZE


def _between(low: Array, high: Array, unit: Array) -> Array:
    return np.asarray(low + (high - low) * unit)


def _start_x(radius: Array, speed: Array, extra: Array, unit: Array) -> Array:
    high = WORLD_SIZE - (MIN_VISIBLE_FRAMES * speed * FRAME_S + radius)
    # A fast ball has no room: it starts near the left edge and leaves the picture early.
    high = np.where(high < radius, radius + 0.5 * extra, high)
    return _between(radius, high, unit)


def place_uniform(init: Array, units: Array) -> Array:
    """(r, v) and draws (extra, x, y) -> (N, 1, 2); the ball moves left to right."""
    (radius, speed), (extra, ux, uy) = init.T, units.T
    x = _start_x(radius, speed, extra, ux)
    y = _between(radius + MARGIN, WORLD_SIZE - MARGIN - radius, uy)
    return np.stack([x, y], axis=-1)[:, None]


def place_parabola(init: Array, units: Array) -> Array:
    """(r, v) and draws (extra, x, y) -> (N, 1, 2); thrown from near the top, left to right."""
    (radius, speed), (extra, ux, uy) = init.T, units.T
    x = _start_x(radius, speed, extra, ux)
    y = _between(WORLD_SIZE - 3 * MARGIN - radius, WORLD_SIZE - MARGIN - radius, uy)
    return np.stack([x, y], axis=-1)[:, None]


def place_collision(init: Array, units: Array) -> Array:
    """(r1, r2, v1, v2) and draws (unused, distance, x1, y) -> (N, 2, 2); feasible scenes only.

    The first draw belongs to a branch of the release whose value is overwritten (r1 > 2 r2); it is kept so that the
    columns stay in call order.
    """
    r1, r2, v1, v2 = init.T
    reach, closing = r1 + r2, v1 + v2
    shortest = FRAMES_BEFORE_CONTACT * FRAME_S * closing + reach
    longest = FRAMES_AFTER_CONTACT * FRAME_S * closing + reach
    uneven = (r1 > 2 * r2) | (r2 > 2 * r1)
    longest = np.minimum(np.where(uneven, 1.25 * shortest, longest), WORLD_SIZE - reach)
    distance = _between(shortest, longest, units[:, 1])
    high = WORLD_SIZE - r2 - distance
    low = np.where(r2 > 2 * r1, high - MARGIN, r1)
    x1 = np.maximum(_between(low, high, units[:, 2]), r1)
    x2 = np.minimum(x1 + distance, WORLD_SIZE - r2)
    largest = np.maximum(r1, r2)
    y = _between(largest + MARGIN, WORLD_SIZE - MARGIN - largest, units[:, 3])
    return np.stack([np.stack([x1, y], axis=-1), np.stack([x2, y], axis=-1)], axis=1)


def feasible_collision(init: Array) -> NDArray[np.bool_]:
    """(N, 4) -> (N,): the scene fits, i.e. 0.8 (v1 + v2) + 2 (r1 + r2) <= 10, ties kept.

    Source: released data section 2.3, "equivalent rule".
    """
    r1, r2, v1, v2 = init.T
    needed = FRAMES_BEFORE_CONTACT * FRAME_S * (v1 + v2) + 2 * (r1 + r2)
    return np.asarray(needed <= WORLD_SIZE + 1e-9)
