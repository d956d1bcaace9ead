import numpy as np
import pytest

from physlaw.worlds.regions import RIM, Box, Difference, Intersection, Region, SumAtMost, Union
from physlaw.worlds.scenarios import SCENARIOS

BOX = Box.of(r=(1, 2), v=(0, 4))
POINTS = np.array([[1, 0], [2, 4], [1.5, 2], [0.99, 2], [2.01, 2], [1.5, 4.01], [1.5, -0.01]])


def test_box_contains_its_boundary_and_nothing_outside() -> None:
    assert BOX.contains(POINTS).tolist() == [True, True, True, False, False, False, False]


def test_empty_interval_names_itself() -> None:
    with pytest.raises(ValueError, match=r"v: \[4, 1\]"):
        Box.of(r=(0, 1), v=(4, 1))


@pytest.mark.parametrize(
    "region",
    [
        BOX,
        Union((BOX, Box.of(r=(5, 6), v=(0, 1)))),
        Difference(BOX, Box.of(r=(1.2, 1.8), v=(1, 3))),
        Intersection(BOX, SumAtMost(("r", "v"), ("r", "v"), 4.5)),
    ],
    ids=["box", "union", "difference", "intersection"],
)
def test_samples_lie_in_their_region_and_fill_it(region: Region) -> None:
    drawn = region.sample(np.random.default_rng(0), 2000)
    assert drawn.shape == (2000, 2)
    assert region.contains(drawn).all()
    assert np.ptp(drawn[:, 0]) > 0.9 * (1 if not isinstance(region, Union) else 5)


def test_difference_excludes_the_hole_and_refuses_an_empty_rest() -> None:
    hole = Box.of(r=(1.2, 1.8), v=(1, 3))
    assert not Difference(BOX, hole).contains(np.array([[1.5, 2.0]])).any()
    with pytest.raises(ValueError, match="whole region is left out"):
        Difference(BOX, BOX).sample(np.random.default_rng(0), 5)


def test_rims_belong_to_a_region_give_or_take_a_float32s_rounding() -> None:
    below = SumAtMost(("r", "v"), ("v", "r"), 5.0)
    for region, rim, other in ((BOX, [2.0, 1.0], [1.0, 0.0]), (below, [2.0, 3.0], [0.0, 1.0])):
        points = np.array([rim, rim, rim]) + np.array([[0], [RIM / 2], [2 * RIM]]) * np.array(other)
        assert region.contains(points).tolist() == [True, True, False]
        assert Difference(Box.of(r=(0, 9), v=(0, 9)), region).contains(points).tolist() == [False, False, True]
    assert BOX.but(v=(3, 4)) == Box.of(r=(1, 2), v=(3, 4))
    with pytest.raises(ValueError, match="unbounded"):
        below.sample(np.random.default_rng(0), 1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_training_scene_is_in_dist_and_no_ood_scene_is(name: str) -> None:
    scenario = SCENARIOS[name]
    for size in ("300", "3k", "30k"):
        grid = scenario.train_grid(size)
        assert scenario.in_dist.contains(grid.values(np.arange(len(grid)))).all()
    for block in scenario.eval_blocks().values():
        init = block.grid.values(np.arange(len(block.grid)))
        assert block.region.contains(init).all()
        assert scenario.in_dist.contains(init).all() == (block.level == 0) or not len(init)
        assert not scenario.in_dist.contains(init).any() or block.level == 0
