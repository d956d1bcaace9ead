"""Generated velocities between the law's and those of a model that holds initial values to what it was trained on.

Follow is 1 for a model that follows the law out of the trained range, 0 for one that stays at its edge. Source: paper
section 5.1 shows scatter plots and gives no measure; these are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physlaw.intervals import ratio_bootstrap
from physlaw.metric import OWN, Metric
from physlaw.worlds import laws
from physlaw.worlds.scenario import Scenario

Array = NDArray[np.float64]
FOLLOW = Metric("follow", "follow", 2, interval=OWN)  # of a group of clips
Bands = Sequence[tuple[float, float]]


def nearest_in_bands(speed: Array, bands: Bands) -> Array:
    """(...) speeds -> the nearest ones that lie in a band; of two equally near ones the slower."""
    candidates = np.stack([np.clip(speed, low, high) for low, high in bands])
    best = np.abs(candidates - speed).argmin(axis=0)
    return np.asarray(np.take_along_axis(candidates, best[None], axis=0)[0])


def final_velocities(scenario: Scenario, init: Array, contact: laws.Contact = "elastic") -> Array:
    """(N, K) initial values -> (N, balls) signed horizontal velocities where errors are measured: after the contact for
    collisions."""
    velocity = scenario.velocities(init)
    if scenario.num_balls == 1:
        return velocity
    restitution = laws.restitution(velocity[:, 0] - velocity[:, 1], contact)
    return laws.impact(velocity, scenario.radii(init) ** 2, restitution)


def held_to(scenario: Scenario, init: Array, bands: Bands | None = None) -> Array:
    """(N, K) initial values with sizes held to the trained range, and speeds to it or to the nearest of `bands`."""
    held = init.copy()
    for column, factor in enumerate(scenario.factors):
        interval = scenario.in_dist.interval(factor)
        speed = column in scenario.speed_factors and bands is not None
        held[:, column] = nearest_in_bands(init[:, column], bands if speed and bands else [interval])
    return held


def following_columns(
    scenario: Scenario, init: Array, velocity: Array, bands: Bands | None, contact: laws.Contact
) -> dict[str, Array]:
    """Per-clip columns: what a clamp and a snapper err by, world units / s, mean over balls, and the terms of follow.

    Args:
        init: (N, K). velocity: (N, balls, 2) generated, NaN where not measured.
        bands: trained bands of speed, if they are not the scenario's whole range: the clamp holds to their hull.
    """
    hull = None if bands is None else [(min(low for low, _ in bands), max(high for _, high in bands))]
    law = final_velocities(scenario, init, contact)
    clamp = final_velocities(scenario, held_to(scenario, init, hull), contact)
    snapper = final_velocities(scenario, held_to(scenario, init, bands), contact)
    away = law - clamp
    return {
        "clamp_corrected": np.abs(away).mean(axis=1),
        "snapper_corrected": np.abs(law - snapper).mean(axis=1),
        "follow_moved": ((velocity[..., 0] - clamp) * away).sum(axis=1),
        "follow_asked": (away**2).sum(axis=1),
    }


def follow(moved: Array, asked: Array) -> dict[str, float]:
    """Follow of a group of clips with its bootstrap interval over clips: sum of moved / sum of
    asked over the clips that were measured; NaN where the law and the clamp agree."""
    known = np.isfinite(moved) & (asked > 0)
    if not known.any():
        return FOLLOW.stated(math.nan)
    value = float(moved[known].sum() / asked[known].sum())
    return FOLLOW.stated(value, *ratio_bootstrap(moved[known], asked[known]))
