"""A scene's initial values as people write them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.words import typed
from physlaw.worlds.appearance import COLOUR_NAMES, SHAPE_NAMES
from physlaw.worlds.scenario import Scenario

Array = NDArray[np.float64]
NAMED = {"colour": COLOUR_NAMES, "shape": SHAPE_NAMES}  # values that have names


def initial_values(scenario: Scenario, name: str, values: Mapping[str, str]) -> Array:
    """(1, K) from texts by factor; a colour or shape by name, or by code.

    Raises:
        UserError: a value is missing, unknown, no number or impossible (names it).
    """
    for factor in values:
        if factor not in scenario.factors:
            raise unknown(f"initial value of scenario {name}", factor, scenario.factors)
    missing = [factor for factor in scenario.factors if factor not in values]
    if missing:
        raise UserError(
            f"scenario={name} needs every initial value ({', '.join(scenario.factors)}); missing: {', '.join(missing)}"
        )
    point = np.array([[_value(factor, values[factor]) for factor in scenario.factors]])
    scenario.check_init(point)
    return point


def _value(factor: str, text: str) -> float:
    if factor not in NAMED:
        return float(typed(float, text, factor))
    codes = {name: code for code, name in enumerate(NAMED[factor])}
    codes |= {str(code): code for code in codes.values()}
    if text not in codes:
        raise unknown(factor, text, NAMED[factor])
    return float(codes[text])
