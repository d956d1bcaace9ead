"""Reference agents of attribute pairs: asked for a combination that training lacks, they keep one attribute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, Array, Asked, from_values
from physlaw.agents.frames import Maker
from physlaw.studies.attributes.score import CrossedPair
from physlaw.studies.attributes.sets import PAIR_OF, AttributePair
from physlaw.worlds.appearance import RING

PairOf = Callable[[str], AttributePair]  # of a scenario's name


def _keeping(crossed: CrossedPair, asked: Asked, keep: int) -> Array:
    """The law of the nearest trained combination that has the scene's value of attribute `keep`."""
    return crossed.towards(asked.init, asked.scenario.factors, keep)


def priority(pair_of: PairOf, asked: Asked) -> Array:
    """Keeps what comes first in the paper's order, colour > size > velocity > shape; with a ring, shape."""
    crossed = CrossedPair.of(pair_of(asked.cell.scenario))
    ring = crossed.has_shapes and any(RING in box[crossed.factors.index("shape")] for box in crossed.pair.trained)
    return _keeping(crossed, asked, crossed.factors.index("shape") if ring else 0)


def colour_keeper(pair_of: PairOf, asked: Asked) -> Array:
    """Always keeps colour; the law in pairs without it."""
    crossed = CrossedPair.of(pair_of(asked.cell.scenario))
    return _keeping(crossed, asked, crossed.factors.index("colour")) if "colour" in crossed.factors else asked.init


def random_attribute(pair_of: PairOf, asked: Asked) -> Array:
    """Keeps the first or the second attribute, at random."""
    crossed = CrossedPair.of(pair_of(asked.cell.scenario))
    first = asked.uniforms("attribute") < 0.5
    return np.where(first, _keeping(crossed, asked, 0), _keeping(crossed, asked, 1))


def makers(pair_of: PairOf) -> dict[str, Maker]:
    """The agents of a study of pairs."""
    return {
        "law": LAW,
        "clamp": CLAMP,
        "nearest_case": NEAREST_CASE,
        "priority": from_values(partial(priority, pair_of)),
        "colour_keeper": from_values(partial(colour_keeper, pair_of)),
        "random_attribute": from_values(partial(random_attribute, pair_of)),
    }


# Of composer attributes combine; where it fails is in the study composition.
MAKERS = {**makers(PAIR_OF.__getitem__), "composer": LAW}
