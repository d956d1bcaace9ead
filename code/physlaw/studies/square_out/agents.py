"""Reference agents of holes in the training set."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, Array, Asked, from_values

_RIM = 1e-9


def nearest_in_hull(points: Array, known: Array) -> Array:
    """(N, 2) points -> (N, 2) the nearest points of the convex hull of (n, 2) known ones."""
    convex = ConvexHull(known)
    outside = (points @ convex.equations[:, :2].T + convex.equations[:, 2] > _RIM).any(axis=1)
    corners = known[convex.vertices]
    begin, way = corners, np.roll(corners, -1, axis=0) - corners  # the edges, one after the other
    share = ((points[:, None] - begin) * way).sum(axis=-1) / (way**2).sum(axis=-1)
    feet = begin + np.clip(share, 0.0, 1.0)[..., None] * way  # (N, edges, 2)
    best = ((feet - points[:, None]) ** 2).sum(axis=-1).argmin(axis=1)
    return np.where(outside[:, None], feet[np.arange(len(points)), best], points)


def hull(asked: Asked) -> Array:
    """The law inside the hull of the trained (v1, v2), outside it the law of the hull's nearest point; sizes are held
    to their range."""
    trained = np.unique(asked.scenario.speeds(asked.known.trained()), axis=0)
    low, high = asked.known.trained_range
    init = asked.with_speeds(nearest_in_hull(asked.scenario.speeds(asked.init), trained))
    radii = list(asked.scenario.radius_factors)
    init[:, radii] = np.clip(init[:, radii], low[radii], high[radii])
    return init


MAKERS = {"law": LAW, "clamp": CLAMP, "nearest_case": NEAREST_CASE, "hull": from_values(hull)}
