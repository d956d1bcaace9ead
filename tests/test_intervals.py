"""Intervals against published values, and how often they cover what they should."""

import numpy as np
import pytest

from physlaw.intervals import bootstrap, normal, student, wilson


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
