import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.bodies import (
    BALL,
    BLACK,
    PURPLE,
    RED,
    WHITE,
    Body,
    Circle,
    ball,
    bar,
    extent,
    jar,
    read_bodies,
    sticks,
    walls,
)
from physlaw.worlds.phyre import simulate as module
from physlaw.worlds.phyre.features import features
from physlaw.worlds.phyre.mass import mass
from physlaw.worlds.phyre.red_ball import ActionSampler, pixel_ball
from physlaw.worlds.phyre.scenes import PhyreScenes
from physlaw.worlds.phyre.simulate import simulate
from physlaw.worlds.phyre.templates import NUMBERS

Clip = tuple[tuple[Body, ...], np.ndarray, np.ndarray]  # bodies, poses at the start, (T, B, 3) poses


class Released(NamedTuple):
    bodies: tuple[Body, ...]
    start: np.ndarray
    action: np.ndarray
    pixels: np.ndarray
    first_features: np.ndarray
    features: np.ndarray
    steps: np.ndarray


@pytest.fixture(scope="module")
def released_scenes() -> list[Released]:
    folder = os.environ.get("PHYSLAW_FIXTURES")
    path = Path(folder or "") / "released_phyre.npz"
    if not folder or not path.is_file():
        pytest.skip(f"released samples absent: set PHYSLAW_FIXTURES to the folder of {path.name}")
    names = ("action", "user_ball_px", "initial_featurized", "frame_featurized", "step_pose")
    with np.load(path, allow_pickle=False) as archive:
        return [
            Released(*read_bodies(str(archive[f"{k}_bodies_json"])), *(archive[f"{k}_{name}"] for name in names))
            for k in ("s0", "s1", "s2")
        ]


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Two scenes of each of the 70 templates."""
    videos = PhyreScenes(tuple(NUMBERS), range(1), scenes_per_template=2)
    starts = [videos.start(number) for number in range(len(videos))]
    return [(bodies, poses, simulate(bodies, poses)) for bodies, poses in starts]


def movers(bodies: tuple[Body, ...]) -> list[int]:
    return [k for k, body in enumerate(bodies) if body.dynamic]


def in_walls(*placed: tuple[Body, tuple[float, float, float]]) -> tuple[tuple[Body, ...], np.ndarray]:
    bodies, poses = walls()
    return (*bodies, *(body for body, _ in placed)), np.concatenate([poses, np.array([pose for _, pose in placed])])


def centres(bodies: tuple[Body, ...], poses: np.ndarray) -> np.ndarray:
    """(T, B, 3) -> (T, moving bodies, 2) centres of mass."""
    kept = [body for body in bodies if body.dynamic]
    return features(kept, poses[:, movers(bodies)])[..., :2] * 512


def errors(scene: Released) -> np.ndarray:
    """(50,) mean distance of the moving bodies' centres from the released ones, as a fraction of the scene."""
    ours = centres(scene.bodies, simulate(scene.bodies, scene.start))
    return np.linalg.norm(ours - centres(scene.bodies, scene.steps[::20]), axis=2).mean(axis=1) / 512


def fallen(frames: int) -> np.ndarray:
    """px below the start after 20 k + 1 steps."""
    n = 20 * np.arange(frames) + 1
    return 58.8 / 3600 * n * (n + 1) / 2


def test_released_scenes_are_followed_up_to_frame_10(released_scenes: list[Released]) -> None:
    error = np.array([errors(scene) for scene in released_scenes])
    assert error[:, 0].max() <= 0.0005  # overlaps are gone in frame 0, as in the release
    assert error[:, 5].max() <= 0.004
    assert error[:, 5].mean() <= 0.001
    assert error[:, 10].max() <= 0.015
    assert error[:, 10].mean() <= 0.005


def test_red_balls_fall_as_released_until_they_touch(released_scenes: list[Released]) -> None:
    for scene in released_scenes:
        truth, ours = scene.steps[::20, -1, :2], simulate(scene.bodies, scene.start)[:, -1, :2]
        free = np.abs(scene.start[-1, :2] - [0, 1] * fallen(50)[:, None] - truth).max(axis=1) < 0.01
        contact = int(np.argmin(free))
        assert contact >= 3
        assert np.abs(ours - truth)[:contact].max() < 0.05


def test_released_features_follow_from_the_poses(released_scenes: list[Released]) -> None:
    for scene in released_scenes:
        assert np.abs(features(scene.bodies[:-1], scene.start[:-1]) - scene.first_features[0]).max() <= 1e-6
        ours = features(scene.bodies, scene.steps[::20])
        assert ours.dtype == np.float32
        assert np.abs(ours - scene.features).max() <= 1e-6


def test_released_red_balls_are_valid_actions(released_scenes: list[Released]) -> None:
    for scene in released_scenes:
        action = tuple(scene.action.tolist())
        assert pixel_ball(action) == tuple(scene.pixels)
        assert ActionSampler(scene.bodies[:-1], scene.start[:-1]).valid(action)


def test_nothing_leaves_the_picture(clips: list[Clip]) -> None:
    for bodies, _, poses in clips:
        last = centres(bodies, poses[-1:])
        assert last.min() > 0
        assert last.max() < 512


def test_as_many_scenes_still_move_as_in_the_release(clips: list[Clip]) -> None:
    moved = [
        np.linalg.norm(np.diff(centres(bodies, poses), axis=0), axis=2).max(axis=1) > 1 for bodies, _, poses in clips
    ]
    share = np.mean(moved, axis=0)[[0, 5, 10, 15, 20, 25, 30, 35, 40, 48]]
    assert share == pytest.approx([1.0, 1.0, 0.97, 0.93, 0.84, 0.69, 0.56, 0.45, 0.35, 0.25], abs=0.15)


def test_overlaps_are_gone_in_frame_0_as_often_as_in_the_release(clips: list[Clip]) -> None:
    jumps = [np.linalg.norm((path[0] - start)[:, :2], axis=1).max() for _, start, path in clips]
    assert np.mean(np.array(jumps) > 1) == pytest.approx(0.56, abs=0.12)
    assert np.mean(np.array(jumps) > 5) == pytest.approx(0.38, abs=0.12)
    assert np.mean(np.array(jumps) > 20) == pytest.approx(0.056, abs=0.06)


def test_balls_overlap_no_more_than_an_impact_takes_them_in_a_step(clips: list[Clip]) -> None:
    fastest = math.sqrt(2 * 58.8 * 512) / 60  # px per step
    for bodies, _, poses in clips:
        discs = [k for k in movers(bodies) if bodies[k].shape == BALL]
        radii = {k: bodies[k].diameter / 2 for k in discs}
        for a in discs:
            assert poses[:, a, :2].min() > radii[a] - fastest
            assert poses[:, a, :2].max() < 512 - radii[a] + fastest
            for b in discs[discs.index(a) + 1 :]:
                distance = np.linalg.norm(poses[:, a, :2] - poses[:, b, :2], axis=1)
                assert distance.min() > radii[a] + radii[b] - fastest


def test_static_bodies_never_move(clips: list[Clip]) -> None:
    for bodies, start, poses in clips:
        rest = [k for k, body in enumerate(bodies) if not body.dynamic]
        assert np.array_equal(poses[:, rest], np.repeat(start[None, rest], len(poses), axis=0))


def test_equal_scenes_give_equal_bytes(clips: list[Clip]) -> None:
    for bodies, start, poses in reversed(clips[::20]):
        assert np.array_equal(simulate(bodies, start), poses)
        assert np.array_equal(simulate(bodies, start, frames=4), poses[:4])


def test_pymunks_own_step_gives_the_same(clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_chipmunk", lambda: None)
    for bodies, start, poses in clips[:3]:
        assert np.array_equal(simulate(bodies, start), poses)


@pytest.mark.parametrize("body", [ball(20.0), bar(100.0), jar(0.2), sticks(0.3)])
def test_every_body_falls_freely_about_its_own_origin(body: Body) -> None:
    bodies, poses = in_walls((body, (250.0, 380.0, 0.7)))
    path = simulate(bodies, poses, frames=7)[:, -1]
    expected = np.stack([np.full(7, 250.0), 380.0 - fallen(7), np.full(7, 0.7)], axis=1)
    assert np.abs(path - expected).max() < 1e-6


def test_what_stands_on_the_floor_stays() -> None:
    bodies, poses = in_walls(
        (bar(102.4), (100.0, 51.2, math.pi / 2)),
        (jar(0.2), (250.0, -extent(jar(0.2), 0.0)[1], 0.0)),
        (ball(20.0), (400.0, 20.0, 0.0)),
    )
    path = simulate(bodies, poses)[:, 4:]
    assert np.abs(path - path[:1]).max() < 0.1
    assert np.abs(path[0] - poses[4:]).max() < 0.2  # no more than slop and skin


def test_a_ball_bounces_off_the_floor_with_a_fifth_of_its_speed() -> None:
    bodies, poses = in_walls((ball(20.0), (250.0, 20.0 + fallen(5)[4] + 1.0, 0.0)))
    height = simulate(bodies, poses, frames=40)[:, -1, 1]
    assert height[4] == pytest.approx(21.0, abs=0.01)
    speed = 0.2 * math.sqrt(2 * 58.8 * (fallen(5)[4] + 1))
    assert height[5:9].max() - 20.0 == pytest.approx(speed**2 / 58.8 / 2, rel=0.2)
    assert height[-5:] == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize(("slope", "slides"), [(0.40, False), (0.60, True)])
def test_a_box_slides_where_the_slope_is_steeper_than_the_friction(slope: float, slides: bool) -> None:
    angle = -math.atan(slope)
    ramp, box = bar(400.0, 10.0, BLACK, dynamic=False), bar(40.0, 20.0)
    off = 15.06
    poses = (
        (250.0, 200.0, angle),
        (200.0 - off * math.sin(angle), 200.0 - 50 * math.tan(angle) + off * math.cos(angle), angle),
    )
    bodies, start = in_walls((ramp, poses[0]), (box, poses[1]))
    path = simulate(bodies, start, frames=10)[:, -1]
    distance = np.linalg.norm(path[-1, :2] - path[0, :2])
    assert (distance > 10) if slides else (distance < 1)


def test_what_sticks_out_is_pushed_back_inside() -> None:
    bodies, poses = in_walls((jar(0.3), (256.0, 450.0, 0.5)), (bar(200.0), (30.0, 200.0, 0.1)))
    first = simulate(bodies, poses, frames=1)[0]
    for row in (-2, -1):
        corners = np.array([c for piece in bodies[row].pieces if not isinstance(piece, Circle) for c in piece.vertices])
        x, y, angle = first[row]
        xs = x + math.cos(angle) * corners[:, 0] - math.sin(angle) * corners[:, 1]
        ys = y + math.sin(angle) * corners[:, 0] + math.cos(angle) * corners[:, 1]
        assert min(xs.min(), ys.min()) > -2
        assert max(xs.max(), ys.max()) < 514


def test_mass_counts_overlaps_twice() -> None:
    area, centre, inertia = mass(bar(100.0, 10.0))
    assert (area, *centre) == pytest.approx((1000.0, 0, 0), abs=1e-9)
    assert inertia == pytest.approx(1000 * (100**2 + 10**2) / 12)
    assert mass(ball(10.0)).inertia == pytest.approx(math.pi * 10**4 / 2)
    stick = 2 / 3 * 512 * 0.4 * 2 / 3 * 10.24
    assert mass(sticks(0.4)).area == pytest.approx(2 * stick)
    area, (x, y), inertia = mass(jar(0.25))
    parts = [mass(Body((piece,), BLACK, True, BALL, 1.0)) for piece in jar(0.25).pieces]
    assert area == pytest.approx(sum(part.area for part in parts))
    assert (x, y) == pytest.approx((0, sum(part.area * part.centre[1] for part in parts) / area))
    about = sum(part.inertia + part.area * math.dist(part.centre, (x, y)) ** 2 for part in parts)
    assert inertia == pytest.approx(about)


def test_features_wrap_angles_and_leave_walls_out() -> None:
    bodies, poses = in_walls((ball(51.2, PURPLE), (256.0, 128.0, -math.pi / 2)), (bar(51.2), (51.2, 0.0, -1e-12)))
    rows = features(bodies, poses)
    assert rows.shape == (2, 14)
    assert rows[0] == pytest.approx([0.5, 0.25, 0.75, 0.2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    assert rows[1, [0, 1, 2, 4, 5, 12]] == pytest.approx([0.1, 0, 0, 0, 1, 1])
    with pytest.raises(UserError, match=r"\(\.\.\., 6 bodies, 3\), got \(5, 3\)"):
        features(bodies, poses[1:])
    with pytest.raises(UserError, match=f"body 0 has {WHITE}"):
        features([ball(5.0, WHITE)], np.zeros((1, 3)))


def test_bad_starts_are_named() -> None:
    bodies, poses = in_walls((ball(20.0, RED), (250.0, 250.0, 0.0)))
    with pytest.raises(UserError, match=r"\(5 bodies, 3\), got \(4, 3\)"):
        simulate(bodies, poses[:4])
    with pytest.raises(UserError, match="at least 1, got 0"):
        simulate(bodies, poses, frames=0)
    poses[4, 0] = np.nan
    with pytest.raises(UserError, match="the pose of body 4 is not finite"):
        simulate(bodies, poses)


def test_a_scene_may_have_nothing_that_moves() -> None:
    bodies, poses = walls()
    assert np.array_equal(simulate(bodies, poses, 2), np.stack([poses, poses]))
