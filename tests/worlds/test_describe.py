import re

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.describe import sentences, state_numbers
from physlaw.worlds.scenarios import COLLISION, EARLY_COLLISION, PARABOLA, SCENARIOS, UNIFORM, Scenario
from physlaw.worlds.scenes import eval_scenes, training_scenes


def states(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


def test_the_in_distribution_interval_of_each_factor_becomes_zero_to_one() -> None:
    assert state_numbers(UNIFORM, states((0.7, 1.0), (1.05, 2.5), (1.4, 4.0))).tolist() == [[0, 0], [0.5, 0.5], [1, 1]]
    numbers = state_numbers(COLLISION, states((0.5, 1.5, 1.0, 4.0), (0.75, 1.0, 1.75, 2.5)))
    assert numbers.tolist() == [[0, 1, 0, 1], [0.25, 0.5, 0.25, 0.5]]
    assert numbers.dtype == np.float32


@pytest.mark.parametrize("name", SCENARIOS)
def test_training_scenes_stay_inside_and_fill_the_interval(name: str) -> None:
    scenes = training_scenes(SCENARIOS[name], "3k")
    numbers = state_numbers(scenes.scenario, scenes.init(np.arange(len(scenes))))
    assert numbers.shape == (len(scenes), len(scenes.scenario.factors))
    assert numbers.min() >= 0
    assert numbers.max() <= 1
    assert (np.ptp(numbers, axis=0) > 0.9).all()


def test_values_out_of_distribution_are_not_clipped() -> None:
    numbers = state_numbers(UNIFORM, states((0.35, 0.0), (2.1, 5.5)))
    assert numbers == pytest.approx(states((-0.5, -1 / 3), (2.0, 1.5)))
    scenes = eval_scenes(SCENARIOS["collision"], "level3_r1_r2")
    outside = state_numbers(COLLISION, scenes.init(np.arange(len(scenes))))[:, :2]
    assert ((outside < 0) | (outside > 1)).all()


def test_a_uniform_scene_in_words() -> None:
    assert sentences(UNIFORM, states((1.05, 2.3))) == [
        "A red ball of radius 1.05 moves right at 2.30 units per second."
    ]


def test_a_parabola_in_words() -> None:
    expected = "A red ball of radius 0.70 moves right at 1.00 units per second and falls freely."
    assert sentences(PARABOLA, states((0.7, 1.0))) == [expected]


@pytest.mark.parametrize("scenario", [COLLISION, EARLY_COLLISION])
def test_a_collision_in_words(scenario: Scenario) -> None:
    assert sentences(scenario, states((0.85, 1.1, 2.3, 1.75))) == [
        "A red ball of radius 0.85 moves right at 2.30 units per second and meets a blue ball of radius 1.10 that "
        "moves left at 1.75 units per second."
    ]


def test_the_directions_are_the_signs_of_the_scenarios_velocities() -> None:
    init = states((0.85, 1.1, 2.3, 1.75), (0.3, 2.0, 6.0, 4.5))
    for sentence, velocities in zip(sentences(COLLISION, init), COLLISION.velocities(init), strict=True):
        told = re.findall(r"moves (right|left) at (\d\.\d\d)", sentence)
        assert [{"right": 1, "left": -1}[way] * float(speed) for way, speed in told] == velocities.tolist()


def test_a_ball_without_speed_stands_still() -> None:
    still, slow = sentences(COLLISION, states((0.5, 0.5, 1.0, 0.0), (0.5, 0.5, 1.0, 0.0051)))
    assert still.endswith("meets a blue ball of radius 0.50 that stands still.")
    assert slow.endswith("that moves left at 0.01 units per second.")
    assert sentences(UNIFORM, states((1.0, 0.0049))) == ["A red ball of radius 1.00 stands still."]


def test_values_are_rounded_to_two_decimals_and_none_is_clipped() -> None:
    assert sentences(UNIFORM, states((2.0, 6.0)))[0].count("2.00") == 1
    assert "radius 0.72 moves right at 1.03 units" in sentences(UNIFORM, states((0.7241379, 1.0303030)))[0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scene_has_a_sentence_of_its_own_kind(name: str) -> None:
    scenes = eval_scenes(SCENARIOS[name], "id")
    index = np.arange(len(scenes))
    told = sentences(scenes.scenario, scenes.init(index))
    assert told == sentences(scenes.scenario, scenes.init(index))
    assert sentences(scenes.scenario, scenes.init(index[5:7])) == told[5:7]
    assert len({re.sub(r"\d\.\d\d", "#", sentence) for sentence in told}) == 1
    assert len(set(told)) == len(told)


def test_no_scene_has_no_sentence() -> None:
    assert sentences(UNIFORM, np.empty((0, 2))) == []
    assert state_numbers(UNIFORM, np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("tell", [state_numbers, sentences])
def test_wrong_columns_and_impossible_scenes_are_refused(tell: object) -> None:
    assert callable(tell)
    with pytest.raises(UserError, match=r"shape \[1, 2\]; collision needs \[scenes, 4\]: r1, r2, v1, v2"):
        tell(COLLISION, states((1.0, 2.0)))
    with pytest.raises(UserError, match=r"shape \[2\]; uniform needs \[scenes, 2\]: r, v"):
        tell(UNIFORM, np.array([1.0, 2.0]))
    with pytest.raises(UserError, match=r"impossible uniform scene 1: r=1, v=-2"):
        tell(UNIFORM, states((1.0, 2.0), (1.0, -2.0)))
