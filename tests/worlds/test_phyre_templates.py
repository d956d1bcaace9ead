from itertools import combinations

import pytest

from physlaw.errors import UserError
from physlaw.worlds.phyre.templates import NUMBERS, OBJECT_TYPES, SETS, TEMPLATES, object_ids, template_set

# The released scenes' templates 10000 to 10069, a digit per object id.
RELEASED = """
1467 3567 0356 4567 1246 2345 0347 1267 1235 1245 2457 1567 0346 0357 2346 0246 2367 1345 1347 1256
0256 1236 1457 0123 0145 1257 0125 0137 0456 0136 2357 0234 0457 0267 0247 0134 3457 2347 2567 0146
0156 1357 1346 1247 3456 3467 0235 0135 2467 0236 0257 0567 0467 0167 0126 1356 1456 0237 2356 1234
0345 0124 0127 0147 0245 2456 1367 0157 1237 0367
"""


def test_the_templates_are_the_released_ones() -> None:
    assert tuple(tuple(int(digit) for digit in word) for word in RELEASED.split()) == TEMPLATES
    assert (NUMBERS[0], NUMBERS[-1]) == (10000, 10069)
    assert object_ids(10023) == (0, 1, 2, 3)
    assert len(OBJECT_TYPES) == 8


def test_the_sets_have_the_released_templates() -> None:
    assert template_set("6") == (10003, 10005, 10016, 10023, 10024, 10053)
    assert template_set("30") == tuple(range(10000, 10060, 2))
    assert template_set("60") == tuple(range(10000, 10060))
    assert template_set("held_out") == tuple(range(10060, 10070))


@pytest.mark.parametrize(
    ("name", "triples", "uses"),
    [
        ("6", 24, [3] * 8),
        ("30", 53, [14, 11, 15, 13, 18, 18, 17, 14]),
        ("60", 56, [28, 29, 30, 31, 30, 31, 32, 29]),
        ("held_out", 30, [7, 6, 5, 4, 5, 4, 3, 6]),
    ],
)
def test_every_set_shows_every_pair_of_objects(name: str, triples: int, uses: list[int]) -> None:
    members = [object_ids(template) for template in SETS[name]]
    assert len({pair for ids in members for pair in combinations(ids, 2)}) == 28
    assert len({triple for ids in members for triple in combinations(ids, 3)}) == triples
    assert [sum(object_id in ids for ids in members) for object_id in range(8)] == uses


def test_unknown_templates_and_sets_are_named() -> None:
    with pytest.raises(UserError, match="unknown template '10070'; valid: 10000 to 10069"):
        object_ids(10070)
    with pytest.raises(UserError, match="unknown set of templates '5'; valid: 6, 30, 60, held_out"):
        template_set("5")
