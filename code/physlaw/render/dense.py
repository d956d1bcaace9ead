"""The renderer's formula written out over every pixel: the reference that the fast painter equals byte for byte.

Source: released data sections 1.1 (circle) and 1.2 (square). The ring is ours: the release has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.appearance import RING, SQUARE
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenes import Trajectory

RIM = 0.03  # share of the squared radius over which coverage falls from 1 to 0
RING_HOLE = 0.6  # inner radius of a ring as a share of the outer one


def _coverage(d2: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    return np.clip((reach * reach - d2) / (RIM * (reach * reach)), 0, 1)


def render_dense(trajectory: Trajectory, native: int) -> NDArray[np.uint8]:
    """(N, T, native, native, 3) uint8, row 0 on top: every object blended over every pixel, in order, in float64.

    Objects of radius 0 are not there.
    """
    axis = np.arange(native) / (native - 1)
    scenes, frames, objects = trajectory.positions.shape[:3]
    out = np.empty((scenes, frames, native, native, 3), np.uint8)
    for scene, frame in np.ndindex(scenes, frames):
        image = np.full((native, native, 3), 255.0)
        for k in range(objects):
            reach = float(trajectory.radii[scene, k] / WORLD_SIZE)
            if reach == 0:
                continue
            x, y = trajectory.positions[scene, frame, k] / WORLD_SIZE
            dx, dy = axis[None, :] - x, axis[:, None] - y
            if trajectory.shapes[scene, k] == SQUARE:
                alpha = ((np.abs(dx) <= reach) & (np.abs(dy) <= reach)).astype(np.float64)
            else:
                d2 = dx * dx + dy * dy
                alpha = _coverage(d2, reach)
                if trajectory.shapes[scene, k] == RING:
                    alpha = alpha * (1.0 - _coverage(d2, RING_HOLE * reach))
            alpha = alpha[..., None]
            image = (1.0 - alpha) * image + alpha * trajectory.colours[scene, k]
        out[scene, frame] = image.astype(np.uint8)[::-1]
    return out
