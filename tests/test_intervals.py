"""Intervals against published values, and how often they cover what they should."""

import numpy as np
import pytest

from physlaw.intervals import bootstrap, normal, paired_change, student, wilson


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


@pytest.mark.parametrize("count", [85, 256])
@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.1, 0.3), (0.02, 0.02), (0.6, 0.1)])
def test_changes_of_shares_are_covered(count: int, rates: tuple[float, float]) -> None:
    """Clips of which some change; also where hardly any does."""
    rng, hits, rounds = np.random.default_rng(2), 0, 1500
    for _ in range(rounds):
        own = rng.uniform(size=count)
        before, after = own < rates[0], np.where(rng.uniform(size=count) < 0.7, own, rng.uniform(size=count)) < rates[1]
        low, high = paired_change(after.astype(float) - before, shares=True)
        hits += low <= rates[1] - rates[0] <= high
    assert hits / rounds >= 0.93


@pytest.mark.parametrize("beyond", [False, True])
def test_changes_of_qualities_are_covered(beyond: bool) -> None:
    """Most clips stay, some lose much; beyond: less what another one gains."""
    rng, hits, rounds = np.random.default_rng(3), 0, 1500
    for _ in range(rounds):
        changes = np.where(rng.uniform(size=85) < 0.2, rng.normal(60, 10, 85), 0.0)
        changes -= rng.normal(1, 3, 85) if beyond else 0
        low, high = paired_change(changes)
        hits += low <= (11 if beyond else 12) <= high
    assert hits / rounds >= 0.93


def test_where_no_clip_changes_a_share_has_an_interval_and_one_clip_has_none() -> None:
    low, high = paired_change(np.zeros(256), shares=True)
    assert low == -high
    assert 0.005 < high < 0.02
    assert paired_change(np.zeros(256)) == (0.0, 0.0)
    assert np.isnan(paired_change(np.ones(1))).all()
