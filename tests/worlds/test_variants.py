"""The deeper studies' training sets and tests: counts of the released data section 5, and what lies where."""

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.studies import NAMES
from physlaw.studies.registry import scenarios_of
from physlaw.worlds.appearance import BLUE, RED
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import eval_scenes, training_scenes
from physlaw.worlds.variants import (
    GAPS,
    HOLES,
    PAIRS,
    VARIANTS,
    combination_bounds,
    get_scenario,
    in_bands,
    in_hull,
    pair_name,
)

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
    **dict.fromkeys(GAPS, 4356 + 4392), **dict.fromkeys(HOLES, 6825), "hole_mass": 5912, "colour_size": 1364,
    "colour_velocity": 1584, "colour_shape": 1364, "size_velocity": 4356, "size_shape": 620, "velocity_shape": 704,
}  # fmt: skip


@pytest.mark.parametrize("name", TRAINING)
def test_training_sets_have_the_released_counts(name: str) -> None:
    scenes = training_scenes(name, "1.6m" if name in HOLES else "300k")
    assert len(scenes) == TRAINING[name]
    blocks = get_scenario(name).eval_blocks()
    if name in TESTS:
        assert sum(len(block.grid) for block in blocks.values()) == TESTS[name]
    assert any(block.level == 0 for block in blocks.values())


def test_the_configuration_knows_every_variant_and_no_other() -> None:
    sizes = {name: sizes for study in NAMES for name, sizes in scenarios_of(study).items()}
    known = set(sizes) - {"combinatorial"} - set(SCENARIOS)
    assert known - {name for name in known if name.startswith("composition")} == set(VARIANTS)
    for name in VARIANTS:
        assert set(sizes[name]) <= set(get_scenario(name).train_points)


@pytest.mark.parametrize("name", [*GAPS, *HOLES, "fast_right", *PAIRS])
def test_blocks_of_level_0_are_in_the_training_region_and_others_are_not(name: str) -> None:
    """By the nearest training scene on the largest grid: a trained test scene is within its spacing."""
    scenario = get_scenario(name)
    rng = np.random.default_rng(0)
    grid = training_scenes(name, "1.6m" if name in HOLES else "300k").grid
    low, high = (f(grid.values(np.arange(len(grid))), axis=0) for f in (np.min, np.max))
    for block in scenario.eval_blocks().values():
        values = block.grid.values(rng.choice(len(block.grid), min(64, len(block.grid)), replace=False))
        if block.level == 0:
            assert ((values >= low - 1e-9) & (values <= high + 1e-9)).all(), block.name
        if name in GAPS and block.level < 2:
            assert (in_bands(name, values[:, 1]) == (block.level == 0)).all()
        if name in HOLES:
            assert (in_hull(name, values) == (block.level < 2)).all()
            assert (HOLES[name](values) & in_hull(name, values)).all() == (block.level == 1) or block.level == 2
        if name in PAIRS:
            columns = {factor: values[:, k] for k, factor in enumerate(scenario.factors)}
            for factor, (least, most) in combination_bounds(block.name).items():
                assert ((columns[factor] >= least) & (columns[factor] <= most)).all(), (block.name, factor)
            assert (block.name in PAIRS[name].trained) == (block.level == 0)


def test_colour_and_shape_reach_the_picture() -> None:
    scenes = eval_scenes("colour_shape", "blue_circle")
    trajectory = scenes.trajectory(np.arange(3))
    assert (trajectory.colours == np.array(BLUE)).all()
    assert (trajectory.shapes == 0).all()
    training = training_scenes("colour_ring", "300")
    looks = training.trajectory(np.arange(len(training)))
    red = (looks.colours == np.array(RED)).all(axis=(1, 2))
    assert ((looks.shapes[:, 0] == 0) == red).all()
    assert 0 < red.sum() < len(red)
    assert pair_name("colour_shape_noflip") == "colour_shape"
    assert pair_name("colour_velocity_red") == "colour_velocity"


def test_variants_refuse_what_they_do_not_have() -> None:
    with pytest.raises(UserError, match="unknown training size of scenario fast_right '24m'; valid: 300, 3k"):
        training_scenes("fast_right", "24m")
    with pytest.raises(UserError, match="placement=released is known of scenarios uniform, parabola, collision only"):
        training_scenes("gap_125_375", "300k", placement="released")
    with pytest.raises(UserError, match="one evaluation set"):
        get_scenario("gap_125_375").eval_blocks("paper")
    with pytest.raises(UserError, match="unknown evaluation block of scenario gap_125_375 'id'; valid: bands, gap"):
        eval_scenes("gap_125_375", "id")
