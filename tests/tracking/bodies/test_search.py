"""Bodies that a fit left in the wrong place are found, and those that are nowhere are not."""

import numpy as np
import pytest
from known_scenes import SHAPES, WIDTH, Fitting, fitting

from physlaw.tracking.bodies.drawing import PAD
from physlaw.tracking.bodies.fit import draw_all, fit
from physlaw.tracking.bodies.residuals import View, unexplained
from physlaw.tracking.bodies.search import repair, replace, shake, shrink
from physlaw.tracking.bodies.tracking import dead_zone
from physlaw.worlds.bodies import SIDE, ball, bar

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
EVERYWHERE = 2.0 * SIDE
Pose = tuple[float, float, float]


def view_of(known: Fitting) -> View:
    return View(known.picture, known.picture, 0, dead_zone(WIDTH), 1.0)


def look_for(known: Fitting, order: list[int], last: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Poses, active, sum of squares after replace."""
    poses, active = last.copy(), known.active.copy()
    reach = np.full(len(poses), radius)
    cost = replace(
        np.array(order), known.picture, poses, active, last, reach, known.kit, known.pyramid, known.scratches
    )
    return poses, active, cost


def off_by(poses: np.ndarray, known: Fitting) -> np.ndarray:
    """(D, 2) px, and radians less whole turns that leave the bodies as they are."""
    turn = poses[:, 2] - known.poses[:, 2]
    periods = np.where(known.kit.periods > 0, known.kit.periods, 1.0)
    turn = np.where(known.kit.periods > 0, turn - periods * np.round(turn / periods), 0)
    return np.stack([np.hypot(*(poses - known.poses)[:, :2].T), np.abs(turn)], axis=1)


@pytest.mark.parametrize("name", SHAPES)
def test_a_body_is_found_far_away_and_turned(name: str) -> None:
    known = fitting((SHAPES[name], (390.3, 120.8, 2.2)), (SHAPES["bar"], (120, 400, 0.5)))
    last = known.poses.copy()
    last[0] = 150, 380, 0.1  # where the bar is
    poses, active, cost = look_for(known, [0], last, EVERYWHERE)
    assert active.all()
    assert (off_by(poses, known) < [1.5, 0.03]).all()
    assert cost < 1


def test_only_within_the_radius_is_looked() -> None:
    known = fitting((SHAPES["ball"], (390, 120, 0)), (SHAPES["bar"], (120, 400, 0.5)))
    last = known.poses.copy()
    last[0, :2] = 390 - 150, 120
    _, active, _ = look_for(known, [0], last, 60.0)
    assert active.tolist() == [False, True]
    poses, active, _ = look_for(known, [0], last, 160.0)
    assert active.all()
    assert (off_by(poses, known) < [1.5, 0.03]).all()


def test_a_body_that_is_nowhere_is_not_found() -> None:
    known = fitting((SHAPES["bar"], (120, 400, 0.5)), (SHAPES["ball"], (300, 200, 0)))
    known.picture[:] = fitting((SHAPES["bar"], (120, 400, 0.5))).picture
    poses, active, cost = look_for(known, [1], known.poses.copy(), EVERYWHERE)
    assert active.tolist() == [True, False]
    assert cost < 0.5
    assert (off_by(poses, known)[0] < [1, 0.02]).all()


def test_a_body_cut_by_the_border_is_found() -> None:
    known = fitting((SHAPES["ball"], (14, 150, 0)), (SHAPES["bar"], (300, 400, 0.5)))
    last = known.poses.copy()
    last[0, :2] = 90, 230
    poses, active, _ = look_for(known, [0], last, 200.0)
    assert active.all()
    assert off_by(poses, known)[0, 0] < 5.5


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((bar(120.0), (250, 200, 0.0)), (bar(80.0), (250, 210.24, 0.0))),  # one lies on the other
        ((ball(30.5), (256, 200, 0.0)), (ball(20.5), (256, 251, 0.0))),
        ((SHAPES["jar"], (256, 200, 0.0)), (ball(18.5), (256, 224, 0.0))),  # in it
    ],
)  # fmt: skip
def test_touching_bodies_of_one_colour_that_took_each_others_place(
    one: tuple[object, Pose], two: tuple[object, Pose]
) -> None:
    known = fitting(one, two)  # type: ignore[arg-type]
    poses, active = known.poses[::-1].copy(), known.active.copy()
    cost = fit(known.picture, poses, active, True, known.kit, known.scratch)
    last, radius = known.poses.copy(), np.full(2, 120.0)
    after = repair(view_of(known), poses, active, cost, last, radius, True, known.kit, known.pyramid, known.scratches)
    assert after <= cost
    assert active.all()
    assert (off_by(poses, known) < [2.5, 0.05]).all()
    assert unexplained(view_of(known), known.scratch) < 1  # and they are what is drawn


def test_repair_moves_the_body_that_is_to_blame_and_leaves_the_others() -> None:
    known = fitting(
        (SHAPES["jar"], (150, 300, 0.3)), (SHAPES["sticks"], (350, 330, 2)), (SHAPES["ball"], (300, 100, 0))
    )
    poses, active = known.poses.copy(), known.active.copy()
    poses[1] = 300, 260, 0.4
    draw_all(poses, active, True, known.kit, known.scratch)
    cost = ((known.picture[:2] - known.scratch.model) ** 2).sum()
    last, radius = poses.copy(), np.full(3, 120.0)
    after = repair(view_of(known), poses, active, cost, last, radius, False, known.kit, known.pyramid, known.scratches)
    assert after < 1 < cost
    assert (off_by(poses, known) < [1.5, 0.03]).all()


def test_a_shake_frees_a_body_from_a_bad_place_the_same_way_every_time() -> None:
    known = fitting((SHAPES["bar"], (200, 300, 0.3)), (SHAPES["bar"], (200, 330, 0.3)))
    stuck = known.poses.copy()
    stuck[0] = 190, 312, 0.75  # across both
    cost = fit(known.picture, stuck, known.active, True, known.kit, known.scratch)
    assert off_by(stuck, known).max() > 5
    found = []
    for _ in range(2):
        poses = stuck.copy()
        draw_all(poses, known.active, True, known.kit, known.scratch)
        after = shake(view_of(known), poses, known.active, cost, known.kit, known.scratch)
        assert after < 0.5 * cost
        assert ((known.picture[:2] - known.scratch.model) ** 2).sum() == pytest.approx(after)
        found.append(poses)
    assert np.array_equal(*found)
    assert (off_by(found[0], known) < [1.5, 0.03]).all()


def test_a_pyramid_halves_the_picture_and_keeps_its_padding_empty() -> None:
    known = fitting((SHAPES["jar"], (20, 300, 0.3)), (SHAPES["red ball"], (350, 330, 0)))
    shrink(known.picture, known.pyramid)
    inside = known.picture[:, PAD:-PAD, PAD:-PAD]
    for level, block in ((2, 1), (1, 2), (0, 4)):
        means = inside.reshape(3, WIDTH // block, block, WIDTH // block, block).mean(axis=(2, 4))
        assert known.pyramid[level][:, PAD:-PAD, PAD:-PAD] == pytest.approx(means)
        assert known.pyramid[level].sum() == pytest.approx(means.sum())
