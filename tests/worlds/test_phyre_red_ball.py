from collections.abc import Iterable

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.bodies import BLACK, RED, Body, ball, bar, jar, walls
from physlaw.worlds.phyre import red_ball as module
from physlaw.worlds.phyre.overlap import Obstacles
from physlaw.worlds.phyre.random_numbers import Draws
from physlaw.worlds.phyre.red_ball import Action, ActionSampler, in_picture, pixel_ball, red_ball
from physlaw.worlds.phyre.scenes import sample_action, sample_scene
from physlaw.worlds.phyre.templates import NUMBERS


class Script(Draws):
    """Gives these numbers, whatever they are used for."""

    def __init__(self, numbers: Iterable[float]) -> None:
        self.numbers = list(numbers)

    def unit(self) -> float:
        return self.numbers.pop(0)


def sampler(*placed: tuple[Body, tuple[float, float, float]]) -> ActionSampler:
    bodies, poses = walls()
    return ActionSampler(
        (*bodies, *(body for body, _ in placed)), np.concatenate([poses, np.array([pose for _, pose in placed])])
    )


def test_an_action_becomes_a_ball_in_whole_px() -> None:
    assert pixel_ball((0.0, 1.0, 0.0)) == (0, 511, 2)
    assert pixel_ball((0.6205836, 0.30692787, 0.43708611)) == (317, 156, 29)
    assert pixel_ball((0.9999, 0.5, 0.5 / 62)) == (510, 255, 2)  # halves go to the even number
    assert pixel_ball((0.9999, 0.5, 1.5 / 62)) == (510, 255, 4)
    body, pose = red_ball((0.5, 0.5, 1.0))
    assert (body.colour, body.dynamic, body.diameter, pose.tolist()) == (RED, True, 128.0, [255.0, 255.0, 0.0])
    for bad in ((0.5, 1.1, 0.5), (0.5, 0.5), (0.5, 0.5, float("nan"))):
        with pytest.raises(UserError, match="three numbers from 0 to 1"):
            pixel_ball(bad)


def test_balls_must_lie_in_the_picture_before_they_are_moved_to_whole_px() -> None:
    assert in_picture((0.5, 0.5, 1.0))
    assert in_picture((33 / 511, 0.5, 0.5))
    assert not in_picture((32.9 / 511, 0.5, 0.5))
    assert in_picture((0.5, 479 / 511, 0.5))
    assert not in_picture((0.5, 479.1 / 511, 0.5))
    assert not in_picture((0.5, 0.5, 1.01))


def test_to_touch_is_not_to_overlap() -> None:
    poses = np.array([[100.0, 100.0, 0.0], [200.0, 300.0, np.pi / 2], [300.0, 100.0, 0.0]])
    obstacles = Obstacles.of([ball(20.0), bar(100.0, 10.0), jar(0.25)], poses)
    for x, y, radius in ((150, 100, 30), (225, 300, 20), (200, 380, 30), (300, 150, 20), (205 + 3, 350 + 4, 5)):
        assert not obstacles.overlap(x, y, radius)
        assert obstacles.overlap(x, y, radius + 0.1) == (x != 300)  # inside the jar there is room
    assert obstacles.overlap(100, 100, 0.1)
    assert obstacles.overlap(200, 340, 0.1)  # inside the bar
    assert obstacles.overlap(300, 100, 0.1)  # in the jar's base
    bodies, poses = walls()
    border = Obstacles.of(bodies, poses)
    for x, y in ((30, 256), (256, 30), (482, 256), (256, 482)):
        assert not border.overlap(x, y, 30)
        assert border.overlap(x, y, 30 + 2e-5)
        assert not border.overlap(x, y, 30 + 5e-6)


def test_a_ball_is_drawn_above_or_below_its_target_by_the_released_rule() -> None:
    known = sampler((ball(25.6), (256.0, 256.0, 0.0)))  # radius 0.05: sizes 0.025 to 0.2
    size = 0.025 + 0.25 * 0.175
    dx = 0.8 * (0.05 + size)  # to the far right
    above = (0.5 + dx, (0.5 + 0.9 * dx + 0.9) / 2, 5 * size)  # up to 1 - 0.05 - 0.05
    assert known.draw(Script([0.0, 0.25, 1.0, 0.1, 0.5])) == pytest.approx(above)
    low, high = 0.1, 0.5 - 0.9 * dx
    assert known.draw(Script([0.0, 0.25, 1.0, 0.5, 0.25])) == pytest.approx(
        (0.5 + dx, low + 0.25 * (high - low), 5 * size)
    )


def test_the_height_may_have_reversed_bounds() -> None:
    known = sampler((ball(25.6), (256.0, 51.2, 0.0)))  # at the floor: "below" is above it
    dx, size = -0.8 * (0.05 + 0.05), 0.05
    low, high = 0.1, 0.1 - 0.9 * dx
    script = [0.0, (size - 0.025) / 0.175, 0.0, 0.9, 0.999]
    assert known.draw(Script(script)) == pytest.approx((0.5 + dx, low + 0.999 * (high - low), 0.25))


def test_bars_turned_a_little_to_the_left_are_no_targets() -> None:
    other = (ball(25.6), (100.0, 400.0, 0.0))
    for angle, target in ((0.0, False), (0.3, False), (0.32, True), (-0.1, True), (np.pi / 2, True)):
        known = sampler((bar(100.0), (300.0, 200.0, angle)), other)
        columns = {round(x * 512, 3) for x, _, _ in known._targets}
        assert columns == ({300.0, 100.0} if target else {100.0}), angle
    alone = sampler((bar(100.0), (300.0, 200.0, 0.0)))
    assert len(alone._targets) == 1  # where nothing is left, all are


def test_sizes_follow_the_scenes_balls() -> None:
    assert sampler((bar(100.0), (300.0, 200.0, 1.0)))._bounds == (0.02, 0.2)
    assert sampler((ball(10.5), (100.0, 100.0, 0.0)))._bounds == pytest.approx((0.02, 42 / 512))
    pair = sampler((ball(30.5), (100.0, 100.0, 0.0)), (ball(22.5), (300.0, 100.0, 0.0)))
    assert pair._bounds == pytest.approx((11.25 / 512, 0.2))


def test_red_balls_have_the_released_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, outside, actions = 0, 0, []
    valid = ActionSampler.valid

    def counted(self: ActionSampler, action: Action) -> bool:
        nonlocal tries, outside
        tries += 1
        outside += not in_picture(action)
        return valid(self, action)

    monkeypatch.setattr(ActionSampler, "valid", counted)
    bodies = []
    for template in NUMBERS:
        for scene in range(50):
            actions.append(sample_action(template, scene, 0))
            bodies.append(len(sample_scene(template, scene).bodies) - 4)
    assert tries / 3500 == pytest.approx(2.14, abs=0.12)
    assert outside == pytest.approx(497, abs=80)
    assert (min(bodies), max(bodies)) == (4, 13)
    assert np.mean(bodies) == pytest.approx(6.75, abs=0.1)
    balls = np.array([pixel_ball(action) for action in actions])
    assert (balls >= 0).all()
    # The release uses the same 100 chains of static balls in all templates, which moves its mean x by some 5 px.
    assert balls.mean(axis=0) == pytest.approx([217.8, 250.6, 26.8], abs=10)
    released = {
        1: (40, 36, 8),
        10: (95, 80, 11),
        25: (148, 133, 16),
        50: (211, 253, 24),
        75: (284, 364, 36),
        90: (349, 423, 48),
        99: (441, 465, 60),
    }
    for percent, truth in released.items():
        ours = np.percentile(balls, percent, axis=0)
        assert ours[:2] == pytest.approx(truth[:2], abs=13), percent
        assert ours[2] == pytest.approx(truth[2], abs=2), percent
    assert (balls[:, 2].min(), balls[:, 2].max()) == pytest.approx((8, 64), abs=1)


def test_red_balls_overlap_nothing() -> None:
    for template in NUMBERS:
        scene = sample_scene(template, 3)
        for trial in range(5):
            x, y, radius = pixel_ball(sample_action(template, 3, trial))
            assert radius <= min(x, y, 512 - x, 512 - y)
            for body, (a, b, _) in zip(scene.bodies[4:], scene.poses[4:], strict=True):
                if body.colour == BLACK and body.diameter == 21:
                    assert np.hypot(x - a, y - b) > radius + 10.5 - 1e-4


def test_after_a_hundred_tries_near_the_objects_any_place_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NEAR_TRIES", 0)
    known = sampler((ball(15.5), (256.0, 256.0, 0.0)))
    balls = np.array([pixel_ball(known.draw(Draws(1, trial))) for trial in range(500)])
    assert balls[:, :2].min() < 40
    assert balls[:, :2].max() > 470
    assert balls[:, 2].max() == pytest.approx(2 + 310 * 4 * 15.5 / 512, abs=1)
    assert 4.4 < balls[:, 2].min() < 12
    monkeypatch.setattr(module, "_NEAR_TRIES", 100)
    full = sampler((ball(400.0, BLACK, dynamic=False), (256.0, 256.0, 0.0)))
    with pytest.raises(UserError, match="no place for a red ball"):
        full.draw(Draws(1, 0))
    with pytest.raises(UserError, match="needs a scene with objects, got 4 walls"):
        ActionSampler(*walls())
