"""What of a picture the bodies leave unexplained, and which of them lack what they should show."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, WIDTH, Fitting, fitting
from scipy.ndimage import convolve1d

from physlaw.tracking.bodies.drawing import PAD
from physlaw.tracking.bodies.fit import draw_all
from physlaw.tracking.bodies.residuals import View, blame_bodies, gaps, lacking_shares, smooth, unexplained
from physlaw.tracking.bodies.tracking import dead_zone
from physlaw.worlds.bodies import SIDE, THICKNESS

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
PIXEL = SIDE / WIDTH


def view_of(picture: np.ndarray, passes: int = 0) -> View:
    return View(picture, smooth(picture, passes), passes, dead_zone(WIDTH), 1.0)


def lacking(known: Fitting, picture: np.ndarray, passes: int = 0) -> np.ndarray:
    shares = np.full(len(known.poses), 7.0)
    lacking_shares(view_of(picture, passes), known.active, known.kit, known.scratch, shares)
    return shares


@pytest.mark.parametrize("passes", [0, 2])
def test_bodies_where_they_are_explain_everything(passes: int) -> None:
    known = fitting(
        (SHAPES["jar"], (150, 256, 0.3)), (SHAPES["bar"], (350, 60, 2)), (SHAPES["red ball"], (300, 300, 0))
    )
    view = view_of(known.picture, passes)
    assert unexplained(view, known.scratch) < 0.2  # pixels
    assert (lacking(known, known.picture, passes) < 0.1).all()
    assert blame_bodies(view, known.kit, known.scratch).max() < 0.2


def test_a_missing_body_is_unexplained_by_its_area_and_to_blame() -> None:
    placed = (SHAPES["ball"], (150, 256, 0)), (SHAPES["jar"], (350, 300, 2))
    known, without = fitting(*placed), fitting(placed[1])
    view = view_of(without.picture)
    gone = np.abs(known.picture - without.picture)
    assert gone.sum() * PIXEL**2 == pytest.approx(math.pi * 24.5**2, rel=0.01)
    assert unexplained(view, known.scratch) == pytest.approx(np.maximum(gone - view.dead, 0).sum(), rel=0.02)
    assert lacking(known, without.picture) == pytest.approx([1, 0], abs=0.03)
    blame = blame_bodies(view, known.kit, known.scratch)
    assert blame[0] == pytest.approx(unexplained(view, known.scratch), rel=0.02)
    assert blame[1] < 0.2


def test_what_no_body_explains_is_positive_and_what_is_missing_negative() -> None:
    known = fitting((SHAPES["ball"], (150, 256, 0)))
    other = fitting((SHAPES["ball"], (350, 256, 0)))
    off = gaps(view_of(other.picture), known.scratch)
    assert np.abs(off[0]).max() < 0.02  # nothing is red
    left, right = off[1, :, : PAD + WIDTH // 2], off[1, :, PAD + WIDTH // 2 :]
    assert max(left.max(), -right.min()) < 1e-12
    assert right.sum() == pytest.approx(-left.sum(), rel=0.01)


def test_hidden_behind_another_colour_is_seen() -> None:
    """The red ball in front of a gray one; and gray behind black, which is static."""
    known = fitting((SHAPES["ball"], (256, 256, 0)), (SHAPES["red ball"], (268, 256, 0)))
    assert known.picture[1].sum() * PIXEL**2 < 0.6 * known.kit.areas[0]  # most of it is hidden
    assert (lacking(known, known.picture) < 0.1).all()
    assert unexplained(view_of(known.picture), known.scratch) < 0.5
    gray = fitting((SHAPES["ball"], (256, 256, 0)))
    half = gray.picture.copy()
    half[:, :, PAD + WIDTH // 2 :] = 0
    half[2, :, PAD + WIDTH // 2 :] = 1
    assert (lacking(gray, half) < 0.1).all()
    half[2] = 0
    assert lacking(gray, half) == pytest.approx([0.5], abs=0.05)


def test_at_the_border_what_is_outside_is_lacking() -> None:
    """The pose of a body that is half outside the picture means as much as that half."""
    known = fitting((SHAPES["ball"], (0, 256, 0)))
    assert lacking(known, known.picture) == pytest.approx([0.5], abs=0.05)


def test_of_two_that_cross_each_is_blamed_by_its_part() -> None:
    """One of them is not in the picture, but for what the other shows of it."""
    known = fitting((SHAPES["bar"], (256, 256, 0)), (SHAPES["bar"], (256, 256, math.pi / 2)))
    alone = fitting((SHAPES["bar"], (256, 256, 0)))
    assert lacking(known, alone.picture) == pytest.approx([0, 1 - THICKNESS / 120], abs=0.07)
    blame = blame_bodies(view_of(alone.picture), known.kit, known.scratch)
    assert blame[1] > blame[0] > 0  # its box holds the crossing


def test_a_body_that_is_not_active_lacks_everything() -> None:
    known = fitting((SHAPES["ball"], (150, 256, 0)), (SHAPES["bar"], (350, 256, 0)))
    known.active[0] = False
    draw_all(known.poses, known.active, True, known.kit, known.scratch)
    assert lacking(known, known.picture) == pytest.approx([1, 0], abs=0.1)


def test_small_differences_are_left_alone() -> None:
    known = fitting((SHAPES["ball"], (256, 256, 0)))
    faint = known.picture.copy()
    faint[1] += 0.8 * dead_zone(WIDTH)
    view = View(faint, faint, 0, 2 * dead_zone(WIDTH), 1.0)
    assert unexplained(view, known.scratch) == 0
    assert unexplained(View(faint, faint, 0, 0.0, 1.0), known.scratch) > 100


@pytest.mark.parametrize("passes", [0, 1, 2])
def test_smoothing_is_a_convolution(passes: int) -> None:
    picture = np.random.default_rng(1).uniform(0, 1, (3, 20, 20))
    known = picture
    for _ in range(passes):
        for axis in (1, 2):
            known = convolve1d(known, [0.25, 0.5, 0.25], axis=axis, mode="constant")
    assert smooth(picture, passes) == pytest.approx(known)
