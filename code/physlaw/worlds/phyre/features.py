"""The 14 numbers by which the release describes a body in a frame.

0, 1: x and y of the centre of mass as fractions of the side; 2: the angle, wrapped to [0, 2 pi), over 2 pi; 3: the
diameter as a fraction of the side; 4 to 7: one-hot ball, bar, jar, sticks; 8 to 13: one-hot red, green, blue, purple,
gray, black. Walls have none.
Source: released combinatorial data, section 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.worlds.bodies import BALL, BLACK, RED, SIDE, WALL, Body
from physlaw.worlds.phyre.mass import mass

NUM_FEATURES = 14
ANGLE, DIAMETER, SHAPES, COLOURS = 2, 3, 4, 8  # where they begin


def features(bodies: Sequence[Body], poses: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features of bodies at given poses.

    Args:
        bodies: B bodies, walls among them or not.
        poses: (..., B, 3) x, y (px) and angle (radians) of each body's frame.
    Returns:
        (..., N, 14) of the N bodies that are no walls, in their order.
    Raises:
        UserError: poses have the wrong shape, or a body has a colour without a feature.
    """
    if poses.shape[-2:] != (len(bodies), 3):
        raise UserError(f"poses must be (..., {len(bodies)} bodies, 3), got {poses.shape}")
    kept = [k for k, body in enumerate(bodies) if body.shape != WALL]
    constant = np.zeros((len(kept), NUM_FEATURES), dtype=np.float32)
    centres = np.empty((len(kept), 2))
    for row, k in enumerate(kept):
        body = bodies[k]
        if body.colour not in range(RED, BLACK + 1):
            raise UserError(f"only colours {RED} to {BLACK} have a feature, body {k} has {body.colour}")
        centres[row] = mass(body).centre
        constant[row, DIAMETER] = body.diameter / SIDE
        constant[row, SHAPES + body.shape - BALL] = constant[row, COLOURS + body.colour - RED] = 1
    poses = np.asarray(poses, dtype=np.float64)[..., kept, :]
    cos, sin = np.cos(poses[..., 2]), np.sin(poses[..., 2])
    out = np.empty((*poses.shape[:-1], NUM_FEATURES), dtype=np.float32)
    out[:] = constant
    out[..., 0] = (poses[..., 0] + cos * centres[:, 0] - sin * centres[:, 1]) / SIDE
    out[..., 1] = (poses[..., 1] + sin * centres[:, 0] + cos * centres[:, 1]) / SIDE
    out[..., ANGLE] = poses[..., 2] / (2 * math.pi) % 1.0
    out[..., ANGLE] %= 1.0  # a tiny negative angle rounds up to a whole turn
    return out
