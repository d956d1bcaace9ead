"""`physlaw where`: is a scene of the training distribution, and of which evaluation block?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.studies import registry
from physlaw.verbs import WhereConfig
from physlaw.worlds.initial_values import initial_values
from physlaw.worlds.scenario import Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """in_dist: the training set's region has the scene. blocks: the evaluation blocks whose regions have it."""

    in_dist: bool
    blocks: tuple[str, ...]


def where(config: WhereConfig, values: Mapping[str, str]) -> str:
    """ "in" or "out", then block=NAME of every evaluation block whose region has the scene, a line each; or one line of
    JSON, {"in_dist": ..., "blocks": [...]}. Arguments and errors as `locate`."""
    found = locate(config.scenario, config.size, values)
    if config.json:
        return json.dumps({"in_dist": found.in_dist, "blocks": list(found.blocks)}) + "\n"
    lines = ("in" if found.in_dist else "out", *(f"block={name}" for name in found.blocks))
    return "".join(f"{line}\n" for line in lines)


def locate(name: str, size: str, values: Mapping[str, str]) -> Place:
    """Where a scene of the scenario `name` lies.

    Args:
        size: of the training set; the first one unless named.
        values: every initial value of the scenario, as text.
    Raises:
        UserError: unknown scenario or training size, an initial value is missing, unknown or no number, or no set has
            such a scene, whatever its region.
    """
    scenario = registry.scenario(name)
    trained = scenario.of_size(size) if size else scenario
    point = initial_values(scenario, name, values)
    fits, fits_tests = _fits(trained, point), _fits(scenario, point)
    if not fits and not fits_tests:
        given = ", ".join(f"{factor}={text}" for factor, text in values.items())
        raise UserError(f"scenario={name} has no scene with {given}: it does not fit into picture and time")
    in_dist = fits and bool(trained.trained.contains(point)[0])
    blocks = [one for one, block in scenario.blocks().items() if fits_tests and block.region.contains(point)[0]]
    return Place(in_dist, tuple(blocks))


def _fits(scenario: Scenario, point: Array) -> bool:
    return scenario.feasible is None or bool(scenario.feasible(point)[0])
