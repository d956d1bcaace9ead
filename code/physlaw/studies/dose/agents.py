"""Reference agents of doses: one that no dose moves, one that any dose frees."""

from __future__ import annotations

import numpy as np

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, Array, Asked, from_values
from physlaw.studies.dose.study import FAST, RANGE


def held(asked: Asked) -> Array:
    """The law, speeds held to the range without a dose, whatever was added."""
    return asked.with_speeds(np.clip(asked.scenario.speeds(asked.init), *RANGE))


def generaliser(asked: Asked) -> Array:
    """The law once any fast clip was seen; else held."""
    return asked.init if asked.scenario.name in FAST else held(asked)


MAKERS = {
    "law": LAW,
    "clamp": CLAMP,
    "nearest_case": NEAREST_CASE,
    "held": from_values(held),
    "generaliser": from_values(generaliser),
}
