"""Distances and overlaps of bodies at known poses."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, motion, scene

from physlaw.tracking.bodies.geometry import overlap_depths, separation, stuck_bodies
from physlaw.worlds.bodies import BLACK, SIDE, ball, bar

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
SQUARE = np.array([(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)])  # counter-clockwise
DISC = np.zeros((1, 2))
R = math.sqrt(0.5)


def at(corners: np.ndarray, x: float, y: float) -> np.ndarray:
    return corners + np.array([x, y])


@pytest.mark.parametrize(
    ("one", "radius", "two", "other", "known"),
    [
        (at(DISC, 5, 0), 2.0, DISC, 1.0, (2, 1, 0)),  # two discs apart
        (at(DISC, 0, -2), 2.0, DISC, 1.0, (-1, 0, -1)),  # and in each other
        (at(DISC, 0.3, 4), 2.0, SQUARE, 0.0, (1, 0, 1)),  # a disc above an edge
        (at(DISC, 4, 4), 2.0, SQUARE, 0.0, (3 / R - 2, R, R)),  # beyond a corner
        (at(DISC, 0.5, 0), 2.0, SQUARE, 0.0, (-2.5, 1, 0)),  # its middle inside: the shortest way out
        (at(SQUARE, 0.5, 5), 0.0, SQUARE, 0.0, (3, 0, 1)),  # edge to edge
        (at(SQUARE, 5, 4), 0.0, SQUARE, 0.0, (math.hypot(3, 2), 3 / math.hypot(3, 2), 2 / math.hypot(3, 2))),
        (at(SQUARE, 1.5, 0.2), 0.0, SQUARE, 0.0, (-0.5, 1, 0)),  # overlap
        (at(SQUARE, 2, 0), 0.0, SQUARE, 0.0, (0, 1, 0)),  # touch
    ],
)  # fmt: skip
def test_separations_are_as_worked_by_hand(
    one: np.ndarray, radius: float, two: np.ndarray, other: float, known: tuple[float, float, float]
) -> None:
    """Also the other way round, where the direction turns."""
    distance, nx, ny = known
    assert separation(one, radius, two, other) == pytest.approx((distance, nx, ny), abs=1e-9)
    assert separation(two, other, one, radius) == pytest.approx((distance, -nx, -ny), abs=1e-9)


def test_overlaps_of_balls_that_come_together() -> None:
    bodies, poses = scene((ball(30.5), (200, 256, 0)), (ball(20.5), (400, 256, 0)))
    path = np.array([[x, 256.0] for x in (400, 251, 246, 210, 320)])
    assert overlap_depths(bodies, motion(poses, 5, path)) == pytest.approx([0, 0, 5, 41, 0])


def test_a_body_beyond_each_wall() -> None:
    path = np.array([[256, 256], [256, 15], [15, 256], [256, SIDE - 15], [SIDE - 15, 256], [256, -10.0]])
    bodies, poses = scene((ball(24.5), (0, 0, 0)))
    assert overlap_depths(bodies, motion(poses, 4, path)) == pytest.approx([0, 9.5, 9.5, 9.5, 9.5, 34.5])
    bodies, poses = scene((bar(120.0, 10.0), (0, 0, 0)))
    path = np.array([[256, 256, 0], [256, 50, math.pi / 2], [50, 256, 0]])
    assert overlap_depths(bodies, motion(poses, 4, path)) == pytest.approx([0, 10, 10])


def test_a_ball_in_a_jar_overlaps_with_its_walls_alone() -> None:
    bodies, poses = scene((SHAPES["jar"], (256, 100, 0)), (ball(20.5), (256, 160, 0)))
    path = np.array([[256, 160], [256, 100 + 20.5], [330, 160.0]])
    depth = overlap_depths(bodies, motion(poses, 5, path))
    assert depth[0] == 0
    assert 3 < depth[1] < 6  # half of the base plate's thickness
    assert depth[2] == 0  # beside it


def test_what_overlaps_at_the_start_is_stuck_and_does_not_count() -> None:
    bodies, poses = scene(
        (ball(30.5), (100, 256, 0)), (ball(30.5), (150, 256, 0)), (ball(20.5), (400, 256, 0)), (ball(20.5), (10, 99, 0))
    )
    assert stuck_bodies(bodies, poses).tolist() == [False] * 4 + [True, True, False, True]
    path = np.array([[400, 256], [155, 256.0]])  # the third comes to the second
    assert overlap_depths(bodies, motion(poses, 6, path)) == pytest.approx([0, 46])
    nearly = poses.copy()
    nearly[5, 0], nearly[7, 0] = 160.5, 20.0  # half a px of overlap, as poses have
    assert not stuck_bodies(bodies, nearly).any()


def test_a_body_that_was_not_found_overlaps_with_nothing() -> None:
    bodies, poses = scene((ball(30.5), (200, 256, 0)), (ball(20.5), (400, 256, 0)))
    path = np.array([[400, 256, 0], [210, 256, 0], [np.nan, np.nan, np.nan], [210, 256, 0]])
    assert overlap_depths(bodies, motion(poses, 5, path)) == pytest.approx([0, 41, 0, 41])


def test_static_bodies_overlap_with_moving_ones_alone() -> None:
    """Also two static ones that stand in each other, and a static one in a wall."""
    black = {"colour": BLACK, "dynamic": False}
    bodies, poses = scene(
        (ball(30.5, **black), (200, 10, 0)), (bar(90.0, 10.0, **black), (210, 15, 1)), (ball(20.5), (400, 256, 0))
    )
    path = np.array([[400, 256], [200, 50], [400, 256.0]])
    assert overlap_depths(bodies, motion(poses, 6, path)) == pytest.approx([0, 11, 0], abs=1e-6)
    assert not stuck_bodies(bodies, poses).any()
