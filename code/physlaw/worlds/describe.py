"""A scene's initial values told in other forms than pixels: as scaled numbers, or as an English sentence.

Source: paper A.5.1, which names both and prints neither its scaling nor its sentences; these are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.worlds.scenario import Scenario

Array = NDArray[np.float64]

STILL = 0.005  # a speed that would read 0.00


def state_numbers(scenario: Scenario, init: Array) -> NDArray[np.float32]:
    """Each factor on the scale where its in-distribution interval is [0, 1]; values outside it are not clipped.

    Args:
        init: (N, K) initial values, world units and world units per second, columns as in scenario.factors.
    Returns:
        (N, K) float32, no unit.
    Raises:
        UserError: init has other columns, or a scene is impossible (the message names it).
    """
    _check(scenario, init)
    low, high = np.array([scenario.in_dist.interval(factor) for factor in scenario.factors]).T
    return ((init - low) / (high - low)).astype(np.float32)


def sentences(scenario: Scenario, init: Array) -> list[str]:
    """One sentence for every scene, every value with two decimals; which way a ball moves stands for the sign.

    Args:
        init: (N, K) initial values, as for state_numbers.
    Raises:
        UserError: as state_numbers.
    """
    _check(scenario, init)
    radii, velocities = scenario.radii(init), scenario.velocities(init)
    return [_sentence(scenario, r, u) for r, u in zip(radii.tolist(), velocities.tolist(), strict=True)]


def _check(scenario: Scenario, init: Array) -> None:
    if init.ndim != 2 or init.shape[1] != len(scenario.factors):
        raise UserError(
            f"initial values of shape {list(init.shape)}; {scenario.name} needs [scenes, {len(scenario.factors)}]: "
            f"{', '.join(scenario.factors)}"
        )
    scenario.check_init(init)


def _sentence(scenario: Scenario, radii: list[float], velocities: list[float]) -> str:
    values = {f"r{ball}": f"{radius:.2f}" for ball, radius in enumerate(radii, 1)}
    motions = {f"motion{ball}": _motion(velocity) for ball, velocity in enumerate(velocities, 1)}
    return scenario.sentence.format(**values, **motions)


def _motion(velocity: float) -> str:
    if abs(velocity) < STILL:
        return "stands still"
    return f"moves {'right' if velocity > 0 else 'left'} at {abs(velocity):.2f} units per second"
