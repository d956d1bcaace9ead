"""Where a scene starts: the release's placement rules, as functions of unit random numbers.

Each rule turns (N, K) initial values and (N, D) numbers in [0, 1) into start positions and the bounds of every draw.
The numbers are given, not drawn here, so a scene can take them from its own stream, from the release's stream or from
a recorded list. Column j of the numbers is draw j in the release's call order; a draw that a scene does not make
leaves its column unused, and its bounds are NaN. Source: released data section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.laws import FRAME_S, WORLD_SIZE

Array = NDArray[np.float64]

MIN_VISIBLE_FRAMES = 24  # one ball: frames asked to be in view
FRAMES_BEFORE_CONTACT = 8
EARLY_FRAMES_BEFORE_CONTACT = 4  # the release's older collision grids
LATEST_CONTACT_FRAME = 24  # leaves time for 8 frames after the contact; nothing makes them visible
MARGIN = 0.05 * WORLD_SIZE


@dataclass
class Placement:
    """start: (N, balls, 2). low, high: (N, D) bounds of each draw, NaN for one that is not made."""

    start: Array
    low: Array
    high: Array


def _between(low: Array, high: Array, unit: Array) -> Array:
    return np.asarray(low + (high - low) * unit)


def _one_ball(init: Array, units: Array, y_low: Array, y_high: Array) -> Placement:
    (radius, speed), (extra, ux, uy) = init.T, units.T
    high = WORLD_SIZE - (MIN_VISIBLE_FRAMES * speed * FRAME_S + radius)
    # A fast ball has no room: it starts near the left edge and leaves the picture early.
    fast = high < radius
    high = np.where(fast, radius + 0.5 * extra, high)
    none = np.where(fast, 0.0, np.nan)
    start = np.stack([_between(radius, high, ux), _between(y_low, y_high, uy)], axis=-1)[:, None]
    return Placement(start, np.stack([none, radius, y_low], axis=-1), np.stack([none + 0.5, high, y_high], axis=-1))


def place_uniform(init: Array, units: Array) -> Placement:
    """(r, v) and draws (extra, x, y) -> one ball that moves left to right."""
    radius = init[:, 0]
    return _one_ball(init, units, radius + MARGIN, WORLD_SIZE - MARGIN - radius)


def place_parabola(init: Array, units: Array) -> Placement:
    """(r, v) and draws (extra, x, y) -> one ball thrown from near the top, left to right."""
    radius = init[:, 0]
    return _one_ball(init, units, WORLD_SIZE - 3 * MARGIN - radius, WORLD_SIZE - MARGIN - radius)


def place_collision(init: Array, units: Array, frames_before: int = FRAMES_BEFORE_CONTACT) -> Placement:
    """(r1, r2, v1, v2) and draws (overwritten distance, distance, x1, y) -> two balls; feasible scenes only.

    The first draw is made where r1 > 2 r2, by a branch of the release whose value is then overwritten.
    """
    r1, r2, v1, v2 = init.T
    reach, closing = r1 + r2, v1 + v2
    shortest = frames_before * FRAME_S * closing + reach
    longest = LATEST_CONTACT_FRAME * FRAME_S * closing + reach
    uneven = (r1 > 2 * r2) | (r2 > 2 * r1)
    longest = np.minimum(np.where(uneven, 1.25 * shortest, longest), WORLD_SIZE - reach)
    distance = _between(shortest, longest, units[:, 1])
    high = WORLD_SIZE - r2 - distance
    low = np.where(r2 > 2 * r1, high - MARGIN, r1)
    x1 = np.maximum(_between(low, high, units[:, 2]), r1)
    x2 = np.minimum(x1 + distance, WORLD_SIZE - r2)
    largest = np.maximum(r1, r2)
    y_low, y_high = largest + MARGIN, WORLD_SIZE - MARGIN - largest
    y = _between(y_low, y_high, units[:, 3])
    none = np.where(r1 > 2 * r2, 0.0, np.nan)
    return Placement(
        np.stack([np.stack([x1, y], axis=-1), np.stack([x2, y], axis=-1)], axis=1),
        np.stack([none + shortest, shortest, low, y_low], axis=-1),
        np.stack([none + longest, longest, high, y_high], axis=-1),
    )


def feasible_collision(init: Array, frames_before: int = FRAMES_BEFORE_CONTACT) -> NDArray[np.bool_]:
    """(N, 4) -> (N,): the scene fits, i.e. 0.1 f (v1 + v2) + 2 (r1 + r2) <= 10 with f frames before the contact, ties
    kept.

    Source: released data section 2.3, "equivalent rule".
    """
    r1, r2, v1, v2 = init.T
    needed = frames_before * FRAME_S * (v1 + v2) + 2 * (r1 + r2)
    return np.asarray(needed <= WORLD_SIZE + 1e-9)
