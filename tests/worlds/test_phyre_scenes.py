import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.bodies import BALL, BAR, JAR, RED, STICKS, WALL
from physlaw.worlds.phyre.red_ball import pixel_ball
from physlaw.worlds.phyre.scenes import (
    Address,
    PhyreScenes,
    in_template_videos,
    out_of_template_videos,
    sample_action,
    sample_scene,
    training_videos,
)
from physlaw.worlds.phyre.templates import NUMBERS, object_ids

SHAPES = (BALL, BALL, BALL, BAR, BAR, BAR, JAR, STICKS)  # by object id


def forget() -> None:
    sample_scene.cache_clear()


def test_the_sets_have_the_released_sizes() -> None:
    assert [len(training_videos(name)) for name in ("6", "30", "60")] == [594_000, 2_970_000, 5_940_000]
    assert [len(in_template_videos(name)) for name in ("6", "30", "60")] == [600, 3000, 6000]
    assert len(out_of_template_videos()) == 1000


def test_videos_are_numbered_by_template_scene_and_trial() -> None:
    videos = training_videos("30")
    assert videos.address(0) == (10000, 0, 0)
    assert videos.address(989) == (10000, 0, 989)
    assert videos.address(990) == (10000, 1, 0)
    assert videos.address(99_000) == (10002, 0, 0)
    assert videos.address(len(videos) - 1) == (10058, 99, 989)
    assert videos.key(99_000 + 7 * 990 + 3) == "10002:007"
    for number in (0, 1, 12_345, 2_000_000):
        assert videos.number(videos.address(number)) == number
    assert in_template_videos("6").address(101) == (10005, 1, 990)
    assert out_of_template_videos().address(999) == (10069, 99, 0)


def test_every_template_has_its_objects_in_order() -> None:
    for template in NUMBERS:
        scene = sample_scene(template, 4)
        assert [body.shape for body in scene.bodies[:4]] == [WALL] * 4
        shapes = [body.shape for body in scene.bodies[4:]]
        firsts = [shape for k, shape in enumerate(shapes) if k == 0 or shape != shapes[k - 1]]
        ids = object_ids(template)
        expected = [SHAPES[object_id] for object_id in ids]
        assert firsts == [shape for k, shape in enumerate(expected) if k == 0 or shape != expected[k - 1]]
        assert 4 <= len(shapes) <= 13
        assert sum(not body.dynamic for body in scene.bodies[4:]) >= (2 in ids) * 3 + (5 in ids)


def test_scenes_and_trials_depend_on_their_numbers_alone() -> None:
    videos = PhyreScenes((10005, 10048), range(990), seed=3)
    numbers = [5, 990, 99_000, 150_001, 6]
    first = [(videos.start(number)[0], videos.start(number)[1].tolist()) for number in numbers]
    forget()
    sample_action(10005, 77, 100, seed=3)
    for number, (bodies, poses) in reversed(list(zip(numbers, first, strict=True))):
        again = PhyreScenes((10048, 10005), range(5, 1000), seed=3)  # another set with the same videos
        template, scene, trial = videos.address(number)
        if trial in again.trials:
            assert again.start(again.number(Address(template, scene, trial)))[0] == bodies
        assert videos.start(number)[0] == bodies
        assert videos.start(number)[1].tolist() == poses


def test_scenes_trials_and_seeds_differ() -> None:
    scenes = [sample_scene(t, s, seed).poses.tolist() for t in (10000, 10001) for s in (0, 1) for seed in (0, 1)]
    assert len({str(poses) for poses in scenes}) == len(scenes)
    actions = {sample_action(10000, s, t, seed) for s in (0, 1) for t in (0, 1, 990) for seed in (0, 1)}
    assert len(actions) == 12


def test_a_set_evaluated_in_template_shows_its_training_scenes_with_new_balls() -> None:
    train, held = training_videos("6"), in_template_videos("6")
    bodies, poses = train.start(990 * 150 + 20)
    other_bodies, other_poses = held.start(150)
    assert bodies[:-1] == other_bodies[:-1]
    assert np.array_equal(poses[:-1], other_poses[:-1])
    assert held.action(150) not in {train.action(990 * 150 + trial) for trial in range(50)}


def test_a_video_begins_with_walls_and_ends_with_its_red_ball() -> None:
    videos = out_of_template_videos()
    bodies, poses = videos.start(345)
    assert poses.shape == (len(bodies), 3)
    assert bodies[-1].colour == RED
    assert (*poses[-1, :2], bodies[-1].diameter / 2) == pixel_ball(videos.action(345))
    moved, path = videos.motion(345, frames=3)
    assert moved == bodies
    assert path.shape == (3, len(bodies), 3)


def test_cached_scenes_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        sample_scene(10000, 0).poses[0, 0] = 1.0


def test_bad_numbers_and_names_are_named() -> None:
    videos = out_of_template_videos()
    for number in (-1, 1000):
        with pytest.raises(UserError, match=f"video {number} is not in the set; valid: 0 to 999"):
            videos.address(number)
    with pytest.raises(UserError, match="no template 10060, scene 100, trial 0"):
        videos.number(Address(10060, 100, 0))
    with pytest.raises(UserError, match="unknown training set of templates 'held_out'; valid: 6, 30, 60"):
        training_videos("held_out")
    with pytest.raises(UserError, match="unknown template '9'"):
        PhyreScenes((9,), range(1))
    with pytest.raises(UserError, match="0 templates"):
        PhyreScenes((), range(1))
    with pytest.raises(UserError, match="scene's number must not be negative, got -1"):
        sample_scene(10000, -1)
    with pytest.raises(UserError, match="trial's number must not be negative, got -1"):
        sample_action(10000, 0, -1)
