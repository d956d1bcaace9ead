"""The studies' training sets and tests: counts of the released data section 5, and what lies where."""

import numpy as np
import pytest

from physlaw import studies
from physlaw.errors import UserError
from physlaw.studies import registry
from physlaw.studies.attributes.sets import PAIR_OF, PAIRS, combination_bounds
from physlaw.studies.dose.study import FAST
from physlaw.studies.square_out.sets import HOLES, hull
from physlaw.studies.square_out.study import CONTROL
from physlaw.studies.velocity_gap.study import BANDS
from physlaw.worlds.appearance import BLUE, RED
from physlaw.worlds.scenarios import SCENARIOS, UNIFORM
from physlaw.worlds.scenes import eval_scenes, training_scenes

# Released data sections 5.1 to 5.3: training clips on the grids 300 x 1000, or 61 speeds and 21 radii.
TRAINING = {
    "gap_125_375": 50_400, "gap_150_350": 100_200, "gap_175_325": 150_000, "gap_200_300": 199_800,
    "gap_one_island": 75_600, "gap_two_islands": 100_200, "fast_right": 300_000, "fast_flipped": 300_000,
    "hole_200_300": 1_446_480, "hole_175_325": 1_217_160, "hole_150_350": 899_640, "hole_125_375": 493_920,
    "hole_110_390": 257_985, "hole_several": 1_183_203, "hole_all_but_rim": 306_936, "hole_mass": 1_402_817,
    "colour_size": 300_000, "colour_velocity": 300_000, "colour_shape": 600_000, "size_velocity": 150_000,
    "size_shape": 300_000, "velocity_shape": 300_000, "colour_velocity_red": 300_000, "colour_velocity_blue": 300_000,
}  # fmt: skip
TESTS = {
    **dict.fromkeys(BANDS, 4356 + 4392), **dict.fromkeys(HOLES, 6825), "hole_mass": 5912, "colour_size": 1364,
    "colour_velocity": 1584, "colour_shape": 1364, "size_velocity": 4356, "size_shape": 620, "velocity_shape": 704,
}  # fmt: skip
BALLS = registry.scenarios()
OWN = [name for name, scenario in BALLS.items() if scenario.tests is not None]


def largest(name: str) -> str:
    return "1.6m" if name.startswith("hole_") else "300k"


@pytest.mark.parametrize("name", TRAINING)
def test_training_sets_have_the_released_counts(name: str) -> None:
    scenario = registry.scenario(name)
    assert len(training_scenes(scenario, largest(name))) == TRAINING[name]
    blocks = scenario.eval_blocks()
    if name in TESTS:
        assert sum(len(block.grid) for block in blocks.values()) == TESTS[name]
    assert any(block.level == 0 for block in blocks.values())


@pytest.mark.parametrize("study", studies.NAMES)
def test_a_studys_sets_are_those_it_names(study: str) -> None:
    """And a name that several studies use means the same object in each."""
    sets, named = registry.part(study, "sets").SCENARIOS, registry.scenarios_of(study)
    assert set(sets) == set(named)
    for name, sizes in named.items():
        known = registry.world(name)
        if name in BALLS:
            assert sets[name] is BALLS[name]
            for size in sizes:
                assert size in sets[name].of_size(size).train_points
        else:
            assert sets[name] is known


def some(points: object, count: int = 400) -> np.ndarray:
    index = np.random.default_rng(0).choice(len(points), min(count, len(points)), replace=False)  # type: ignore
    return points.values(np.sort(index))  # type: ignore


@pytest.mark.parametrize("name", OWN)
def test_regions_say_what_training_sets_and_blocks_hold(name: str) -> None:
    """Also of the blocks' points that lie in no training set, and of the points that a hole leaves out."""
    scenario = registry.scenario(name)
    for size in (min(scenario.train_points), largest(name)):
        assert scenario.trained.contains(some(training_scenes(scenario, size).grid)).all()
    for block in scenario.eval_blocks().values():
        values = block.grid.values(np.arange(len(block.grid)))
        assert block.region.contains(values).all(), block.name
        assert block.region.factors == scenario.factors
        inside = scenario.trained.contains(values)
        # Beyond the range begins where the range ends; halves share the middle.
        shared = block.name == "extrapolation" or (name in PAIR_OF and not PAIR_OF[name].cuts_one_grid)
        if name == CONTROL:  # trained on all that the rim leaves out
            assert inside.all() == (block.name != "outside")
            continue
        if name in FAST and block.name == "added":  # every dose has the same blocks; it was trained on this one
            assert inside.all()
            continue
        assert inside.all() if block.level == 0 else not inside.any() or (shared and inside.mean() < 0.25)
        drawn = block.region.sample(np.random.default_rng(1), 50)
        assert block.region.contains(drawn).all()
        assert scenario.trained.contains(drawn).all() == (block.level == 0)
    if scenario.training is None:
        whole, kept = scenario.train_grid(largest(name)), len(training_scenes(scenario, largest(name)))
        chunks = np.array_split(np.arange(len(whole)), 20)
        assert sum(scenario.trained.contains(whole.values(chunk)).sum() for chunk in chunks) == kept


def test_holes_and_gaps_are_where_they_are_said_to_be() -> None:
    def trained(name: str, *values: float) -> bool:
        return bool(registry.scenario(name).trained.contains(np.array([values]))[0])

    assert [trained("gap_150_350", 1, v) for v in (1, 1.49, 1.5, 2.5, 3.5, 3.51, 4, 4.1)] == [1, 1, 0, 0, 0, 1, 1, 0]
    assert [trained("gap_one_island", 1, v) for v in (1.25, 1.3, 2.375, 2.7, 3.75)] == [1, 0, 1, 0, 1]
    assert [trained("hole_200_300", 1, 1, 2.5, v) for v in (1.9, 2, 3, 3.1)] == [1, 0, 0, 1]
    # Its upper end is trained: the release's grid has 3.9000000000000004 for it.
    assert [trained("hole_110_390", 1, 1, 2.5, v) for v in (1.1, 3.8, 3.9, np.float32(3.9))] == [0, 0, 1, 1]
    assert [trained("hole_all_but_rim", 1, 1, 3, v) for v in (1, 1.25, 1.26)] == [1, 1, 0]
    assert [trained("hole_mass", 1, r, 2, 2) for r in (0.7, 0.8, 1, 1.2, 1.3)] == [1, 0, 0, 1, 1]
    rim = hull("hole_all_but_rim").contains(
        np.array([[1, 1, 4, 1.25], [1, 1, 4, 1.26], [1, 1, 2.6, 2.6], [1, 1, 3, 3]])
    )
    assert rim.tolist() == [True, False, True, False]


@pytest.mark.parametrize("name", PAIRS)
def test_combinations_show_what_their_words_say(name: str) -> None:
    scenario = registry.scenario(name)
    for block in scenario.eval_blocks().values():
        values = block.grid.values(np.arange(len(block.grid)))
        for factor, (least, most) in combination_bounds(block.name).items():
            column = values[:, scenario.factors.index(factor)]
            assert ((column >= least) & (column <= most)).all(), (block.name, factor)
        assert (block.name in PAIRS[name].trained) == (block.level == 0)


def test_colour_and_shape_reach_the_picture() -> None:
    scenes = eval_scenes(registry.scenario("colour_shape"), "blue_circle")
    trajectory = scenes.trajectory(np.arange(3))
    assert (trajectory.colours == np.array(BLUE)).all()
    assert (trajectory.shapes == 0).all()
    training = training_scenes(registry.scenario("colour_ring"), "300")
    looks = training.trajectory(np.arange(len(training)))
    red = (looks.colours == np.array(RED)).all(axis=(1, 2))
    assert ((looks.shapes[:, 0] == 0) == red).all()
    assert 0 < red.sum() < len(red)


def test_what_is_special_about_a_scenario_it_says_itself() -> None:
    worlds = {name: registry.world(name) for name in registry.scenario_names()}
    assert {name for name, world in worlds.items() if not world.needs} == {
        *SCENARIOS,
        *("uniform_fine", "uniform_long", "uniform_short"),
        *("uniform_regression", "uniform_v", "uniform_differences", "uniform_states", "uniform_added"),
    }
    assert {world.picture for world in worlds.values()} == {"red", "red_blue", "red_blue_black", "bodies"}
    flipped = {name for name, world in worlds.items() if world.flips}
    assert flipped == {
        "fast_flipped",
        "colour_ring",
        "colour_ring_rgb",
        "colour_velocity_red",
        "colour_velocity_blue",
        *PAIRS,
    }
    for name in ("colour_shape", "size_shape", "velocity_shape", "colour_ring", "colour_shape_noflip"):
        with pytest.raises(UserError, match="shapes need a resolution of 32 or more"):
            worlds[name].check_clips(16, 32)
    worlds["colour_size"].check_clips(16, 32)


def test_they_refuse_what_they_do_not_have() -> None:
    gap = registry.scenario("gap_125_375")
    with pytest.raises(UserError, match="unknown training size of scenario fast_right '24m'; valid: 300, 3k"):
        training_scenes(registry.scenario("fast_right"), "24m")
    with pytest.raises(UserError, match="placement=released is known of scenarios uniform, parabola, collision only"):
        training_scenes(gap, "300k", placement="released")
    with pytest.raises(UserError, match="one evaluation set"):
        gap.eval_blocks("paper")
    with pytest.raises(UserError, match="unknown evaluation block of scenario gap_125_375 'id'; valid: bands, gap"):
        eval_scenes(gap, "id")
    with pytest.raises(UserError, match="unknown scenario 'gap'; valid: uniform, parabola, collision, combinatorial"):
        registry.world("gap")
    with pytest.raises(UserError, match="unknown scenario with ranges of initial values 'combinatorial'; valid: unif"):
        registry.scenario("combinatorial")
    assert registry.scenario("uniform_fine") is UNIFORM
