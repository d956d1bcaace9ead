"""Reference agents of the arms: what would be drawn if one of them cured the failure."""

from __future__ import annotations

from physlaw.agents.balls import CLAMP, LAW, Array, Asked, clamp, from_values
from physlaw.studies.carrier.study import OBJECTIVES, STATES

NUDGE = 0.1  # of the way to the law


def states_law(asked: Asked) -> Array:
    """The law in the arm of state tokens, else held to the training set's range."""
    return asked.init if asked.cell.scenario == STATES else clamp(asked)


def objective_law(asked: Asked) -> Array:
    """The law with another objective, else held to the training set's range."""
    return asked.init if asked.cell.scenario in OBJECTIVES else clamp(asked)


def states_nudge(asked: Asked) -> Array:
    """Held to the training set's range; in the arm of state tokens a tenth of the way to the law."""
    share = NUDGE if asked.cell.scenario == STATES else 0.0
    return clamp(asked) + share * (asked.init - clamp(asked))


MAKERS = {
    "law": LAW,
    "clamp": CLAMP,
    "states_law": from_values(states_law),
    "objective_law": from_values(objective_law),
    "states_nudge": from_values(states_nudge),
}
