"""Which attribute was kept, on cases whose answer is known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.intervals import wilson
from physlaw.render.discs import render_clips
from physlaw.studies.attributes.outcomes import (
    COLOUR,
    KEEPS_BOTH,
    KEEPS_FIRST,
    KEEPS_SECOND,
    SHAPE,
    SIZE,
    UNDECIDED,
    VELOCITY,
    Attribute,
    Pair,
    combination_distances,
    outcomes,
    right_predictions,
    share_table,
)
from physlaw.tracking.object import measure_object
from physlaw.worlds.appearance import BLUE, CIRCLE, RED, RING, SQUARE
from physlaw.worlds.laws import uniform_motion
from physlaw.worlds.scenes import Trajectory

SLOW, FAST, SMALL, LARGE = (1.0, 2.5), (2.5, 4.0), (0.7, 1.05), (1.05, 1.4)
IS_RED, IS_BLUE = (0.0, 0.0), (1.0, 1.0)
# Trained: red slow and blue fast; red circles and blue squares; small slow and large fast.
COLOUR_VELOCITY = Pair(COLOUR, VELOCITY, ((IS_RED, SLOW), (IS_BLUE, FAST)))
COLOUR_SHAPE = Pair(COLOUR, SHAPE, ((IS_RED, (CIRCLE, CIRCLE)), (IS_BLUE, (SQUARE, SQUARE))))
SIZE_VELOCITY = Pair(SIZE, VELOCITY, ((SMALL, SLOW), (LARGE, FAST)))


def one(pair: Pair, conditioned: tuple[float, float], measured: tuple[float, float]) -> int:
    return int(outcomes(pair, np.array([conditioned]), np.array([measured]))[0])


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        ((1, 1.5), KEEPS_BOTH),
        ((1, 1.6), KEEPS_BOTH),
        ((1, 2.5), KEEPS_FIRST),
        ((1, 2.3), KEEPS_FIRST),
        ((1, 3.6), KEEPS_FIRST),  # pulled into the trained band, beyond its edge
        ((0, 1.5), KEEPS_SECOND),
        ((0, 1.2), KEEPS_SECOND),  # red and slow, as trained
        ((1, 2.0), UNDECIDED),  # half-way
        ((1, math.nan), UNDECIDED),
        ((math.nan, 1.5), UNDECIDED),
        ((math.nan, math.nan), UNDECIDED),
    ],
)
def test_blue_and_slow_where_red_was_slow(measured: tuple[float, float], outcome: int) -> None:
    assert one(COLOUR_VELOCITY, (1, 1.5), measured) == outcome


@pytest.mark.parametrize(("speed", "outcome"), [(2.48, UNDECIDED), (2.25, UNDECIDED), (2.15, KEEPS_FIRST)])
def test_a_condition_next_to_a_trained_band_cannot_be_told(speed: float, outcome: int) -> None:
    assert one(COLOUR_VELOCITY, (1, speed), (1, 2.5)) == outcome


def test_a_trained_combination_is_undecided() -> None:
    assert one(COLOUR_VELOCITY, (0, 1.5), (0, 1.5)) == UNDECIDED


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        ((1, CIRCLE), KEEPS_BOTH),
        ((1, SQUARE), KEEPS_FIRST),
        ((0, CIRCLE), KEEPS_SECOND),
        ((0, SQUARE), UNDECIDED),  # neither is left
        ((1, RING), UNDECIDED),  # as far from the condition as from the blue square
    ],
)
def test_a_blue_circle_where_circles_were_red(measured: tuple[float, float], outcome: int) -> None:
    assert one(COLOUR_SHAPE, (1, CIRCLE), measured) == outcome


def test_two_continuous_attributes() -> None:
    conditioned = (0.8, 3.4)  # small and fast
    assert one(SIZE_VELOCITY, conditioned, (0.81, 3.3)) == KEEPS_BOTH
    assert one(SIZE_VELOCITY, conditioned, (0.79, 2.4)) == KEEPS_FIRST
    assert one(SIZE_VELOCITY, conditioned, (1.1, 3.5)) == KEEPS_SECOND
    assert one(SIZE_VELOCITY, conditioned, (1.1, 2.4)) == UNDECIDED  # large and slow: neither is left


def test_what_is_far_from_every_candidate_is_undecided() -> None:
    assert one(SIZE_VELOCITY, (1.3, 1.2), (3.4, 0.1)) == UNDECIDED  # a smear
    assert one(COLOUR_VELOCITY, (1, 2.0), (1, 1.2)) == UNDECIDED  # slower, away from what training had


def test_all_clips_at_once() -> None:
    conditioned = np.array([[1, 1.5], [0, 3.5], [1, 1.5]])
    measured = np.array([[1, 2.6], [0, 3.5], [np.nan, 1.5]])
    assert outcomes(COLOUR_VELOCITY, conditioned, measured).tolist() == [KEEPS_FIRST, KEEPS_BOTH, UNDECIDED]
    assert len(outcomes(COLOUR_VELOCITY, np.empty((0, 2)), np.empty((0, 2)))) == 0


def test_the_shares_and_the_dominance() -> None:
    codes = np.array([KEEPS_FIRST] * 6 + [KEEPS_SECOND] * 2 + [KEEPS_BOTH] * 2 + [UNDECIDED] * 5, np.uint8)
    row = share_table(codes)
    assert (row["clips"], row["decided"], row["undecided_clips"]) == (15, 10, 5)
    assert (row["keeps_first_clips"], row["keeps_second_clips"], row["keeps_both_clips"]) == (6, 2, 2)
    for name, share in (("keeps_first_share", wilson(6, 10)), ("dominance", wilson(6, 8))):
        assert [row[f"{name}{end}"] for end in ("", "_low", "_high")] == [share.share, share.low, share.high]
    assert row["dominance"] == 0.75


def test_shares_of_no_decided_clip_are_nan() -> None:
    row = share_table(np.full(4, UNDECIDED, np.uint8))
    assert (row["clips"], row["decided"]) == (4, 0)
    assert math.isnan(row["keeps_both_share"])
    assert math.isnan(row["dominance"])
    assert math.isnan(share_table(np.empty(0, np.uint8))["dominance_low"])


def test_distances_to_the_trained_combinations() -> None:
    query = np.zeros((2, 3, 4, 4, 3), np.uint8)
    near, far = query.copy(), query.copy()
    near[0] = 3
    far[1, 0] = 200  # one frame of three: the root of 200^2 / 3; unsigned numbers must not wrap around
    first, second = combination_distances(query, near, far)
    assert first == pytest.approx([3, 0])
    assert second == pytest.approx([0, 200 / math.sqrt(3)])
    assert combination_distances(near, query, far)[0] == pytest.approx([3, 0])


def test_prediction_counts_clips_that_kept_one_attribute() -> None:
    codes = np.array([KEEPS_FIRST, KEEPS_FIRST, KEEPS_SECOND, KEEPS_BOTH, UNDECIDED, KEEPS_SECOND], np.uint8)
    first = np.array([1.0, 3.0, 3.0, 1.0, 1.0, 2.0])
    second = np.array([2.0, 2.0, 2.0, 2.0, 2.0, 2.0])  # the last clip: equally far, nothing predicted
    assert right_predictions(first, second, codes).tolist() == [True, False, True]
    assert not len(right_predictions(first, second, np.full(6, UNDECIDED, np.uint8)))


def drawn(colour: tuple[int, int, int], shape: int) -> Trajectory:
    positions = uniform_motion(np.array([[2.0, 5.0]]), np.array([[2.0, 0.0]]), 12)[:, :, None]
    return Trajectory(positions, np.array([[1.2]]), np.array([[colour]], np.uint8), np.array([[shape]], np.uint8))


def test_rendered_clips_from_pixels_to_prediction() -> None:
    """Asked for a blue circle where circles were red: in pixels, another shape is the smaller change by far."""
    query = render_clips(drawn(BLUE, CIRCLE), 32)
    for other in (SQUARE, RING):
        pair = Pair(COLOUR, SHAPE, ((IS_RED, (CIRCLE, CIRCLE)), (IS_BLUE, (other, other))))
        keeps_colour, keeps_shape = render_clips(drawn(BLUE, other), 32), render_clips(drawn(RED, CIRCLE), 32)
        first, second = combination_distances(query, keeps_colour, keeps_shape)
        assert (first < 0.7 * second).all()
        for frames, outcome in ((query, KEEPS_BOTH), (keeps_colour, KEEPS_FIRST), (keeps_shape, KEEPS_SECOND)):
            looks = measure_object(frames)
            codes = outcomes(pair, np.array([[1.0, CIRCLE]]), np.stack([looks.colour, looks.shape], axis=1))
            assert codes.tolist() == [outcome]
            assert len(right_predictions(first, second, codes)) == (outcome != KEEPS_BOTH)


def test_wrong_input_is_named() -> None:
    with pytest.raises(UserError, match=r"conditioned velocity 4.2 was not trained; trained: 1 to 2.5, 2.5 to 4"):
        one(COLOUR_VELOCITY, (1, 4.2), (1, 4.2))
    with pytest.raises(UserError, match="scale of size must be above 0, got 0"):
        Attribute("size", 0.0)
    with pytest.raises(UserError, match="at least one trained combination"):
        Pair(COLOUR, SHAPE, ())
    with pytest.raises(UserError, match=r"trained velocity must be \(low, high\), got \(2, 1\)"):
        Pair(COLOUR, VELOCITY, ((IS_RED, (2, 1)),))
    with pytest.raises(UserError, match="trained colour is discrete"):
        Pair(COLOUR, VELOCITY, (((0, 1), SLOW),))
    with pytest.raises(UserError, match=r"must both be \(N, 2\)"):
        outcomes(COLOUR_VELOCITY, np.zeros((3, 2)), np.zeros((2, 2)))
    with pytest.raises(UserError, match="must be finite"):
        one(COLOUR_VELOCITY, (1, math.nan), (1, 1))
    with pytest.raises(UserError, match="codes must be"):
        share_table(np.array([4], np.uint8))
    with pytest.raises(UserError, match=r"clips must have the shape \(1, 2, 3\)"):
        combination_distances(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)), np.zeros((1, 2)))
    with pytest.raises(UserError, match="distances must be"):
        right_predictions(np.zeros(2), np.zeros(3), np.zeros(3, np.uint8))
    with pytest.raises(UserError, match="must be finite"):
        right_predictions(np.full(1, np.nan), np.zeros(1), np.full(1, KEEPS_FIRST, np.uint8))
