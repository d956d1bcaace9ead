import math

import numpy as np
import pytest

from physlaw.worlds.bodies import BLACK, GRAY, Body, Circle, Polygon, extent
from physlaw.worlds.phyre.objects import SAMPLERS, Placed, Pose
from physlaw.worlds.phyre.random_numbers import Draws
from physlaw.worlds.phyre.static_balls import chain
from physlaw.worlds.streams import uniforms

COUNT = 3000
BALL_1, BALL_2, STATIC_BALLS, BAR, STANDING_BARS, STATIC_BAR, JAR, STICKS = range(8)


def samples(object_id: int) -> list[Placed]:
    return [SAMPLERS[object_id](Draws(11, index)) for index in range(COUNT)]


def is_uniform(values: list[float], low: float, high: float) -> bool:
    """In range, and a Kolmogorov-Smirnov test at the level 0.001."""
    ranks = (np.sort(values) - low) / (high - low)
    steps = np.arange(len(ranks) + 1) / len(ranks)
    distance = max(np.abs(ranks - steps[:-1]).max(), np.abs(ranks - steps[1:]).max())
    return bool(ranks[0] >= -1e-9 and ranks[-1] <= 1 + 1e-9 and distance < 1.95 / math.sqrt(len(ranks)))


def independent(*columns: list[float]) -> bool:
    return bool(np.abs(np.corrcoef(columns) - np.eye(len(columns))).max() < 4 / math.sqrt(len(columns[0])))


def size(body: Body) -> tuple[float, float]:
    left, bottom, right, top = extent(body, 0.0)
    return right - left, top - bottom


def box(body: Body, pose: Pose) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of the placed body as fractions of the scene."""
    left, bottom, right, top = extent(body, pose[2])
    return (pose[0] + left) / 512, (pose[1] + bottom) / 512, (pose[0] + right) / 512, (pose[1] + top) / 512


def only(placed: Placed, colour: int) -> tuple[Body, Pose]:
    ((body, pose),) = placed
    assert (body.colour, body.dynamic) == (colour, colour == GRAY)
    return body, pose


@pytest.mark.parametrize("object_id", [BALL_1, BALL_2])
def test_dynamic_balls_have_the_released_distribution(object_id: int) -> None:
    radii, xs, bottoms = [], [], []
    for placed in samples(object_id):
        body, (x, y, angle) = only(placed, GRAY)
        assert angle == 0
        radii.append(body.diameter / 2)
        xs.append(x / 512)
        bottoms.append((y - radii[-1]) / 512)
    assert set(radii) == {k + 0.5 for k in range(15, 31)}
    assert 22.8 < np.mean(radii) < 23.2  # U(15.36, 30.72) rounded to halves
    assert is_uniform(xs, 0.3, 0.6)
    assert is_uniform(bottoms, 0.4, 0.85)
    assert independent(radii, xs, bottoms)


def test_static_balls_are_a_chain_below_its_start() -> None:
    counts, distinct, below = [], [], []
    for placed in samples(STATIC_BALLS):
        for body, pose in placed:
            assert (body.pieces, body.colour, body.dynamic, pose[2]) == ((Circle(10.5),), BLACK, False, 0)
        points = [(x, y) for _, (x, y, _) in placed]
        assert points[0] == (0.4 * 512, 0.55 * 512)
        assert all(0 < x < 512 and 0 < y < 256 for x, y in points[1:])
        counts.append(len(points))
        distinct.append(len(set(points)))
        below += [y for _, y in points[1:]]
    assert np.bincount(counts) / COUNT == pytest.approx([0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2], abs=0.025)
    assert (min(distinct), max(distinct)) == (2, 7)
    assert 4.5 < np.mean(distinct) < 4.7
    assert max(below) > 250
    assert min(below) < 10


class Script(Draws):
    """Gives these numbers, whatever they are used for."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = list(numbers)

    def unit(self) -> float:
        return self.numbers.pop(0)


def step_of(length: float) -> float:
    """The draw that gives a chain's step this length."""
    return (length - 0.05) / 0.15


def test_a_chain_goes_on_branches_and_leaves_the_picture_by_the_released_rule() -> None:
    steps = (step_of(0.15), step_of(0.1))
    draws = Script(
        *(0.75, 0.0),  # straight down
        *steps,  # 0.4, then 0.3
        *(0.1, 0.5, 0.5, 0.5),  # a branch to the second of three points, which counts; to the left, turns of 18 degrees
        *steps,
    )
    found = chain(5, draws)
    assert not draws.numbers
    first, second = np.pi * 1.1, np.pi * 1.2
    x, y = 0.4 + 0.15 * np.cos(first), 0.4 + 0.15 * np.sin(first)
    end = (x + 0.1 * np.cos(second), y + 0.1 * np.sin(second))
    assert np.array(found) == pytest.approx(np.array([(0.4, 0.55), (0.4, 0.4), (0.4, 0.3), (0.4, 0.4), (x, y), end]))


def test_a_chain_drops_what_lies_too_high_and_does_not_return_what_lies_outside() -> None:
    far = step_of(0.2)
    draws = Script(
        *(0.25, 0.0),  # straight up
        *(far, far),  # both too high; the third step may branch
        *(0.1, 0.0, 0.75, 0.0),  # to the start, too high as well; but down from now on
        *(far, far),  # 0.35, then 0.15
        *(0.9, far),  # no branch; at -0.05, outside
        *(0.0, 0.99, 0.25, 0.0),  # back to the point outside, still not returned; up
        far,  # 0.15 again
    )
    found = chain(3, draws)
    assert not draws.numbers
    assert np.array(found) == pytest.approx(np.array([(0.4, 0.55), (0.4, 0.35), (0.4, 0.15), (0.4, 0.15)]))


def test_dynamic_bars_are_placed_flat_and_then_turned() -> None:
    lengths, xs, bottoms, angles = [], [], [], []
    for placed in samples(BAR):
        body, (x, y, angle) = only(placed, GRAY)
        assert size(body)[1] == pytest.approx(10.24)
        lengths.append(size(body)[0] / 512)
        xs.append(x / 512)
        bottoms.append((y - 5.12) / 512)
        angles.append(angle)
    assert is_uniform(lengths, 0.15, 0.5)
    assert is_uniform(xs, 0.3, 0.6)
    assert is_uniform(bottoms, 0.2, 0.8)
    assert is_uniform(angles, -math.pi / 2, math.pi / 2)
    assert independent(lengths, xs, bottoms, angles)


def test_standing_bars_grow_in_slots_and_half_of_the_groups_are_mirrored() -> None:
    offsets: dict[bool, list[float]] = {False: [], True: []}
    counts = []
    for placed in samples(STANDING_BARS):
        counts.append(len(placed))
        boxes = [box(body, pose) for body, pose in placed]
        for k, ((body, pose), (left, bottom, right, top)) in enumerate(zip(placed, boxes, strict=True)):
            assert (body.colour, body.dynamic, pose[2]) == (GRAY, True, math.pi / 2)
            assert (bottom, right - left, top) == pytest.approx((0, 0.02, 0.2 + 0.05 * k), abs=1e-12)
        if len(placed) > 1:
            pitch = boxes[1][0] - boxes[0][0]
            assert abs(pitch) == pytest.approx(0.15)
            first = {2: -1, 3: -2, 4: -2}[len(placed)]
            assert [b[0] for b in boxes] == pytest.approx([boxes[0][0] + pitch * k for k in range(len(placed))])
            offset = boxes[0][0] - pitch * first
            offsets[pitch < 0].append(1 - offset if pitch < 0 else offset)
    assert np.bincount(counts) / COUNT == pytest.approx([0, 0.25, 0.25, 0.25, 0.25], abs=0.03)
    assert len(offsets[True]) / sum(map(len, offsets.values())) == pytest.approx(0.5, abs=0.04)
    assert is_uniform(offsets[False], 0.45, 0.6)
    assert is_uniform(offsets[True], 0.45, 0.6)


def test_a_lone_standing_bar_stands_one_slot_aside() -> None:
    lefts = [box(*placed[0])[0] for placed in samples(STANDING_BARS) if len(placed) == 1]
    assert min(lefts) >= 0.3 - 1e-9  # 0.45 to 0.6 less 0.15; mirrored, 0.4 to 0.55 and 0.15 more
    assert max(lefts) <= 0.7 + 1e-9
    assert not [left for left in lefts if 0.45 + 1e-9 < left < 0.55 - 1e-9]


def test_static_bars_are_placed_by_their_right_end_and_then_turned() -> None:
    lengths, rights, bottoms, angles = [], [], [], []
    for placed in samples(STATIC_BAR):
        body, (x, y, angle) = only(placed, BLACK)
        assert size(body)[1] == pytest.approx(10.24)
        lengths.append(size(body)[0] / 512)
        rights.append(x / 512 + lengths[-1] / 2)
        bottoms.append((y - 5.12) / 512)
        angles.append(angle)
    assert is_uniform(lengths, 0.2, 0.5)
    assert is_uniform(rights, 0.3, 0.4)
    assert is_uniform(bottoms, 0.1, 0.5)
    assert is_uniform(angles, -math.pi / 3, math.pi / 3)
    assert independent(lengths, rights, bottoms, angles)


def test_jars_are_turned_first_and_then_placed_by_their_box() -> None:
    heights, xs, bottoms, angles = [], [], [], []
    for placed in samples(JAR):
        body, pose = only(placed, GRAY)
        wall = body.pieces[1]
        assert isinstance(wall, Polygon)
        heights.append((wall.vertices[0][1] - wall.vertices[1][1]) / 512)
        left, bottom, right, _ = box(body, pose)
        xs.append((left + right) / 2)
        if pose[2] == 0:
            assert bottom == pytest.approx(0, abs=1e-12)
        else:
            bottoms.append(bottom)
            angles.append(pose[2])
    assert is_uniform(heights, 0.08, 0.3)
    assert is_uniform(xs, 0.3, 0.6)
    assert len(angles) / COUNT == pytest.approx(0.7, abs=0.03)
    assert is_uniform(bottoms, 0.2, 0.8)
    assert is_uniform(angles, -math.pi / 4, math.pi / 4)
    assert independent(heights, xs)
    assert independent(bottoms, angles)


def test_sticks_are_turned_first_and_then_placed_by_their_box() -> None:
    sizes, xs, bottoms, angles = [], [], [], []
    for placed in samples(STICKS):
        body, pose = only(placed, GRAY)
        sizes.append(math.sqrt(body.diameter**2 - 10.24**2) / 512)
        left, bottom, right, _ = box(body, pose)
        xs.append((left + right) / 2)
        if pose[2] == 0:
            assert bottom == pytest.approx(0, abs=1e-12)
        else:
            bottoms.append(bottom)
            angles.append(pose[2])
    assert is_uniform(sizes, 0.3, 0.6)
    assert is_uniform(xs, 0.3, 0.6)
    assert len(angles) / COUNT == pytest.approx(0.7, abs=0.03)
    assert is_uniform(bottoms, 0.2, 0.5)
    assert is_uniform(angles, -math.pi / 2, math.pi / 2)
    assert independent(sizes, xs)
    assert independent(bottoms, angles)


def test_a_stream_goes_on_as_its_generator_does() -> None:
    draws = Draws(5, 3)
    assert [draws.unit() for _ in range(700)] == uniforms(5, np.array([3]), 700)[0].tolist()


def test_draws_cover_their_ranges() -> None:
    draws = Draws(1, 0)
    assert {draws.integer(2, 6) for _ in range(300)} == {2, 3, 4, 5, 6}
    assert all(0.1 < draws.uniform(0.9, 0.1) <= 0.9 for _ in range(300))  # reversed bounds
    assert 0.15 < np.mean([draws.chance(0.2) for _ in range(2000)]) < 0.25
