import math
import os
from pathlib import Path

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.bodies import (
    BALL,
    BAR,
    BLACK,
    GRAY,
    JAR,
    RED,
    STICKS,
    WALL,
    Body,
    Circle,
    Polygon,
    ball,
    ball_radius,
    bar,
    extent,
    jar,
    pack,
    read_bodies,
    standing_bars,
    sticks,
    walls,
)

Scene = tuple[tuple[Body, ...], np.ndarray, np.ndarray]


@pytest.fixture
def released_scenes() -> list[Scene]:
    """Bodies, poses and features of the released scenes."""
    folder = os.environ.get("PHYSLAW_FIXTURES")
    path = Path(folder or "") / "released_phyre.npz"
    if not folder or not path.is_file():
        pytest.skip(f"released samples absent: set PHYSLAW_FIXTURES to the folder of {path.name}")
    with np.load(path, allow_pickle=False) as archive:
        texts = {name[:2]: str(archive[name]) for name in archive.files if name.endswith("_bodies_json")}
        return [(*read_bodies(text), archive[f"{scene}_initial_featurized"][0]) for scene, text in texts.items()]


def corners(body: Body) -> np.ndarray:
    return np.array([piece.vertices for piece in body.pieces if isinstance(piece, Polygon)])


def rebuilt(body: Body) -> Body:
    """The body that our builders give for the sizes of a released one."""
    if body.shape == BALL:
        return ball(body.diameter / 2, body.colour, body.dynamic)
    if body.shape == BAR:
        return bar(2 * corners(body)[0, 0, 0], 2 * corners(body)[0, 0, 1], body.colour, body.dynamic)
    if body.shape == JAR:
        left_wall = corners(body)[1]
        return jar((left_wall[0, 1] - left_wall[1, 1]) / 512)
    return sticks(math.sqrt(body.diameter**2 - 10.24**2) / 512)


def test_released_bodies_follow_from_their_sizes(released_scenes: list[Scene]) -> None:
    seen = set()
    for bodies, poses, features in released_scenes:
        for truth, ours, pose, place in zip(bodies, walls()[0], poses, walls()[1], strict=False):
            assert ours == truth
            assert np.array_equal(pose, place)
        for body in bodies[4:]:
            ours = rebuilt(body)
            assert (ours.colour, ours.dynamic, ours.shape) == (body.colour, body.dynamic, body.shape)
            assert corners(ours) == pytest.approx(corners(body), abs=1e-9)
            assert ours.diameter == pytest.approx(body.diameter, abs=1e-9)
            seen.add(body.shape)
        assert [body.diameter / 512 for body in bodies[4:-1]] == pytest.approx(features[:, 3], abs=1e-6)
        assert bodies[-1].colour == RED
    assert seen == {BALL, BAR, JAR, STICKS}


def test_released_jars_and_sticks_are_placed_by_their_turned_boxes(released_scenes: list[Scene]) -> None:
    ranges = {JAR: (0.2, 0.8), STICKS: (0.2, 0.5)}
    found = 0
    for bodies, poses, _ in released_scenes:
        for body, (x, y, angle) in zip(bodies, poses, strict=True):
            if body.shape in ranges:
                left, bottom, right, _ = extent(body, angle)
                low, high = (0.0, 0.0) if angle == 0 else ranges[body.shape]
                assert low - 1e-9 <= (y + bottom) / 512 <= high + 1e-9
                assert 0.3 <= (x + (left + right) / 2) / 512 <= 0.6
                found += 1
    assert found >= 2


def test_jars_have_the_walls_and_the_diameter_of_the_release() -> None:
    for s, thickness in ((0.08, 7.55), (0.3, 10.24)):
        height = 512 * s
        left, bottom, right, top = extent(jar(s), 0.0)
        assert -2 * bottom == pytest.approx(thickness, abs=0.005)
        assert top - bottom == pytest.approx(height)
        assert right == -left == pytest.approx(height / 1.2 / 2)
        base = corners(jar(s))[0]
        assert np.ptp(base[:, 0]) == pytest.approx(0.8 * height / 1.2)
        lean = 0.1 * height / 1.2
        assert jar(s).diameter == pytest.approx(math.hypot(lean + 0.8 * height / 1.2, height))


def test_jars_are_symmetric_and_their_slanted_walls_are_as_thick_as_the_base() -> None:
    base, left, right = corners(jar(0.2))
    assert sorted(map(tuple, left * (-1, 1))) == sorted(map(tuple, right))
    along = left[0] - left[1]
    inward = np.array([along[1], -along[0]]) / np.hypot(*along)
    assert inward @ (left[2] - left[1]) == pytest.approx(np.ptp(base[:, 1]))
    assert inward @ (left[3] - left[1]) == pytest.approx(np.ptp(base[:, 1]), rel=0.01)


def test_sticks_are_two_thirds_as_long_and_thick_as_their_diameter_says() -> None:
    for s, length in ((0.3, 102.4), (0.6, 204.8)):
        assert sticks(s).diameter == pytest.approx(math.hypot(1.5 * length, 10.24))
        for stick in corners(sticks(s)):
            sides = np.hypot(*(stick - np.roll(stick, 1, axis=0)).T)
            assert sorted(sides) == pytest.approx([6.827, 6.827, length, length], abs=1e-3)
        tilt = math.radians(77.5)
        left, bottom, right, top = extent(sticks(s), 0.0)
        assert right == -left == pytest.approx(math.cos(tilt) * length / 2 + math.sin(tilt) * 6.8267 / 2, abs=1e-3)
        assert top == -bottom == pytest.approx(math.sin(tilt) * length / 2 + math.cos(tilt) * 6.8267 / 2, abs=1e-3)


def test_balls_and_bars_have_the_sizes_of_the_release() -> None:
    assert sorted({ball_radius(s) for s in np.linspace(0.06, 0.12, 1000, endpoint=False)}) == list(np.arange(15.5, 31))
    assert ball_radius(0.04) == 10.5
    assert ball(10.5, BLACK, False) == Body((Circle(10.5),), BLACK, False, BALL, 21.0)
    assert extent(ball(10.5), 1.0) == (-10.5, -10.5, 10.5, 10.5)
    assert bar(100.0).diameter == pytest.approx(math.hypot(100, 10.24))
    heights = [extent(body, math.pi / 2)[3] * 2 for body in standing_bars(4)]
    assert heights == pytest.approx([102.4, 128, 153.6, 179.2])
    assert extent(standing_bars(1)[0], math.pi / 2)[2] * 2 == pytest.approx(10.24)
    assert all(body.dynamic and body.colour == GRAY for body in standing_bars(4))


def test_walls_lie_just_outside_the_picture() -> None:
    bodies, poses = walls()
    boxes = [extent(body, 0.0) + np.tile(pose[:2], 2) for body, pose in zip(bodies, poses, strict=True)]
    assert np.array(boxes).tolist() == [[0, -5, 512, 0], [-5, 0, 0, 512], [0, 512, 512, 517], [512, 0, 517, 512]]
    assert {(body.colour, body.dynamic, body.shape) for body in bodies} == {(BLACK, False, WALL)}


def test_packed_bodies_keep_order_owners_and_vertices() -> None:
    packed = pack([ball(3.0, RED), jar(0.2), bar(20.0, colour=BLACK, dynamic=False)])
    assert packed.colours.tolist() == [RED, GRAY, BLACK]
    assert packed.owners.tolist() == [0, 1, 1, 1, 2]
    assert packed.radii.tolist() == [3.0, 0, 0, 0, 0]
    assert packed.starts.tolist() == [0, 0, 4, 8, 12, 16]
    assert np.array_equal(packed.vertices[:12].reshape(3, 4, 2), corners(jar(0.2)))
    assert pack([]).vertices.shape == (0, 2)


def test_impossible_bodies_are_named() -> None:
    for radius in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UserError, match=f"got {radius}"):
            Circle(radius)
    square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    star = tuple((math.cos(0.8 * math.pi * k), math.sin(0.8 * math.pi * k)) for k in range(5))
    flat = ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0))
    for vertices in (square[::-1], square[:2], star, flat, (*square, (math.nan, 0.5))):
        with pytest.raises(UserError, match="strictly convex and counter-clockwise"):
            Polygon(vertices)
    for make in (lambda: bar(0.0), lambda: bar(-5.0), lambda: jar(0.0), lambda: jar(math.nan), lambda: sticks(0.0)):
        with pytest.raises(UserError, match="got"):
            make()
    piece = (Circle(1.0),)
    for pieces, colour, shape, message in (((), 5, BALL, "one piece"), (piece, 8, BALL, "8"), (piece, 5, 7, "7")):
        with pytest.raises(UserError, match=message):
            Body(pieces, colour, True, shape, 2.0)
    for text in ("{", "[1]", '[{"shapes": []}]', '{"a": 1}'):
        with pytest.raises(UserError, match="not a list of released bodies"):
            read_bodies(text)
