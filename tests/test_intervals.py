"""Intervals against published values, and how often they cover what they should."""

import math

import numpy as np
import pytest

from physlaw.intervals import (
    bootstrap,
    count_columns,
    interval_names,
    mean_columns,
    normal,
    share_columns,
    student,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe_1998_table_1(count: int, of: int, low: float, high: float) -> None:
    share = wilson(count, of)
    assert share.share == count / of
    assert (share.low, share.high) == pytest.approx((low, high), abs=5e-5)


def test_a_share_of_all_ends_at_exactly_one_and_mirrors_the_share_of_none() -> None:
    none, all_ = wilson(0, 20), wilson(20, 20)
    assert (none.low, all_.high) == (0.0, 1.0)
    assert all_.low == pytest.approx(1 - none.high)  # type: ignore[operator]


def test_a_share_of_no_clips_is_unknown_and_not_zero() -> None:
    share = wilson(0, 0)
    assert (share.share, share.low, share.high) == (None, None, None)


def test_shares_are_columns_with_their_interval() -> None:
    found = count_columns("kept", 8, 10)
    assert list(found) == ["kept", "kept_low", "kept_high"]
    assert interval_names("kept") == ("kept_low", "kept_high")
    assert [round(value, 3) for value in found.values()] == [0.8, 0.490, 0.943]
    assert share_columns("kept", np.array([True] * 8 + [False] * 2)) == found
    assert np.isnan(list(count_columns("kept", 0, 0).values())).all()


def test_quantiles_are_the_tables() -> None:
    assert [round(student(n), 3) for n in (1, 2, 10, 120)] == [12.706, 4.303, 2.228, 1.980]
    assert 3.182 < student(2.5) < 4.303
    assert round(normal(), 4) == 1.96


def test_the_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(400):
        low, high = bootstrap(rng.exponential(size=100), seed=trial)
        hits += low <= 1 <= high
    assert 0.90 < hits / 400 < 0.975


def test_means_leave_out_what_is_not_known() -> None:
    found = mean_columns("snap", np.array([1.0, np.nan, 5.0]))
    assert found == {"snap": 3.0, "snap_low": 1.0, "snap_high": 5.0}
    assert all(math.isnan(value) for value in mean_columns("snap", np.array([np.nan])).values())
    assert math.isnan(mean_columns("snap", np.array([2.0]))["snap_low"])
