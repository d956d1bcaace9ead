"""Which changes of velocity a contact explains: those that push, near enough, and not faster than anything was."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, motion, scene

from physlaw.tracking.bodies.contacts import outside_cone, unexplained_pushes
from physlaw.tracking.bodies.tracking import FALL, FIRST_FALL
from physlaw.worlds.bodies import BLACK, Body, ball, bar

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
Array = np.ndarray
BINS = 72


def path(start: tuple[float, float], steps: list[tuple[float, float]]) -> Array:
    """(T, 2) from where a body starts, by these ways (px) from frame to frame."""
    return np.cumsum([start, *steps], axis=0)


def flight(start: tuple[float, float], velocity: tuple[float, float], frames: int) -> Array:
    """(T, 2) of free flight with a velocity (px a frame) around the second frame."""
    vx, vy = velocity
    return path(start, [(vx, vy - k * FALL) for k in range(frames - 1)])


def falling(start: tuple[float, float], frames: int) -> Array:
    """(T, 2) from rest, as the simulator has it."""
    return path(start, [(0, -FIRST_FALL - k * FALL) for k in range(frames - 1)])


def pushes(bodies: tuple[Body, ...], poses: Array) -> Array:
    """(T, B, 2); of balls and bars, whose frames are at their centres of mass."""
    return unexplained_pushes(bodies, poses, poses[..., :2])


def test_free_fall_from_rest_needs_no_push() -> None:
    bodies, poses = scene((ball(20.5), (256, 450, 0)))
    off = pushes(bodies, motion(poses, 4, falling((256, 450), 8)))
    assert off == pytest.approx(np.zeros((8, 5, 2)), abs=1e-9)


def test_a_turn_in_mid_air_is_unexplained_by_what_it_changed() -> None:
    bodies, poses = scene((ball(20.5), (100, 450, 0)))
    fall = falling((256, 450), 5)
    steps = np.diff(fall, axis=0)
    turned = path((256, 450), [*map(tuple, steps), (30.0, steps[-1, 1] - FALL), (30.0, steps[-1, 1] - 2 * FALL)])
    off = pushes(bodies, motion(poses, 4, turned))[:, 4]
    assert off[4] == pytest.approx([30, 0])
    assert np.delete(off, 4, axis=0) == pytest.approx(np.zeros((6, 2)), abs=1e-9)


def test_a_bounce_off_the_floor_is_explained_and_the_same_one_in_mid_air_is_not() -> None:
    ways = [(10.0, -20.0), (10.0, -20.0 - FALL), (10.0, 12.0), (10.0, 12.0 - FALL)]
    bodies, poses = scene((ball(20.5), (100, 0, 0)))
    low, high = (path((100, 20.5 + 40 + FALL + off), ways) for off in (0, 200))
    after = np.zeros((5, 2))
    assert pushes(bodies, motion(poses, 4, low))[1:, 4] == pytest.approx(after[1:], abs=1e-9)
    off = pushes(bodies, motion(poses, 4, high))[1:, 4]
    after[2, 1] = 12 + 20 + 2 * FALL
    assert off == pytest.approx(after[1:], abs=1e-9)


def test_contacts_push_and_never_pull() -> None:
    """The floor holds a ball, and rubs it a little; the ceiling cannot hold one."""
    bodies, poses = scene((ball(20.5), (100, 20.5, 0)))
    still = path((100, 20.5), [(0, 0)] * 4)
    assert pushes(bodies, motion(poses, 4, still))[:, 4] == pytest.approx(np.zeros((5, 2)), abs=1e-9)
    aside = path((100, 20.5), [(0, 0), (0, 0), (20, 0), (20, 0)])  # friction is weaker than that
    edge = math.radians(40)  # of the floor's cone: 51.6 degrees to each side of upright, in steps of 5
    along = 20 * math.cos(edge) + FALL * math.sin(edge)
    known = [20 - along * math.cos(edge), FALL - along * math.sin(edge)]
    assert pushes(bodies, motion(poses, 4, aside))[2, 4] == pytest.approx(known)
    top = scene((ball(20.5), (100, 512 - 20.5, 0)))
    hangs = path((100, 512 - 20.5), [(0, 0)] * 4)
    assert pushes(top[0], motion(top[1], 4, hangs))[1:3, 4] == pytest.approx(np.array([[0, FALL]] * 2))


def both(poses: Array, one: Array, two: Array) -> Array:
    """(T, B, 3) with bodies 4 and 5 on their paths."""
    out = motion(poses, 4, one)
    out[:, 5, :2] = two
    return out


@pytest.mark.parametrize(("gap", "explained"), [(0.0, True), (60.0, False)])
def test_two_balls_that_meet_push_each_other(gap: float, explained: bool) -> None:
    """Both are in free fall otherwise; one goes right, and hands its speed on."""
    bodies, poses = scene((ball(20.5), (0, 0, 0)), (ball(20.5), (0, 0, 0)))
    fall = falling((0, 450), 6)
    one, two = (fall + np.array([x, 0]) for x in (100, 100 + 41 + 60 + gap))
    one[1:4, 0] += [20, 40, 60]
    one[4:, 0] += 60
    two[4:, 0] += [20, 40]
    off = pushes(bodies, both(poses, one, two))[2:5, 4:]
    known = np.zeros((3, 2, 2))
    if not explained:
        known[1] = [-20, 0], [20, 0]
    assert off == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize(
    ("x", "explained"), [(140 + 20.5 + 5, True), (140 + 20.5 + 5 + 40, False), (100 - 20.5 - 5 - 6, False)]
)
def test_a_static_body_pushes_too_and_only_away_from_it(x: float, explained: bool) -> None:
    """A ball that turns back at an upright bar in front of it, 40 px before one, and with one only behind it."""
    bodies, poses = scene((bar(200.0, 10.0, BLACK, False), (x, 400, math.pi / 2)), (ball(20.5), (0, 0, 0)))
    turns = falling((0, 450), 5)
    turns[:, 0] = [100, 120, 140, 132, 124]
    off = pushes(bodies, motion(poses, 5, turns))[2, 5]
    assert off == pytest.approx([0 if explained else -28, 0], abs=1e-9)


def test_nothing_gets_faster_than_what_drives_it() -> None:
    """A contact explains the direction, but nothing near was as fast as the ball is afterwards."""
    bodies, poses = scene((ball(20.5), (100, 20.5, 0)))
    off = pushes(bodies, motion(poses, 4, path((100, 20.5), [(0, 0), (0, 0), (0, 200), (0, 200 - FALL)])))[:, 4]
    assert off[2, 0] == pytest.approx(0)
    assert 100 < off[2, 1] < 200
    modest = pushes(bodies, motion(poses, 4, path((100, 20.5), [(0, 0), (0, 0), (0, 20), (0, 20 - FALL)])))[:, 4]
    assert modest == pytest.approx(np.zeros((5, 2)), abs=1e-9)


def test_frames_without_a_body_are_nan_next_to_it_and_0_at_the_end() -> None:
    bodies, poses = scene((ball(20.5), (256, 450, 0)))
    lost = motion(poses, 4, falling((256, 450), 8))
    lost[4, 4] = np.nan
    off = pushes(bodies, lost)
    assert np.isnan(off[:, 4, 0]).tolist() == [False] * 3 + [True] * 3 + [False] * 2
    assert (off[:, :4] == 0).all()  # walls stand
    assert (off[-1] == 0).all()


def test_bodies_that_overlap_at_the_start_are_driven_apart_for_three_frames() -> None:
    bodies, poses = scene((ball(20.5), (200, 250, 0)), (ball(20.5), (230, 250, 0)), (ball(20.5), (400, 250, 0)))
    jumps = path((0, 0), [(-15, 9), (-30, 40), (0, -60), (70, 10), (-50, 0)])
    out = np.repeat(poses[None], 6, axis=0)
    out[:, 4:, :2] += jumps[:, None]
    off = np.abs(pushes(bodies, out)[:, 4:]).sum(axis=-1)
    assert (off[:3, :2] == 0).all()
    assert (off[3, :2] > 5).all()
    assert (off[:5, 2] > 5).all()


def test_a_single_frame_has_no_pushes() -> None:
    bodies, poses = scene((SHAPES["bar"], (256, 450, 0)))
    assert (pushes(bodies, poses[None]) == 0).all()


@pytest.mark.parametrize(
    ("marked", "vector", "outside"),
    [
        ([], (3, 4), (3, 4)),  # nothing pushes
        (range(BINS), (3, 4), (0, 0)),
        (range(0, 18), (3, 4), (0, 0)),  # the first quadrant, 5 degrees a bin
        (range(0, 18), (-3, 4), (-3, 0)),  # beyond its edge, upwards
        (range(0, 18), (3, -4), (0, -4)),  # and to the right
        (range(0, 18), (-3, -4), (-3, -4)),  # behind
        ([0, 17], (3, 4), (0, 0)),  # what lies between two pushes is both at once
        ([0, 36], (0, -4), (0, 0)),  # gaps of less than a half turn
        (range(0, 36), (3, -4), (0, -4)),  # a half plane
        ([70, 71, 0, 1], (5, 0), (0, 0)),  # across the turn
    ],
)
def test_what_lies_outside_the_cone_of_pushes(
    marked: range | list[int], vector: tuple[float, float], outside: tuple[float, float]
) -> None:
    directions = np.zeros(BINS, np.bool_)
    directions[list(marked)] = True
    assert outside_cone(directions, *map(float, vector)) == pytest.approx(outside, abs=1e-9)
