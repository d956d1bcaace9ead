"""Reference agents of attribute pairs: asked for a combination that training lacks, they keep one attribute."""

from __future__ import annotations

import numpy as np

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, Array, Asked, from_values
from physlaw.studies.attributes.score import CrossedPair
from physlaw.worlds.appearance import RING


def _keeping(asked: Asked, keep: int) -> Array:
    """The law of the nearest trained combination that has the scene's value of attribute `keep`."""
    return CrossedPair.of(asked.cell.scenario).towards(asked.init, asked.scenario.factors, keep)


def priority(asked: Asked) -> Array:
    """Keeps what comes first in the paper's order, colour > size > velocity > shape; with a ring, shape."""
    crossed = CrossedPair.of(asked.cell.scenario)
    ring = crossed.has_shapes and any(RING in box[crossed.factors.index("shape")] for box in crossed.pair.trained)
    return _keeping(asked, crossed.factors.index("shape") if ring else 0)


def colour_keeper(asked: Asked) -> Array:
    """Always keeps colour; the law in pairs without it."""
    factors = CrossedPair.of(asked.cell.scenario).factors
    return _keeping(asked, factors.index("colour")) if "colour" in factors else asked.init


def random_attribute(asked: Asked) -> Array:
    """Keeps the first or the second attribute, at random."""
    first = asked.uniforms("attribute") < 0.5
    return np.where(first, _keeping(asked, 0), _keeping(asked, 1))


MAKERS = {
    "law": LAW,
    "clamp": CLAMP,
    "nearest_case": NEAREST_CASE,
    "composer": LAW,  # attributes combine; where it fails is in the study composition
    "priority": from_values(priority),
    "colour_keeper": from_values(colour_keeper),
    "random_attribute": from_values(random_attribute),
}
