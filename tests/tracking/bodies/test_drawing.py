"""Exact coverage of one body, its rates of change, and the area that two bodies share."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, WIDTH, fitting, maps_of, scene

from physlaw.tracking.bodies.drawing import PAD, draw_body, patch_side
from physlaw.tracking.bodies.fit import add_patch, draw_all
from physlaw.tracking.bodies.shapes import kit_of, shapes_of
from physlaw.tracking.bodies.tracking import dead_zone
from physlaw.worlds.bodies import SIDE, bar

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
PIXEL = SIDE / WIDTH
Array = np.ndarray


def drawn(name: str, pose: Array) -> Array:
    """(4, H, H) a body's coverage in the padded picture, and its rates of change."""
    shapes = shapes_of([SHAPES[name]], [0])
    side = patch_side(shapes, WIDTH)
    patch, box = np.full((4, side, side), 7.0), np.zeros(4, np.int64)  # what was there must not show
    draw_body(0, pose, kit_of(shapes), WIDTH, patch, box)
    out = np.zeros((4, WIDTH + 2 * PAD, WIDTH + 2 * PAD))
    for plane in range(4):
        add_patch(patch[plane : plane + 1], box, 1.0, out[plane])
    return out


@pytest.mark.parametrize("name", SHAPES)
def test_coverage_sums_to_the_area_at_any_pose(name: str) -> None:
    """Which also says that a patch is large enough, and that pixels' borders are no matter."""
    (area,) = shapes_of([SHAPES[name]], [0]).areas
    for angle in (*np.linspace(0, 2 * math.pi, 9), 0.3):
        for x, y in ((256.0, 256.0), (250.13, 261.7)):
            cover = drawn(name, np.array([x, y, angle]))[0]
            assert cover.sum() * PIXEL**2 == pytest.approx(area, rel=1e-9)
            assert cover.min() > -1e-12
            assert cover.max() < 1 + 1e-12


@pytest.mark.parametrize("name", SHAPES)
def test_coverage_is_the_renderers(name: str) -> None:
    for pose in ((200, 300, 0.0), (130.7, 210.2, 2.1), (300.3, 140.9, -0.7)):
        bodies, poses = scene((SHAPES[name], pose))
        shapes = shapes_of(bodies, [4])
        x, y = shapes.centres[0]
        cos, sin = math.cos(pose[2]), math.sin(pose[2])
        centre = np.array([pose[0] + cos * x - sin * y, pose[1] + sin * x + cos * y, pose[2]])
        picture = maps_of(bodies, poses[None])[0, :2].sum(axis=0)
        assert np.abs(drawn(name, centre)[0, PAD:-PAD, PAD:-PAD] - picture).max() < dead_zone(WIDTH)


@pytest.mark.parametrize("name", SHAPES)
def test_rates_are_those_of_small_steps(name: str) -> None:
    pose, step = np.array([251.3, 260.9, 0.37]), 1e-4
    rates = drawn(name, pose)[1:]
    for k in range(3):
        ahead, behind = pose.copy(), pose.copy()
        ahead[k] += step
        behind[k] -= step
        known = (drawn(name, ahead)[0] - drawn(name, behind)[0]) / (2 * step)
        if k == 2 and "ball" in name:
            assert np.abs(known).max() < 0.2  # but for its 32 corners, nothing turns
        assert rates[k] == pytest.approx(known, abs=1e-4 * np.abs(known).max() + 1e-9)


@pytest.mark.parametrize("name", SHAPES)
def test_a_turn_by_a_period_changes_nothing_and_half_of_it_does(name: str) -> None:
    pose, (period,) = np.array([251.3, 260.9, 0.37]), shapes_of([SHAPES[name]], [0]).periods
    there = drawn(name, pose)[0]
    if period:
        turn = np.array([0, 0, period])
        assert drawn(name, pose + turn)[0] == pytest.approx(there, abs=1e-9)
        assert np.abs(drawn(name, pose + turn / 2)[0] - there).max() > 0.5


def test_edges_on_the_borders_of_pixels_fill_them() -> None:
    both = fitting((bar(128.0, 16.0), (256, 256, 0)), (bar(128.0, 16.0), (128, 128, math.pi / 2)))
    model = both.scratch.model[1]
    assert model == pytest.approx(np.round(model), abs=1e-9)
    assert model.sum() == pytest.approx(2 * 16 * 2)


def test_at_the_border_what_is_inside_is_drawn() -> None:
    half = math.pi * 24.5**2 / 2
    for pose, inside in (
        ((0, 256), np.s_[PAD:-PAD, PAD:]),
        ((SIDE, 256), np.s_[PAD:-PAD, :-PAD]),
        ((256, 0), np.s_[:-PAD, PAD:-PAD]),
        ((256, SIDE), np.s_[PAD:, PAD:-PAD]),
    ):
        cover = drawn("ball", np.array([*pose, 0.0]))[0]
        assert cover[inside].sum() * PIXEL**2 == pytest.approx(half)
        assert cover.sum() * PIXEL**2 == pytest.approx(2 * half)  # the rest is in the padding, 32 px wide
    for pose in ((-28, 256), (SIDE + 28, 256), (256, -28), (256, SIDE + 28)):
        assert drawn("ball", np.array([*pose, 0.0]))[0].sum() * PIXEL**2 > half  # in the padding alone
    for pose in ((-60, 256), (SIDE + 60, 256), (256, -60), (256, SIDE + 60)):
        assert not drawn("ball", np.array([*pose, 0.0])).any()


@pytest.mark.parametrize(
    ("one", "two"),
    [("bar", (256, 256, 1.1)), ("sticks", (262, 250, 0.3)), ("jar", (240, 280, 0.5)), ("bar", (9, 5, 1))],
)
def test_what_two_bodies_share_counts_once(one: str, two: tuple[float, float, float]) -> None:
    """Also where they cross at the border of the picture."""
    first = (256, 256, 0.2) if two[0] > 9 else (12, 6, 0.2)
    both = fitting((SHAPES[one], first), (SHAPES["bar"], two))
    inner = both.scratch.model[1, PAD:-PAD, PAD:-PAD].copy()
    assert np.abs(inner - both.picture[1, PAD:-PAD, PAD:-PAD]).max() < 1.5 * dead_zone(WIDTH)  # of two bodies
    draw_all(both.poses, both.active, False, both.kit, both.scratch)
    twice = both.scratch.model[1, PAD:-PAD, PAD:-PAD] - inner
    assert twice.min() > -1e-9
    assert twice.sum() * PIXEL**2 > 60
