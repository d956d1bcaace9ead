"""The 70 templates: four of the eight object types each, and the sets that training and evaluation use.

Source: released combinatorial data, section 3; the object types are those of section 2.
"""

from __future__ import annotations

import random
from itertools import combinations

from physlaw.errors import unknown

OBJECT_TYPES = (
    "dynamic_ball_1",
    "dynamic_ball_2",
    "static_ball",
    "dynamic_bar",
    "dynamic_standing_bars",
    "static_bar",
    "dynamic_jar",
    "dynamic_standingsticks",
)
FIRST = 10000  # the first template's number
_ORDER_SEED = 4  # of the release
_OBJECTS_PER_TEMPLATE = 4
_PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7))  # of ids: the set of six holds every union of two

Ids = tuple[int, ...]


def _shuffled() -> tuple[Ids, ...]:
    order = list(combinations(range(len(OBJECT_TYPES)), _OBJECTS_PER_TEMPLATE))
    random.Random(_ORDER_SEED).shuffle(order)
    return tuple(order)


TEMPLATES = _shuffled()  # the object ids of templates 10000, 10001, ...
NUMBERS = range(FIRST, FIRST + len(TEMPLATES))


def object_ids(template: int) -> Ids:
    """A template's number, e.g. 10023 -> its four object ids in ascending order: indices of OBJECT_TYPES.

    Raises:
        UserError: no such template (names the valid range).
    """
    if template not in NUMBERS:
        raise unknown("template", template, [f"{NUMBERS[0]} to {NUMBERS[-1]}"])
    return TEMPLATES[template - FIRST]


_UNIONS = {tuple(sorted(a + b)) for a, b in combinations(_PAIRS, 2)}
TRAIN_60 = tuple(NUMBERS[:60])
SETS = {
    "6": tuple(number for number in NUMBERS if object_ids(number) in _UNIONS),
    "30": TRAIN_60[::2],
    "60": TRAIN_60,
    "held_out": tuple(NUMBERS[60:]),
}


def template_set(name: str) -> tuple[int, ...]:
    """The template numbers of a set: "6", "30" or "60" to train on, "held_out" to evaluate on, ascending.

    Raises:
        UserError: unknown set (lists the valid ones).
    """
    if name not in SETS:
        raise unknown("set of templates", name, SETS)
    return SETS[name]
