from dataclasses import replace

import numpy as np
import pytest

import compositions
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.studies.composition.lawful import CompositionTable, measure_composition, true_phases
from physlaw.studies.composition.scenes import (
    FACTORS,
    CompositionScenes,
    columns,
    composition_trajectory,
    object_scene,
)
from physlaw.studies.composition.sets import COMPOSITIONS
from physlaw.worlds.objects import simulate_objects

OUTSIDE = -50.0


def scene_sets(name: str) -> list[CompositionScenes]:
    return [compositions.training(name, "3k"), compositions.both_events(name)]


def judge(init: np.ndarray, true: np.ndarray, shown: np.ndarray, width: int) -> CompositionTable:
    """What is said of clips that show one motion, against another as the truth."""
    frames = render_clips(composition_trajectory(init, shown), width)
    radii, shapes = columns(init, "red_r", "blue_r"), columns(init, "red_shape", "blue_shape")
    return measure_composition(frames, true, radii, shapes, columns(init, "wall_x", "wall_y", "wall_half_height"))


def without(init: np.ndarray, *, walls: bool = True, other: bool = True) -> np.ndarray:
    """The motion if the walls, or for each object the other one, were not there."""
    shown = []
    for row in init:
        scene = object_scene(row)
        scene = scene if walls else replace(scene, walls=())
        if other:
            shown.append(simulate_objects(scene, 32).positions)
            continue
        alone = [replace(scene, radii=tuple(r if j == k else 0.0 for j, r in enumerate(scene.radii))) for k in (0, 1)]
        shown.append(np.stack([simulate_objects(one, 32).positions[:, k] for k, one in enumerate(alone)], axis=1))
    return np.stack(shown)


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_truth_is_lawful(name: str, width: int) -> None:
    for scenes in scene_sets(name):
        index = np.arange(96)
        init, true = scenes.init(index), scenes.positions(index)
        table = judge(init, true, true, width)
        assert table.lawful.mean() >= 0.99
        assert not table.vanished.any()
        assert np.nanmax(table.position_error) < 0.1
        assert np.nanmin(table.wall) > 0.5
        present = columns(init, "red_present", "blue_present") > 0
        assert np.isfinite(table.velocity_error).any(axis=2)[present].all()
        assert abs(np.nanmedian(table.area) - 1) < 0.03


@pytest.mark.parametrize("name", ["composition_spatial", "composition_temporal"])
def test_a_ball_that_goes_through_the_wall_is_found(name: str) -> None:
    scenes = compositions.both_events(name)
    index = np.arange(96)
    init, true = scenes.init(index), scenes.positions(index)
    ball = 0 if name == "composition_spatial" else 1
    table = judge(init, true, without(init, walls=False), 16)
    assert (~table.lawful[:, ball]).mean() >= 0.95
    assert table.lawful[:, 1 - ball].mean() >= 0.95


def test_balls_that_go_through_each_other_are_found() -> None:
    scenes = compositions.both_events("composition_temporal")
    index = np.arange(96)
    init, true = scenes.init(index), scenes.positions(index)
    table = judge(init, true, without(init, other=False), 16)
    assert (~table.lawful.all(axis=1)).mean() >= 0.95


@pytest.mark.parametrize("name", COMPOSITIONS)
@pytest.mark.parametrize("k", [0, 1])
def test_objects_that_vanish_are_found(name: str, k: int) -> None:
    scenes = compositions.both_events(name)
    index = np.arange(96)
    init, true = scenes.init(index), scenes.positions(index)
    shown = true.copy()
    shown[:, 5:, k] = OUTSIDE
    table = judge(init, true, shown, 16)
    assert table.vanished[:, k].mean() >= 0.95
    assert not table.vanished[:, 1 - k].any()
    assert not table.lawful[table.vanished].any()
    shown = true.copy()
    shown[:, 5:7, k] = OUTSIDE  # a flicker of two frames
    assert not judge(init, true, shown, 16).vanished.any()


@pytest.mark.parametrize("name", COMPOSITIONS)
@pytest.mark.parametrize("k", [0, 1])
def test_objects_that_turn_round_are_found(name: str, k: int) -> None:
    scenes = compositions.both_events(name)
    index = np.arange(96)
    init, true = scenes.init(index), scenes.positions(index)
    shown = true.copy()
    shown[:, 3:, k] = 2 * true[:, 2:3, k] - true[:, 3:, k]
    table = judge(init, true, shown, 16)
    assert (~table.lawful[:, k]).mean() >= 0.95
    assert table.lawful[:, 1 - k].mean() >= 0.95


def test_an_object_that_the_truth_lacks_must_not_appear() -> None:
    scenes = compositions.training("composition_temporal_plain", "3k")
    index = np.arange(1, 40, 2)  # half B: no red ball
    init, true = scenes.init(index), scenes.positions(index)
    assert judge(init, true, true, 16).lawful.all()
    appeared, shown = init.copy(), true.copy()
    appeared[:, FACTORS.index("red_r")] = 0.6
    shown[:, :, 0] = [1.0, 1.0]
    frames = render_clips(composition_trajectory(appeared, shown), 16)
    radii, shapes = columns(init, "red_r", "blue_r"), columns(init, "red_shape", "blue_shape")
    walls = columns(init, "wall_x", "wall_y", "wall_half_height")
    assert not measure_composition(frames, true, radii, shapes, walls).lawful[:, 0].any()


def test_small_deviations_are_tolerated() -> None:
    """A speed 5 % off, and an event one frame late."""
    scenes = compositions.both_events("composition_spatial")
    index = np.arange(96)
    init, true = scenes.init(index), scenes.positions(index)
    slow = true[:, :1] + 0.95 * (true - true[:, :1])
    assert judge(init, true, slow, 16).lawful.mean() >= 0.99
    late = true.copy()
    late[:, 1:] = true[:, :-1]
    assert judge(init, true, late, 16).lawful.mean() >= 0.99


def test_phases_are_the_stretches_between_events() -> None:
    x = np.array([0.0, 0.1, 0.2, 0.3, 0.35, 0.25, 0.15, 0.05, 0.05, 0.05])  # turns between frames 3 and 4; rests at 7
    positions = np.stack([x, np.ones_like(x)], axis=-1)
    assert true_phases(positions) == [(0, 4), (4, 8), (7, 10)]


def test_a_table_has_one_row_per_clip() -> None:
    scenes = compositions.both_events("composition_temporal")
    index = np.arange(7)
    true = scenes.positions(index)
    table = judge(scenes.init(index), true, true, 16).columns()
    assert {len(values) for values in table.values()} == {7}
    assert table["lawful"].all()
    before, after = table["blue_true_velocity_2"], table["blue_true_velocity_3"]
    assert np.allclose(before, -after, atol=1e-3)  # off the wall
    assert np.abs(table["blue_velocity_3"] - after).max() < 0.1


def test_what_does_not_match_is_refused() -> None:
    scenes = compositions.both_events("composition_spatial")
    index = np.arange(4)
    true = scenes.positions(index)
    frames = render_clips(scenes.trajectory(index), 16)
    rest = (np.ones((4, 2)), np.zeros((4, 2)), np.ones((4, 3)))
    with pytest.raises(UserError, match="positions, radii and shapes"):
        measure_composition(frames, true[..., 0], *rest)
    with pytest.raises(UserError, match="do not match"):
        measure_composition(frames[:3], true, *rest)
    with pytest.raises(UserError, match="at least 6"):
        measure_composition(frames[:, :5], true[:, :5], *rest)
