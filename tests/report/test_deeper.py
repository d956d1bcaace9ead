"""Verdicts of the deeper studies from metrics tables alone, worked by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from physlaw.metric import MEAN, Metric
from physlaw.report.verdicts import Difference, mean_difference, paired_difference
from physlaw.studies.attributes.outcomes import KEEPS_BOTH, KEEPS_FIRST, KEEPS_SECOND, share_table
from physlaw.studies.attributes.report import resulting_order
from physlaw.studies.registry import report_of

NAMES = {"profile": "mini", "recipe": "fast", "model": "dit_xs", "size": "30k", "kind": "block", "level": 1}


def metrics_of(study: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """metrics.csv of one study: each row names scenario, group, seed (0) and its measures."""
    full = []
    for given in rows:
        row = NAMES | {"study": study, "seed": 0, "clips": 100} | given
        row["cell"] = f"{row['scenario']}-{row['model']}-n{row['size']}-seed{row['seed']}"
        full.append(row)
    return pd.DataFrame(full)


def measured(name: str, value: float, half: float = 0.01) -> dict[str, float]:
    return Metric(name, name, interval=MEAN).stated(value, value - half, value + half)


def verdict_of(study: str, rows: list[dict[str, Any]], others: dict[str, pd.DataFrame] | None = None):  # type: ignore[no-untyped-def]
    (verdict,) = report_of(study).verdicts(metrics_of(study, rows), others or {})
    return verdict


def gap_rows(errors: dict[str, float], seed: int = 0) -> list[dict[str, Any]]:
    return [
        {"scenario": name, "group": "gap", "seed": seed, "snap": 0.5, **measured("generated_corrected", error)}
        for name, error in errors.items()
    ]


def test_c8_wants_errors_to_fall_from_the_widest_gap() -> None:
    falling = {"gap_125_375": 0.6, "gap_175_325": 0.3, "gap_two_islands": 0.2}
    assert verdict_of("velocity_gap", gap_rows(falling)).verdict == "supported"
    assert verdict_of("velocity_gap", gap_rows(falling | {"gap_two_islands": 0.8})).verdict == "not supported"
    assert verdict_of("velocity_gap", gap_rows(falling | {"gap_175_325": 0.601})).verdict == "inconclusive"
    without = verdict_of("velocity_gap", gap_rows({"gap_125_375": 0.6, "gap_175_325": 0.3}))
    assert without.verdict == "not run"
    assert "islands" in without.found
    between = gap_rows({"gap_125_375": 0.6, "gap_150_350": 0.7, "gap_175_325": 0.3, "gap_two_islands": 0.2})
    assert verdict_of("velocity_gap", between).verdict == "not supported"  # not in order


def test_c8_takes_intervals_over_seeds_where_there_are_several() -> None:
    rows = []
    for seed, shift in enumerate((0.0, 0.3, -0.3)):
        rows += gap_rows({"gap_125_375": 0.6 + shift, "gap_175_325": 0.5, "gap_two_islands": 0.5}, seed)
    found = verdict_of("velocity_gap", rows)
    assert found.verdict == "inconclusive"
    assert found.intervals == "over 3 seeds"


def test_c10_compares_the_shares_reversed() -> None:
    def rows(plain: float, flipped: float) -> list[dict[str, Any]]:
        pairs = (("fast_right", plain), ("fast_flipped", flipped))
        return [{"scenario": name, "group": "slow", **measured("reversed", share)} for name, share in pairs]

    assert verdict_of("memorization", rows(0.0, 0.1)).verdict == "supported"
    assert verdict_of("memorization", rows(0.1, 0.0)).verdict == "not supported"
    assert verdict_of("memorization", rows(0.0, 0.005)).verdict == "inconclusive"
    assert "Set-2" in verdict_of("memorization", rows(0.0, 0.1)[:1]).found


def test_c9_is_the_mean_ratio_outside_to_inside() -> None:
    def rows(inside: float, outside: float) -> list[dict[str, Any]]:
        groups = (("id", 0.1), ("inside", inside), ("outside", outside))
        return [
            {"scenario": name, "group": group, **measured("generated_corrected", error, error / 20)}
            for name in ("hole_150_350", "hole_mass")
            for group, error in groups
        ]

    assert verdict_of("square_out", rows(0.1, 0.5)).verdict == "supported"
    assert verdict_of("square_out", rows(0.1, 0.11)).verdict == "not supported"
    assert verdict_of("square_out", rows(0.1, 0.2)).verdict == "inconclusive"
    assert "5.00" in verdict_of("square_out", rows(0.1, 0.5)).found


def pair_rows(scenario: str, first: int, second: int, both: int = 0) -> list[dict[str, Any]]:
    """The crossed clips' row as the evaluator writes it."""
    codes = np.repeat(np.array([KEEPS_FIRST, KEEPS_SECOND, KEEPS_BOTH], np.uint8), [first, second, both])
    return [{"scenario": scenario, "group": "crossed", **share_table(codes)}]


def test_c11_wants_the_first_attribute_of_every_pair() -> None:
    rows = pair_rows("colour_velocity", 190, 10) + pair_rows("colour_shape", 180, 20)
    found = verdict_of("attributes", rows)
    assert found.verdict == "inconclusive"  # four pairs of six have not finished
    rest = [row for name in ("colour_size", "size_velocity", "size_shape") for row in pair_rows(name, 90, 10)]
    assert verdict_of("attributes", rows + rest + pair_rows("velocity_shape", 90, 10)).verdict == "supported"
    assert verdict_of("attributes", rows + rest + pair_rows("velocity_shape", 5, 0)).verdict == "supported"
    assert "by pairs won: colour > velocity = shape" in found.found
    assert "size against velocity: not finished" in found.found
    assert verdict_of("attributes", rows + pair_rows("size_shape", 40, 160)).verdict == "not supported"
    few = verdict_of("attributes", pair_rows("colour_size", 5, 0))
    assert few.verdict == "not run"
    assert "5 clips keep one attribute" in few.found


def test_the_order_counts_won_pairs() -> None:
    assert (
        resulting_order({"colour_size": 0.9, "colour_velocity": 0.8, "size_velocity": 0.7})
        == "colour > size > velocity"
    )
    assert resulting_order({"colour_ring": 0.5}) == "colour = shape"
    assert resulting_order({}) == ""


def test_c12_needs_ball_and_square_beside_it() -> None:
    rows = pair_rows("colour_ring_noflip", 80, 120)
    assert verdict_of("ring", rows).verdict == "not run"
    square = {"attributes": metrics_of("attributes", pair_rows("colour_shape_noflip", 190, 10))}
    assert verdict_of("ring", rows, square).verdict == "supported"
    assert verdict_of("ring", pair_rows("colour_ring_noflip", 190, 10), square).verdict == "inconclusive"


def composition_rows(spatial: float, temporal: float, vanish: float, plain: float) -> list[dict[str, Any]]:
    values = {
        "composition_spatial": (spatial, 0.0),
        "composition_temporal": (temporal, vanish),
        "composition_temporal_plain": (0.1, plain),
    }
    return [
        {"scenario": name, "group": "both", **measured("lawful", lawful), **measured("red_vanished", gone)}
        for name, (lawful, gone) in values.items()
    ]


def test_c13_needs_every_part() -> None:
    pairs = [row for name in ("size_velocity", "colour_size") for row in pair_rows(name, 5, 5, both=90)]
    others = {"attributes": metrics_of("attributes", pairs)}
    assert verdict_of("composition", composition_rows(0.9, 0.9, 0.0, 0.3), others).verdict == "supported"
    assert verdict_of("composition", composition_rows(0.9, 0.2, 0.0, 0.3), others).verdict == "not supported"
    alone = verdict_of("composition", composition_rows(0.9, 0.9, 0.0, 0.3))
    assert alone.verdict == "not run"
    assert "colour against size" in alone.found


@pytest.mark.parametrize(("ratio", "verdict"), [(1.1, "supported"), (0.5, "not supported"), (0.905, "inconclusive")])
def test_c14_and_c16_exclude_a_help_of_a_tenth(ratio: float, verdict: str) -> None:
    def cell(scenario: str, model: str, group: str, error: float) -> dict[str, Any]:
        return {"scenario": scenario, "model": model, "group": group, **measured("generated_corrected", error, 0.02)}

    models = (("dit_xs", 1.0), ("dit_xs_numbers", ratio), ("dit_xs_text", 1.1))
    told = [cell("collision", model, "ood", error) for model, error in models]
    assert verdict_of("modality", told).verdict == verdict
    assert verdict_of("modality", told[:2]).verdict == "not run"
    scenarios = (("uniform", 1.0), ("uniform_fine", ratio), ("uniform_long", 1.1))
    length = [cell(scenario, "dit_xs", "id", error) for scenario, error in scenarios]
    assert verdict_of("resolution_and_length", length).verdict == verdict
    assert verdict_of("resolution_and_length", length[:2]).verdict == "not run"


def test_cells_on_the_same_clips_are_paired_by_seed() -> None:
    before = pd.DataFrame({"seed": [0, 1, 2], "value": [1.0, 2.0, 3.0], "low": 0.0, "high": 4.0})
    after = before.assign(value=[1.5, 2.5, 3.6])
    one = paired_difference(before, after)
    assert one.value == pytest.approx(0.5333, abs=1e-3)
    assert 0.3 < one.low < one.high < 0.8  # the seeds differ by more than that
    assert one.seeds == 3
    assert paired_difference(before[:1], after[:1]).seeds == 1


def test_comparison_holds_shares_to_an_absolute_bound() -> None:
    here = metrics_of("memorization", [{"scenario": "fast_right", "group": "slow", "reversed": 0.04, "snap": 0.5}])
    there = here.assign(reversed=0.0, snap=1.5)
    compared = {one.name: one.agree for one in report_of("memorization").compare(here[[*here]], there, 0.5)}
    assert compared["slow reversed"]
    assert not compared["slow snap"]


def test_a_metric_that_older_cells_were_not_scored_by_is_a_dash() -> None:
    rows = metrics_of("memorization", [{"scenario": "fast_right", "group": "slow", **measured("reversed", 0.5)}])
    for header, (row, *_) in (report_of("memorization").mean_table(rows), report_of("memorization").cell_table(rows)):
        shown = dict(zip(header, row, strict=True))
        assert shown["reversed"].startswith("0.500")
        assert shown["snap index"] == shown["velocity error"] == "—"


def test_the_mean_of_differences_has_the_narrower_interval() -> None:
    mean = mean_difference([Difference(1.0, 0.0, 3.0, 2), Difference(3.0, 2.0, 5.0, 1)])
    assert (mean.value, mean.seeds) == (2.0, 1)
    assert mean.low == pytest.approx(2 - 2**0.5 / 2)
    assert mean.high == pytest.approx(2 + 8**0.5 / 2)
    with pytest.raises(ValueError, match="no differences"):
        mean_difference([])
