"""Bodies are moved onto a picture of them, from near by."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, WIDTH, fitting

from physlaw.tracking.bodies.drawing import PAD
from physlaw.tracking.bodies.fit import draw_all, fit, gain_of, refit
from physlaw.tracking.bodies.shapes import frame_poses, shapes_of
from physlaw.worlds.bodies import SIDE, Body, ball, bar

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
PIXEL = SIDE / WIDTH
SIN, COS = math.sin(0.3), math.cos(0.3)
Placed = tuple[Body, tuple[float, float, float]]
ANGLED = [name for name in SHAPES if "ball" not in name]


def missed(poses: np.ndarray, known: np.ndarray) -> float:
    """Farthest centre from its place, px."""
    return float(np.hypot(*(poses - known)[:, :2].T).max())


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("off", [(7.0, -5.0, 0.12), (-9.0, 4.0, -0.15)])
def test_a_body_is_found_from_near_by(name: str, off: tuple[float, float, float]) -> None:
    known = fitting((SHAPES[name], (230.7, 301.2, 0.7)))
    poses = known.poses + off
    cost = fit(known.picture, poses, known.active, True, known.kit, known.scratch)
    assert missed(poses, known.poses) < 1.0  # of 512; the renderer's edges jump by a px
    if name in ANGLED:
        assert poses[0, 2] == pytest.approx(0.7, abs=0.02)
    else:
        assert poses[0, 2] == 0.7 + off[2]  # a ball's angle is never touched
    left = known.picture[:2] - known.scratch.model
    assert cost == pytest.approx((left**2).sum())  # and what is drawn is what was found
    assert cost < 0.5


def test_exact_coverage_is_met_exactly() -> None:
    """Of two bodies that share an area: their union is fitted, so that the truth is where the sum is 0."""
    known = fitting((SHAPES["bar"], (256, 256, 0.2)), (SHAPES["sticks"], (262, 250, 1.9)))
    picture = np.zeros_like(known.picture)
    picture[:2] = known.scratch.model
    poses = known.poses.copy()
    assert fit(picture, poses, known.active, True, known.kit, known.scratch) < 1e-20
    assert np.array_equal(poses, known.poses)
    poses += [[3, -4, 0.05], [-4, 2, -0.04]]
    assert refit(picture, poses, known.active, known.kit, known.scratch) < 1e-2
    assert missed(poses, known.poses) < 0.3
    apart = known.poses.copy()
    assert fit(picture, apart, known.active, False, known.kit, known.scratch) > 0.05  # taken for two side by side


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((ball(24.5), (256, 200, 0)), (ball(24.5), (256, 249, 0))),
        ((bar(120.0), (200, 200, 0.3)), (bar(120.0), (200 - 10.24 * SIN, 200 + 10.24 * COS, 0.3))),  # flush
        ((SHAPES["jar"], (200, 150, 0.0)), (ball(18.5), (200, 150 + 5.1 + 18.5, 0))),  # in the jar, on its base
        ((bar(120.0), (200, 150, 0.3)), (SHAPES["sticks"], (195, 207, 0.3))),
    ],
)
def test_touching_bodies_of_one_colour_are_told_apart(one: Placed, two: Placed) -> None:
    known = fitting(one, two)
    poses = known.poses + np.array([[5, -4, 0.05], [-4, 5, -0.05]])
    refit(known.picture, poses, known.active, known.kit, known.scratch)
    assert missed(poses, known.poses) < 2.0
    for d in np.flatnonzero(known.kit.periods > 0):
        assert poses[d, 2] == pytest.approx(known.poses[d, 2], abs=0.03)


def test_a_level_bar_is_at_most_half_a_pixel_off() -> None:
    """Along itself: where its end stands on a pixel's border, the next pixel says nothing of the step into it."""
    known = fitting((bar(120.0), (200, 200, 0.0)))
    poses = known.poses + np.array([[5, -4, 0.05]])
    refit(known.picture, poses, known.active, known.kit, known.scratch)
    off = poses[0] - known.poses[0]
    assert abs(off[0]) < 0.55 * PIXEL
    assert off[1:] == pytest.approx([0, 0], abs=0.3)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("edge", [(14, 256), (SIDE - 14, 256), (256, 14), (256, SIDE - 14)])
def test_a_body_cut_by_the_border_is_found(name: str, edge: tuple[float, float]) -> None:
    """Balls a little further inside: the picture shows nothing of what is beyond, where no body should be."""
    turned = np.array([[*edge, 0.4]])
    (x, y, _), *_ = frame_poses(shapes_of([SHAPES[name]], [0]), turned)
    known = fitting((SHAPES[name], (x, y, 0.4)))
    poses = known.poses + np.array([[3.0, -3.0, 0.06]])
    fit(known.picture, poses, known.active, True, known.kit, known.scratch)
    assert missed(poses, known.poses) < 5.5
    if name not in ANGLED:
        inwards = np.sign(SIDE / 2 - np.array(edge)) @ (poses - known.poses)[0, :2]
        assert inwards > 1
    if name in ANGLED:
        assert poses[0, 2] == pytest.approx(0.4, abs=0.03)


def test_a_body_that_is_not_active_is_neither_drawn_nor_moved() -> None:
    known = fitting((SHAPES["bar"], (150, 256, 0.3)), (SHAPES["ball"], (350, 256, 0)))
    active = np.array([True, False])
    poses = known.poses + np.array([[4.0, 4.0, 0.0], [5.0, 5.0, 0.0]])
    fit(known.picture, poses, active, True, known.kit, known.scratch)
    assert missed(poses[:1], known.poses[:1]) < 1
    assert np.array_equal(poses[1], known.poses[1] + [5, 5, 0])
    assert known.scratch.model.sum() * PIXEL**2 == pytest.approx(known.kit.areas[0], rel=1e-6)


def test_colours_are_fitted_apart() -> None:
    """A red ball on a gray one pulls neither from its place, where both are seen."""
    known = fitting((SHAPES["ball"], (256, 256, 0)), (SHAPES["red ball"], (256 + 44, 256, 0)))
    assert known.scratch.model[0].sum() * PIXEL**2 == pytest.approx(known.kit.areas[1])
    assert known.scratch.model[1].sum() * PIXEL**2 == pytest.approx(known.kit.areas[0])
    poses = known.poses + np.array([[6, 0, 0], [-6, 0, 0]])
    fit(known.picture, poses, known.active, True, known.kit, known.scratch)
    assert missed(poses, known.poses) < 1


def test_the_sum_of_squares_never_rises_and_no_body_leaves_the_scene() -> None:
    generator = np.random.default_rng(4)
    known = fitting((SHAPES["jar"], (150, 256, 0.3)), (SHAPES["ball"], (350, 40, 0)), (SHAPES["bar"], (60, 60, 2)))
    for _ in range(8):
        poses = known.poses + generator.normal(0, 1, known.poses.shape) * [60, 60, 1]
        poses[:, :2] = np.clip(poses[:, :2], 0, SIDE)
        draw_all(poses, known.active, True, known.kit, known.scratch)
        before = ((known.picture[:2] - known.scratch.model) ** 2).sum()
        assert fit(known.picture, poses, known.active, True, known.kit, known.scratch) <= before
        assert ((poses[:, :2] >= 0) & (poses[:, :2] <= SIDE)).all()


def test_the_gain_is_what_a_body_takes_from_the_squares() -> None:
    known = fitting((SHAPES["sticks"], (200, 256, 0.3)), (SHAPES["ball"], (350, 256, 0)))
    patch, box = known.scratch.patches[0], known.scratch.boxes[0]
    for pose in (known.poses[0], known.poses[0] + [20, 0, 0.2], np.array([30.0, 30.0, 0.0])):
        active = np.array([True, False])
        poses = np.stack([pose, pose])
        draw_all(poses, active, False, known.kit, known.scratch)
        picture = np.zeros_like(known.picture)
        inside = np.s_[PAD:-PAD, PAD:-PAD]
        picture[1][inside] = known.picture[1][inside]
        fall = (picture[1] ** 2).sum() - ((picture[1] - known.scratch.model[1]) ** 2).sum()
        assert gain_of(0, pose, picture[1], known.kit, patch, box) == pytest.approx(fall, abs=1e-9)
    turned = [gain_of(0, known.poses[0] + [0, 0, t], known.picture[1], known.kit, patch, box) for t in (0, 0.2, 1.5)]
    assert turned == sorted(turned, reverse=True)
    assert turned[0] == pytest.approx(known.kit.areas[0] / PIXEL**2, rel=0.5)
    assert math.isfinite(turned[2])
