"""Bodies as signed polygons: areas, mass, turns, and poses of their frames and centres of mass."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, scene

from physlaw.tracking.bodies.shapes import (
    centre_poses,
    clip_polygon,
    frame_poses,
    kit_of,
    shapes_of,
    signed_polygons,
)
from physlaw.worlds.bodies import GRAY, RED, SIDE, THICKNESS, Body, Circle, Point, ball, bar, jar, sticks


def holds(corners: list[Point] | tuple[Point, ...], x: float, y: float) -> bool:
    """Whether a counter-clockwise convex polygon holds a point."""
    turned = [*corners[1:], corners[0]]
    return all(
        (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0 for (ax, ay), (bx, by) in zip(corners, turned, strict=True)
    )


def in_body(body: Body, x: float, y: float) -> bool:
    return any(
        math.hypot(x, y) < piece.radius if isinstance(piece, Circle) else holds(piece.vertices, x, y)
        for piece in body.pieces
    )


def test_areas_are_exact_and_what_pieces_share_counts_once() -> None:
    shapes = shapes_of([ball(24.5), bar(120.0), sticks(0.3)], [0, 1, 2])
    thickness, length = 2 / 3 * THICKNESS, 2 / 3 * SIDE * 0.3
    shared = thickness**2 / math.sin(math.radians(25))  # a rhomb where the sticks cross at 25 degrees
    known = [math.pi * 24.5**2, 120 * THICKNESS, 2 * length * thickness - shared]
    assert shapes.areas == pytest.approx(known, rel=1e-12)
    assert shapes.masses == pytest.approx([*known[:2], known[2] + shared], rel=1e-12)  # the engine counts it twice


@pytest.mark.parametrize("name", ["bar", "jar", "sticks"])
def test_signed_polygons_cover_a_body_once(name: str) -> None:
    body, (reach,) = SHAPES[name], shapes_of([SHAPES[name]], [0]).reaches
    points = np.random.default_rng(1).uniform(-reach, reach, (4000, 2))
    points[:, 1] += 0.3 * reach if name == "jar" else 0  # its frame is at its base
    covers = [sum(sign * holds(corners, x, y) for sign, corners in signed_polygons(body)) for x, y in points]
    assert covers == [float(in_body(body, x, y)) for x, y in points]
    assert 0 < sum(covers) < len(points)


def test_a_polygon_is_clipped_left_of_a_line() -> None:
    square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]
    half = clip_polygon(square, (0.5, 0.0), (0.5, 1.0))
    assert sorted(half) == [(0.0, 0.0), (0.0, 2.0), (0.5, 0.0), (0.5, 2.0)]
    assert clip_polygon(square, (3.0, 0.0), (3.0, 1.0)) == square
    assert clip_polygon(square, (3.0, 1.0), (3.0, 0.0)) == []
    assert len(clip_polygon(square, (1.0, 0.0), (0.0, 1.0))) == 5 - 2  # a corner is left of it
    assert len(clip_polygon(square, (0.0, 1.0), (1.0, 0.0))) == 5


def test_poses_of_frames_and_of_centres_of_mass_turn_into_each_other() -> None:
    bodies, poses = scene((SHAPES["jar"], (100, 200, 0)), (SHAPES["bar"], (300, 50, 1)))
    shapes = shapes_of(bodies, [4, 5])
    (x, y), height = shapes.centres[0], 0.25 * SIDE
    assert x == pytest.approx(0)
    assert 0.25 * height < y < 0.5 * height  # its frame is at the base
    assert centre_poses(shapes, poses) == pytest.approx(np.array([[100, 200 + y, 0], [300, 50, 1]]))
    poses[4, 2] = math.pi / 2  # the opening to the left
    assert centre_poses(shapes, poses)[0] == pytest.approx([100 - y, 200, math.pi / 2])
    many = np.random.default_rng(2).uniform(0, 5, (3, 6, 3))
    assert frame_poses(shapes, centre_poses(shapes, many)) == pytest.approx(many[:, 4:])


def test_reaches_turns_and_colours() -> None:
    shapes = shapes_of([ball(20.5, RED), bar(120.0, 10.0), jar(0.25), sticks(0.3)], [0, 1, 2, 3])
    assert shapes.periods == pytest.approx([0, math.pi, 2 * math.pi, math.pi])
    assert shapes.reaches[:2] == pytest.approx([20.5, math.hypot(60, 5)], rel=4e-3)  # a disc has 32 corners
    assert shapes.colours.tolist() == [RED, GRAY, GRAY, GRAY]
    assert kit_of(shapes).channels.tolist() == [0, 1, 1, 1]
    assert shapes.inertias[:2] == pytest.approx([math.pi * 20.5**4 / 2, 1200 * (120**2 + 10**2) / 12])


def test_only_the_bodies_asked_for_are_in_it() -> None:
    shapes = shapes_of([SHAPES["jar"], SHAPES["ball"], SHAPES["bar"]], [2, 1])
    assert shapes.owners.tolist() == [2, 1]
    assert shapes.areas == pytest.approx([120 * THICKNESS, math.pi * 24.5**2])
    assert np.diff(shapes.starts).tolist() == [1, 1]
    assert np.diff(shapes.corners).tolist() == [4, 32]
    none = shapes_of([SHAPES["jar"]], [])
    assert (none.vertices.shape, none.centres.shape, none.starts.tolist()) == ((0, 2), (0, 2), [0])
