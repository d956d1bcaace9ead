"""Parts, gates, seeds and the verdict that follows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from physlaw.report.checks import (
    INCONCLUSIVE,
    NOT_RUN,
    NOT_SUPPORTED,
    SUPPORTED,
    Estimate,
    Gate,
    Part,
    judge,
    over_seeds,
    paired,
    pooled,
)


def by_seed(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"seed": range(len(values)), "value": values, "low": math.nan, "high": math.nan})


def estimate(low: float, high: float, seeds: int = 3) -> Estimate:
    return Estimate((low + high) / 2, low, high, seeds, seeds - 1)


def test_intervals_over_seeds_are_students() -> None:
    found = over_seeds(by_seed(1.0, 2.0, 3.0))
    half = 4.302653 / math.sqrt(3)
    assert (found.value, found.seeds, found.freedom) == (2.0, 3, 2)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert found.basis == "over 3 seeds"


def test_one_seed_keeps_its_interval_over_clips() -> None:
    rows = pd.DataFrame({"seed": [4], "value": [0.5], "low": [0.4], "high": [0.7]})
    found = over_seeds(rows)
    assert (found.low, found.high, found.seeds) == (0.4, 0.7, 1)
    assert found.basis == "over clips"


def test_pairs_take_out_what_seeds_share() -> None:
    before, after = by_seed(1.0, 5.0, 9.0), by_seed(1.1, 5.2, 9.3)
    found = paired(before, after)
    assert found.value == pytest.approx(0.2)
    assert found.high - found.low < 0.6
    assert paired(before.iloc[:1], after.iloc[1:]).seeds == 1  # nothing in common


def test_a_part_holds_fails_or_crosses() -> None:
    for low, high, above, smallest, expected in (
        (0.1, 0.3, True, None, (True, False)),
        (-0.3, -0.1, True, None, (False, True)),
        (-0.1, 0.1, True, None, (False, False)),
        (0.0, 0.0, True, None, (False, True)),  # a tie
        (-0.1, 0.01, True, 0.02, (False, True)),  # the smallest effect is excluded
        (-0.1, 0.03, True, 0.02, (False, False)),
        (0.005, 0.01, True, 0.02, (True, True)),  # beyond its bound, and smaller than what counts
        (-0.3, -0.1, False, None, (True, False)),
        (-0.01, 0.1, False, -0.02, (False, True)),
        (-0.03, 0.1, False, -0.02, (False, False)),
        (math.nan, math.nan, True, None, (False, False)),
    ):
        part = Part("it", estimate(low, high), 0.0, above, smallest)
        assert (part.holds, part.fails) == expected, (low, high, above, smallest)
    assert Part("it", estimate(5.0, 7.0), 5.0, meets=True).holds
    assert not Part("it", estimate(5.0, 7.0), 5.0).holds
    assert not Part("it", estimate(4.0, 5.0), 5.0, meets=True).fails


def test_a_point_holds_by_its_value_and_fails_by_its_interval() -> None:
    for low, high, expected in ((-0.1, 0.3, (True, False)), (-0.3, 0.1, (False, False)), (-0.3, -0.1, (False, True))):
        part = Part("it", estimate(low, high), 0.0, meets=True, point=True)
        assert (part.holds, part.fails) == expected
    assert Part("it", estimate(0.0, 0.0), 0.0, meets=True, point=True).holds


def test_verdicts() -> None:
    good, bad = Part("good", estimate(0.1, 0.3), 0.0), Part("bad", estimate(-0.3, -0.1), 0.0)
    open_part = Part("open", estimate(-0.1, 0.2), 0.0)
    assert judge([]).verdict == NOT_RUN
    assert judge([good, good]).verdict == SUPPORTED
    against = judge([good, bad, open_part])
    assert (against.verdict, against.value) == (NOT_SUPPORTED, pytest.approx(-0.2))
    assert "bad -0.20 [-0.30, -0.10]" in against.reason
    crossing = judge([good, open_part])
    assert crossing.verdict == INCONCLUSIVE
    assert crossing.reason.startswith("crosses: open 0.05")
    assert "good" in crossing.power


@pytest.mark.parametrize(("seeds", "words"), [(1, "1 seed: for"), (2, "2 seeds: for")])
def test_fewer_than_three_seeds_decide_nothing_but_for_agents(seeds: int, words: str) -> None:
    part = Part("it", Estimate(0.2, 0.1, 0.3, seeds), 0.0)
    assert judge([part]).verdict == INCONCLUSIVE
    assert judge([part]).reason.startswith(words)
    assert judge([part], agent=True).verdict == SUPPORTED
    exempt = Part("it", Estimate(0.2, 0.1, 0.3, seeds), 0.0, exempt=True)
    assert judge([exempt]).verdict == SUPPORTED


def test_a_shut_gate_makes_it_open_but_for_agents() -> None:
    gates = [Gate("measured", True, "0.99"), Gate("speed error", False, "0.40 (<= 0.15)")]
    bad = [Part("it", estimate(-0.3, -0.1), 0.0)]
    found = judge(bad, gates)
    assert (found.verdict, found.reason) == (INCONCLUSIVE, "fails where trained: speed error 0.40 (<= 0.15)")
    assert judge(bad, gates, agent=True).verdict == NOT_SUPPORTED


def test_power_is_the_effect_found_in_four_of_five_runs() -> None:
    """Of samples whose mean lies the named distance beyond the bound."""
    rng, seeds, spread = np.random.default_rng(0), 5, 0.1
    true_error = spread / math.sqrt(seeds)
    exact = Estimate(0.0, -2.776445 * true_error, 2.776445 * true_error, seeds, seeds - 1)
    hits = [
        Part("it", over_seeds(by_seed(*rng.normal(exact.detectable, spread, seeds))), 0.0).holds for _ in range(2000)
    ]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("kind", ["over_seeds", "paired", "minus", "pooled"])
def test_intervals_cover(kind: str, seeds: int) -> None:
    """In a simulation of seeds with a common part, each interval holds the truth in at least 93 % of the cases."""
    rng, hits, truth = np.random.default_rng(1), 0, 0.3
    rounds = 1500
    for _ in range(rounds):
        common = rng.normal(0, 1, seeds)
        first, second = (by_seed(*(common + rng.normal(mean, 0.2, seeds))) for mean in (0.0, truth))
        if kind == "over_seeds":
            found, wanted = over_seeds(second), truth
        elif kind == "paired":
            found, wanted = paired(first, second), truth
        elif kind == "minus":
            alone = by_seed(*rng.normal(0, 1, seeds))
            found, wanted = over_seeds(second).minus(over_seeds(alone)), truth
        else:
            cells = [over_seeds(by_seed(*rng.normal(mean, 0.3, seeds))) for mean in (0.1, 0.2, 0.6)]
            found, wanted = pooled(cells), 0.3
        hits += found.low <= wanted <= found.high
    assert hits / rounds >= 0.93
