"""Differences and verdicts on numbers worked out by hand: all four outcomes of every claim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from combinatorial_runs import cell_rows, metrics_of

from physlaw.report.checks import INCONCLUSIVE, NOT_RUN, NOT_SUPPORTED, SUPPORTED
from physlaw.report.verdicts import (
    Difference,
    Verdict,
    decide,
    difference,
    verdict_csv,
)
from physlaw.studies.combinatorial.report.verdicts import verdicts

OUT, IN = "out_of_template", "in_template"


def seeds(*values: float, half: float = 0.3, start: int = 0) -> pd.DataFrame:
    table = pd.DataFrame({"seed": range(start, start + len(values)), "value": values})
    return table.assign(low=table["value"] - half, high=table["value"] + half)


def test_over_clips_of_one_seed_the_standard_errors_add_in_quadrature() -> None:
    found = difference(seeds(1.0, half=0.3), seeds(2.0, half=0.4))
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 0.5, 1.5))
    assert found.basis == "over clips of one seed"
    assert found.text(1) == "+1.0 [+0.5, +1.5]"
    two_and_one = difference(seeds(9.0, 1.0, half=0.3), seeds(2.0, half=0.4, start=1))  # seed 1 is common
    assert two_and_one.value == pytest.approx(1.0)


def test_the_interval_between_two_shares_is_newcombes() -> None:
    """Example of Newcombe (1998), table II: 56 of 70 against 48 of 80 differ by 0.2 with interval 0.0524 to 0.3339."""
    wilson = [(0.6, 0.4904, 0.7006), (0.8, 0.6918, 0.8769)]
    before, after = (pd.DataFrame({"seed": [0], "value": v, "low": a, "high": b}) for v, a, b in wilson)
    found = difference(before, after)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-4)


def test_over_seeds_the_interval_is_welchs() -> None:
    found = difference(seeds(1.0, 3.0), seeds(5.0, 7.0))  # variances 2 and 2: standard error sqrt(2), 2 degrees
    assert found.value == 4
    assert found.high - found.value == pytest.approx(4.303 * math.sqrt(2), rel=1e-3)
    assert found.basis == "over 2 seeds"
    same = difference(seeds(1.0, 1.0), seeds(2.0, 2.0))
    assert (same.low, same.high) == (1, 1)


def test_the_four_outcomes() -> None:
    up, open_, down = (Difference(v, v - 1, v + 1, 1) for v in (2, 0.5, -2))
    assert decide([up, up]) == SUPPORTED
    assert decide([up, open_]) == INCONCLUSIVE
    assert decide([up, open_, down]) == NOT_SUPPORTED
    assert decide([]) == NOT_RUN
    assert decide([Difference(2, math.nan, math.nan, 1)]) == INCONCLUSIVE  # no interval, no verdict
    assert down.negated() == up


ACCURACY = ["generated_accuracy", "generated_accuracy_low", "generated_accuracy_high"]
# Values of SSIM, PSNR and abnormal out of template that improve from step to step beyond intervals of +- 0.01.
RISING = {"6": (0.80, 20.0, 0.6), "30": (0.85, 21.0, 0.4), "60": (0.90, 22.0, 0.2)}


def quality(numbers: tuple[float, float, float], group: str = OUT) -> dict[tuple[str, str], float]:
    return {(group, name): value for name, value in zip(("ssim", "psnr", "abnormal"), numbers, strict=True)}


def study(**changed: Any) -> pd.DataFrame:
    """Three cells of the large model, one of the small. changed: e.g. large_60={(set, measure): value} or None."""
    known: dict[str, Any] = {f"large_{size}": quality(numbers) for size, numbers in RISING.items()}
    known["small_60"] = quality((0.7, 18.0, 0.8)) | quality((0.7, 18.0, 0.8), IN)
    cells: dict[Any, Any] = {}
    for name, values in (known | changed).items():
        model, size = name.split("_")
        cells[model, size, 0] = None if values is None else cell_rows(known[name] | values)
    return metrics_of(cells)


def found(metrics: pd.DataFrame) -> dict[str, Verdict]:
    return {one.claim: one for one in verdicts(metrics)}


def test_more_templates_are_better_out_of_template() -> None:
    verdict = found(study())["C5"]
    assert verdict.verdict == SUPPORTED
    assert "SSIM 6 to 30 +0.0500 [+0.0359, +0.0641] better" in verdict.found  # 0.01 * sqrt(2)
    assert "abnormal 30 to 60 -0.200 [-0.214, -0.186] better" in verdict.found
    assert "no value: FVD, LPIPS" in verdict.found
    assert verdict.intervals == "over clips of one seed"
    assert verdict.paper.startswith("DiT-XL, 6, 30, 60 templates; FVD 22.1, 19.7, 18.7; SSIM 0.943, 0.950, 0.951")
    assert verdict.command == "physlaw reproduce study=combinatorial profile=smoke recipe=fast"
    worse = found(study(large_60={(OUT, "abnormal"): 0.5}))["C5"]
    assert worse.verdict == NOT_SUPPORTED
    assert "abnormal 30 to 60 +0.100 [+0.086, +0.114] worse" in worse.found
    assert found(study(large_30={(OUT, "ssim"): 0.805}))["C5"].verdict == INCONCLUSIVE
    unfinished = found(study(large_30=None))["C5"]
    assert (unfinished.verdict, unfinished.found) == (NOT_RUN, "not finished: large, 30 templates")


def test_the_latents_distance_is_shown_but_decides_nothing() -> None:
    verdict = found(study(large_60={(OUT, "frechet_latent"): 9.0}))["C5"]
    assert verdict.verdict == SUPPORTED
    assert "Fréchet, latents 30 to 60 +8.5000 [+8.4859, +8.5141] worse, not counted" in verdict.found


def test_a_measure_with_weights_counts() -> None:
    lpips = {"large_6": 0.08, "large_30": 0.06, "large_60": 0.09}
    verdict = found(study(**{name: {(OUT, "lpips"): value} for name, value in lpips.items()}))["C5"]
    assert verdict.verdict == NOT_SUPPORTED
    assert "LPIPS 30 to 60 +0.0300" in verdict.found


def test_six_templates_are_best_in_template_or_tied_as_rounded() -> None:
    tied = found(study(large_6={(IN, "ssim"): 0.9496}, large_60={(IN, "ssim"): 0.9504}))["C6"]
    assert tied.verdict == SUPPORTED  # both are 0.950 as the paper rounds
    assert "SSIM 0.950, 0.950, 0.950" in tied.found
    assert "no value: LPIPS" in tied.found
    assert "FVD" not in tied.paper
    assert found(study(large_60={(IN, "ssim"): 0.952}))["C6"].verdict == INCONCLUSIVE  # within its interval
    assert found(study(large_60={(IN, "ssim"): 0.99}))["C6"].verdict == NOT_SUPPORTED
    assert found(study(large_60={(IN, "abnormal"): 0.0}))["C6"].verdict == SUPPORTED  # not a measure of this claim
    assert found(study(large_6=None))["C6"].verdict == NOT_RUN


def test_the_smaller_model_is_worse() -> None:
    verdict = found(study())["C7"]
    assert verdict.verdict == SUPPORTED
    assert verdict.found.startswith("small to large, 60 templates; ")
    assert "SSIM in +0.2500" in verdict.found
    assert "SSIM out +0.2000" in verdict.found
    assert found(study(small_60={(IN, "ssim"): 0.99}))["C7"].verdict == NOT_SUPPORTED
    assert found(study(small_60={(IN, "ssim"): 0.945}))["C7"].verdict == INCONCLUSIVE
    assert found(study(small_60=None))["C7"].verdict == NOT_RUN
    metrics = study()
    alone = found(metrics[metrics["model"] == "large"])["C7"]
    assert alone.verdict == NOT_RUN
    assert "two are needed" in alone.found


def test_ambiguity_below_a_pixel() -> None:
    verdict = found(study())["C15"]  # 0.6 +- 0.1 against 0.9 +- 0.1
    assert verdict.verdict == SUPPORTED
    assert "+0.300 [+0.159, +0.441]" in verdict.found
    for below, expected in ((0.85, INCONCLUSIVE), (0.99, INCONCLUSIVE), (1.2, NOT_SUPPORTED)):
        metrics = study()
        half = metrics["group"] == "all 0 to 1 px"
        metrics.loc[half, ACCURACY] = [below, below - 0.1, below + 0.1]
        assert found(metrics)["C15"].verdict == expected
    metrics = study()
    above = metrics["group"] == "all 1 to inf px"
    metrics.loc[above, ACCURACY] = [0.1, 0.05, 0.2]
    assert found(metrics)["C15"].verdict == INCONCLUSIVE  # it fails everywhere
    assert "fails where nothing is ambiguous" in found(metrics)["C15"].found
    metrics = study()
    assert found(metrics[metrics["kind"] != "ambiguity"])["C15"].verdict == NOT_RUN
    assert found(study(large_60=None))["C15"].verdict == NOT_RUN


def test_with_two_seeds_intervals_are_over_seeds() -> None:
    cells = {
        ("large", size, seed): cell_rows(quality((ssim + 0.001 * seed, psnr + 0.01 * seed, abnormal - 0.01 * seed)))
        for size, (ssim, psnr, abnormal) in RISING.items()
        for seed in (0, 1)
    }
    verdict = found(metrics_of(cells))["C5"]
    assert verdict.intervals == "over 2 seeds"
    assert verdict.verdict == SUPPORTED
    half = 4.303 * math.sqrt(0.5e-6)  # two variances of 0.001^2 / 2, halved
    assert f"SSIM 6 to 30 +0.0500 [{0.05 - half:+.4f}, {0.05 + half:+.4f}]" in verdict.found


def test_without_all_numbers_of_templates_there_is_no_verdict() -> None:
    every = found(metrics_of({("large", "60", 0): cell_rows()}))
    assert {one.verdict for one in every.values()} == {NOT_RUN}
    assert every["C5"].found == "no model has cells of 6, 30, 60 templates"


def test_verdicts_as_a_file() -> None:
    text = verdict_csv(verdicts(study()))
    assert (
        text.splitlines()[0]
        == "claim,verdict,check,found,threshold,intervals,paper,command,reason,power,value,low,high,part,seeds,sentence"
    )
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["C5", "C6", "C7", "C15"]
    assert not np.any([word in text for word in ("nan", "None")])
