import time

import numpy as np
import pytest

import compositions
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.studies import registry
from physlaw.studies.composition.proposals import NEAR_WALL, WALL_HALF_WIDTH, WALL_TILES
from physlaw.studies.composition.scenes import FACTORS, CompositionScenes, columns
from physlaw.studies.composition.sets import COMPOSITIONS
from physlaw.worlds import laws
from physlaw.worlds.objects import WALL

RED, BLUE = 0, 1
SPATIAL, TEMPORAL, PLAIN = COMPOSITIONS
COUNT = 240
FRAMES = laws.steps_at_frame(32)


def events(scenes: CompositionScenes, index: np.ndarray) -> list[list[tuple[int, int]]]:
    return [[(a, b) for _, a, b in contacts] for contacts in scenes.contacts(index)]


def expected(name: str, number: int) -> list[tuple[int, int]]:
    if number % 2 == 0:
        return [] if name == SPATIAL else [(RED, BLUE)]
    if name == SPATIAL:
        return [(RED, WALL)]
    return [(BLUE if name == PLAIN else number // 2 % 2, WALL)]


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_each_half_has_its_event_alone(name: str) -> None:
    scenes, index = compositions.training(name, "3k"), np.arange(COUNT)
    assert events(scenes, index) == [expected(name, number) for number in index.tolist()]
    init = scenes.init(index)
    moves, present = columns(init, "red_v", "blue_v") != 0, columns(init, "red_present", "blue_present") > 0
    if name == SPATIAL:
        assert (moves[::2] == [False, True]).all()
        assert (moves[1::2] == [True, False]).all()
    else:
        assert moves[::2].all()
        assert (moves[1::2].sum(axis=1) == 1).all()
    assert present[::2].all()
    assert (present[1::2] == [name != PLAIN, True]).all()


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_both_events_come_together_in_the_test_set_alone(name: str) -> None:
    scenes = compositions.both_events(name)
    index = np.arange(len(scenes))
    found = events(scenes, index)
    assert found == [[(RED, WALL)] if name == SPATIAL else [(RED, BLUE), (BLUE, WALL)]] * len(scenes)
    assert (columns(scenes.init(index), "red_v", "blue_v") != 0).all()


def test_collisions_are_near_the_wall_in_the_test_set_alone() -> None:
    for scenes, near in (
        (compositions.training(TEMPORAL, "3k"), False),
        (compositions.both_events(TEMPORAL), True),
    ):
        index = np.arange(0, 200, 2)
        init, positions = scenes.init(index), scenes.positions(index)
        frame = [int((contacts[0][0] >= FRAMES).sum()) for contacts in scenes.contacts(index)]  # the first after it
        blue = positions[np.arange(len(index)), frame, 1, 0]
        to_wall = columns(init, "wall_x")[:, 0] - WALL_HALF_WIDTH - blue - columns(init, "blue_r")[:, 0]
        moved = 0.1 * np.abs(np.diff(positions[..., 1, 0], axis=1)).max(axis=1) / laws.FRAME_S  # since the contact
        assert ((to_wall <= NEAR_WALL + moved) if near else (to_wall >= NEAR_WALL - moved)).all()


@pytest.mark.parametrize("name", COMPOSITIONS)
@pytest.mark.parametrize("split", ["train/3k", "eval/both"])
def test_events_leave_time_and_objects_stay_in_view(name: str, split: str) -> None:
    scenes, index = compositions.composed(name, split), np.arange(COUNT)
    init, positions = scenes.init(index), scenes.positions(index)
    radii = columns(init, "red_r", "blue_r")
    for row, contacts in enumerate(scenes.contacts(index)):
        steps = np.array([step for step, _, _ in contacts])
        if len(steps):
            assert (steps[0] > FRAMES).sum() >= 3
            assert (steps[-1] < FRAMES).sum() >= 4
        if len(steps) == 2:
            assert ((steps[0] < FRAMES) & (steps[1] > FRAMES)).sum() >= 3
        for k in np.flatnonzero(radii[row]):
            last = max((step for step, a, b in contacts if k in (a, b)), default=None)
            shown = 16 if last is None else int((last >= FRAMES).sum()) + 4
            path, reach = positions[row, :shown, k], radii[row, k]
            assert (path >= reach - 1e-5).all()
            assert (path <= 10 - reach + 1e-5).all()


@pytest.mark.parametrize("split", ["train/3k", "eval/both"])
def test_ball_and_square_pass_each_other_and_the_wall(split: str) -> None:
    scenes, index = compositions.composed(SPATIAL, split), np.arange(COUNT)
    init, positions = scenes.init(index), scenes.positions(index)
    red_r, blue_r, half, wall_y = columns(init, "red_r", "blue_r", "wall_half_height", "wall_y").T
    height = np.abs(positions[:, :, 1, 1] - positions[:, :, 0, 1])
    assert (height >= (red_r + blue_r + 0.29)[:, None]).all()
    assert (np.abs(positions[:, :, 1, 1] - wall_y[:, None]) >= (half + blue_r + 0.29)[:, None]).all()


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_values_are_within_the_studies_ranges(name: str) -> None:
    for scenes in (compositions.training(name, "3k"), compositions.both_events(name)):
        init = scenes.init(np.arange(COUNT))
        present = columns(init, "red_present", "blue_present") > 0
        radii, speeds = columns(init, "red_r", "blue_r"), np.abs(columns(init, "red_v", "blue_v"))
        assert ((radii[present] >= 0.5) & (radii[present] <= 1.2)).all()
        assert (radii[~present] == 0).all()
        moving = speeds[speeds > 0]
        assert moving.min() >= 1
        assert moving.max() <= 4
        assert (columns(init, "wall_half_height") > 0).all()


def test_a_scene_depends_on_set_seed_and_number_alone() -> None:
    scenes = compositions.training(TEMPORAL, "3k")
    together = scenes.positions(np.array([7, 2999, 7, 12]))
    for row, number in ((0, 7), (1, 2999), (2, 7), (3, 12)):
        alone = compositions.training(TEMPORAL, "3k").positions(np.array([number]))
        assert np.array_equal(alone[0], together[row])
        assert np.array_equal(scenes.positions(np.array([number]))[0], together[row])  # remembered
    other = compositions.training(TEMPORAL, "3k", seed=1).positions(np.array([7]))
    assert not np.array_equal(other[0], together[0])


def test_large_sets_remember_some_scenes_and_stay_right() -> None:
    scenes = compositions.training(TEMPORAL, "3m")
    index = np.array([5, 300_005, 5])  # share a place
    first = scenes.positions(index)
    assert np.array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    assert np.array_equal(scenes.positions(index), first)
    assert len(scenes) == 3_000_000


def test_remembered_scenes_are_fast() -> None:
    scenes, index = compositions.training(PLAIN, "300"), np.arange(300)
    scenes.trajectory(index)
    start = time.perf_counter()
    scenes.trajectory(index)
    assert time.perf_counter() - start < 0.2


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_wall_is_drawn_in_every_scene(name: str) -> None:
    scenes, index = compositions.training(name, "300"), np.arange(20)
    trajectory, init = scenes.trajectory(index, 4), scenes.init(index)
    assert trajectory.positions.shape == (20, 4, 2 + WALL_TILES[1], 2)
    frames = render_clips(trajectory, 256)
    black = (frames == 0).all(axis=-1).sum(axis=(2, 3)) * (10 / 255) ** 2
    area = 4 * WALL_HALF_WIDTH * columns(init, "wall_half_height")
    assert np.abs(black / area - 1).max() < 0.2  # whole pixels
    y, x = np.nonzero((frames[3, 0] == 0).all(axis=-1))
    wall_x, wall_y = columns(init, "wall_x", "wall_y")[3]
    assert abs(x.mean() * 10 / 255 - wall_x) < 0.04
    assert abs(10 - y.mean() * 10 / 255 - wall_y) < 0.04


def test_clips_may_be_shorter() -> None:
    scenes, index = compositions.composed(SPATIAL, "eval/both", num_frames=20), np.arange(3)
    full = compositions.both_events(SPATIAL)
    assert np.array_equal(scenes.positions(index), full.positions(index)[:, :20])
    assert np.array_equal(full.trajectory(index, 3).positions, full.trajectory(index).positions[:, :3])


def test_a_digest_tells_sets_apart() -> None:
    digests = {compositions.training(name, "300", seed).digest() for name in (TEMPORAL, PLAIN) for seed in (0, 1)}
    assert len(digests) == 4
    assert compositions.training(PLAIN, "300").digest() in digests
    assert len(FACTORS) == compositions.training(PLAIN, "300").init(np.arange(1)).shape[1]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError, match="composition_spatial, composition_temporal, composition_temporal_plain"):
        registry.world("composition")
    with pytest.raises(UserError, match="train/300, train/3k, train/30k, train/300k, train/3m"):
        compositions.training(SPATIAL, "24m")
    with pytest.raises(UserError, match="eval/both"):
        compositions.composed(SPATIAL, "eval/id")
    with pytest.raises(UserError, match="1 to 32, got 33"):
        compositions.both_events(SPATIAL).positions(np.arange(1), 33)
    with pytest.raises(IndexError, match="300"):
        compositions.training(SPATIAL, "300").init(np.array([300]))
