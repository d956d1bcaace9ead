"""Differences and verdicts on numbers worked out by hand: all four outcomes of every claim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from combinatorial_runs import cell_rows, metrics_of

from physlaw.report.checks import INCONCLUSIVE, NOT_RUN, NOT_SUPPORTED, SUPPORTED
from physlaw.report.compared import CLIPS
from physlaw.report.verdicts import (
    Difference,
    Verdict,
    decide,
    difference,
    verdict_csv,
)
from physlaw.studies.combinatorial.report.gains import Side, gain
from physlaw.studies.combinatorial.report.verdicts import paper_judgements, verdicts

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


TRAINED = {(IN, "abnormal"): 0.02, (IN, "matched"): 0.99}
IN_COMMON = {(f"common_{size}", name): value for size in (30, 60) for name, value in (("ssim", 0.96), ("psnr", 28.0))}
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


def three(**changed: Any) -> pd.DataFrame:
    """study with seeds 0 to 2, whose values differ by little."""
    known: dict[str, Any] = {f"large_{size}": quality(numbers) for size, numbers in RISING.items()}
    known["small_60"] = quality((0.7, 18.0, 0.3))
    known = {name: values | TRAINED for name, values in known.items()}
    known["large_6"] |= IN_COMMON
    cells: dict[Any, Any] = {}
    for name, values in (known | changed).items():
        model, size = name.split("_")
        for seed in range(3):
            moved = {key: value + 1e-3 * seed for key, value in (known[name] | (values or {})).items()}
            cells[model, size, seed] = None if values is None else cell_rows(moved)
    return metrics_of(cells)


def test_more_templates_are_better_out_of_template() -> None:
    verdict = found(three())["C5"]
    assert verdict.verdict == SUPPORTED
    assert "SSIM 6 to 60 +0.1000 [+0.1000, +0.1000]" in verdict.found
    assert "abnormal 6 to 60, beyond the nearest case +0.400" in verdict.found
    assert "PSNR 30 to 60, step +1.00" in verdict.found
    assert "no value: FVD, LPIPS" in verdict.found
    assert verdict.intervals == "over 3 seeds"
    assert "SSIM 6 to 60" in verdict.power
    assert verdict.paper.startswith("DiT-XL, 6, 30, 60 templates; FVD 22.1, 19.7, 18.7; SSIM 0.943, 0.950, 0.951")
    assert verdict.command == "physlaw reproduce study=combinatorial profile=smoke recipe=fast"
    worse = found(three(large_60={(OUT, "abnormal"): 0.7}))["C5"]
    assert (worse.verdict, worse.part) == (NOT_SUPPORTED, "abnormal 6 to 60")
    assert worse.value < 0, "below 0 is worse whatever the measure's direction"
    unfinished = found(three(large_30=None))["C5"]
    assert (unfinished.verdict, unfinished.found) == (NOT_RUN, "not finished: large, 30 templates")


def test_a_tie_and_what_the_nearest_case_gains_too_are_no_gain() -> None:
    tied = found(three(large_30={(OUT, "ssim"): 0.8}, large_60={(OUT, "ssim"): 0.8}))["C5"]
    assert (tied.verdict, tied.part) == (NOT_SUPPORTED, "SSIM 6 to 60")
    copier = {"large_6": {(OUT, "retrieved_ssim"): 0.5}, "large_60": {(OUT, "retrieved_ssim"): 0.7}}
    copied = found(three(**copier))["C5"]
    assert (copied.verdict, copied.part) == (NOT_SUPPORTED, "SSIM 6 to 60, beyond the nearest case")
    old = three().drop(columns=["retrieved_ssim"])
    assert found(old)["C5"].reason == "to be run again: stored before retrieved_ssim was measured"


def test_a_step_down_within_its_interval_leaves_it_open_and_beyond_it_speaks_against() -> None:
    rows = three(large_30={(OUT, "ssim"): 0.95})
    assert found(rows)["C5"].verdict == NOT_SUPPORTED
    cell = (rows["cell"] == "combinatorial-large-n30-seed0") & (rows["group"] == OUT)
    rows.loc[cell, "generated_ssim"] = 0.5
    verdict = found(rows)["C5"]
    assert verdict.verdict == INCONCLUSIVE or "SSIM" in verdict.part
    assert found(three(large_30={(OUT, "ssim"): 0.9}))["C5"].verdict == SUPPORTED  # no step down


@pytest.mark.parametrize("claim", ["C5", "C6", "C7", "C15"])
def test_one_seed_decides_nothing(claim: str) -> None:
    metrics = three()
    verdict = found(metrics[metrics["seed"] == 0])[claim]
    assert verdict.verdict == INCONCLUSIVE
    assert verdict.reason.startswith("1 seed: ")
    two = found(metrics[metrics["seed"] < 2])[claim]
    assert two.reason.startswith("2 seeds: ")


def test_who_fails_in_template_says_nothing_out_of_it() -> None:
    verdicts_ = found(three(large_60={(IN, "abnormal"): 0.1}))
    for claim in ("C5", "C7"):
        assert verdicts_[claim].verdict == INCONCLUSIVE
        assert verdicts_[claim].reason.startswith("fails where trained: large, 60 templates: normal clips in template")
    assert not verdicts_["C6"].reason.startswith("fails")
    lost = found(three(small_60={(IN, "matched"): 0.9}))
    assert (lost["C5"].verdict, lost["C7"].verdict) == (SUPPORTED, INCONCLUSIVE)


def test_the_latents_distance_is_shown_but_decides_nothing() -> None:
    verdict = found(three(large_60={(OUT, "frechet_latent"): 9.0}))["C5"]
    assert verdict.verdict == SUPPORTED
    assert "latents" not in verdict.found


def test_a_measure_with_weights_counts() -> None:
    lpips = {"small_60": 0.08, "large_60": 0.09}
    verdict = found(three(**{name: {(OUT, "lpips"): value} for name, value in lpips.items()}))["C7"]
    assert (verdict.verdict, verdict.part) == (NOT_SUPPORTED, "LPIPS out of template")


def test_six_templates_are_best_on_templates_in_common() -> None:
    verdict = found(three())["C6"]
    assert verdict.verdict == SUPPORTED
    assert "SSIM 6 over 30 +0.0110" in verdict.found
    assert "no value: LPIPS" in verdict.found
    assert "FVD" not in verdict.paper
    tied = found(three(large_60={("common_60", "ssim"): 0.96}))["C6"]
    assert (tied.verdict, tied.part) == (NOT_SUPPORTED, "SSIM 6 over 60")
    assert found(three(large_60={(IN, "ssim"): 0.99}))["C6"].verdict == SUPPORTED  # its own templates are easier
    assert found(three(large_6=None))["C6"].verdict == NOT_RUN
    metrics = three()
    old = metrics[~metrics["group"].astype(str).str.startswith("common")]
    assert found(old)["C6"].reason.startswith("to be run again: stored before")


def test_the_smaller_model_is_worse() -> None:
    verdict = found(three())["C7"]
    assert verdict.verdict == SUPPORTED
    assert verdict.found.startswith("small to large, 60 templates, better by; ")
    assert "SSIM out of template +0.2000" in verdict.found
    assert found(three(small_60={(OUT, "ssim"): 0.99}))["C7"].verdict == NOT_SUPPORTED
    assert found(three(small_60=None))["C7"].verdict == NOT_RUN
    metrics = three()
    alone = found(metrics[metrics["model"] == "large"])["C7"]
    assert alone.verdict == NOT_RUN
    assert "two are needed" in alone.found


def test_ambiguity_below_a_pixel() -> None:
    assert found(three())["C15"].verdict == SUPPORTED  # .6 against .9, the same in every seed

    def with_accuracy(below: float, above: float) -> Verdict:
        metrics = three()
        for group, value in (("gap_ball 0 to 1 px", below), ("gap_ball 1 to inf px", above)):
            rows = metrics["group"] == group
            metrics.loc[rows, ACCURACY[0]] = value + 1e-3 * metrics.loc[rows, "seed"]
        return found(metrics)["C15"]

    assert with_accuracy(0.85, 0.9).verdict == NOT_SUPPORTED  # less than ten points
    assert with_accuracy(0.95, 0.9).verdict == NOT_SUPPORTED
    low = with_accuracy(0.3, 0.7)
    assert (low.verdict, low.reason.split(":")[0]) == (INCONCLUSIVE, "fails where nothing is ambiguous")
    few = three()
    few.loc[few["group"] == "gap_ball 1 to inf px", "clips"] = 39
    assert found(few)["C15"].reason.startswith("to be run again: stored before")
    metrics = three()
    assert found(metrics[metrics["kind"] != "ambiguity"])["C15"].verdict == NOT_RUN
    assert found(three(large_60=None))["C15"].verdict == NOT_RUN


def test_the_papers_own_figures_support_c5_and_c7() -> None:
    judged = paper_judgements()
    assert {claim: one.verdict for claim, one in judged.items()} == {"C5": SUPPORTED, "C7": SUPPORTED}
    assert "LPIPS" in judged["C5"].power


def clips_of_cells(changes: dict[str, float], count: int = 60) -> Any:
    """attrs[CLIPS]: per-clip tables in which out-of-template SSIM is a scene's own plus what the cell adds."""
    own = np.random.default_rng(0).uniform(0.3, 0.6, count)
    noise = np.random.default_rng(1).normal(0, 0.01, count)

    def table(cell: str) -> pd.DataFrame:
        size = cell.split("-")[2][1:]
        value = own + changes[size] + (noise if size == "60" else 0)
        names = {"set": OUT, "template": 10060, "scene": np.arange(count), "trial": 0}
        return pd.DataFrame(names | {"generated_ssim": value, "retrieved_ssim": own})

    return table


def test_of_one_seed_clips_are_paired() -> None:
    metrics = three()
    metrics = metrics[metrics["seed"] == 0]
    before, after = (Side(("large", size), OUT) for size in ("6", "60"))
    alone = gain(metrics, "ssim", before, after)
    metrics.attrs[CLIPS] = clips_of_cells({"6": 0.1, "60": 0.12})
    both = gain(metrics, "ssim", before, after)
    assert alone is not None
    assert both is not None
    assert both.value == pytest.approx(0.02, abs=0.005)
    assert both.half < 0.005 < alone.half
    beyond = gain(metrics, "ssim", before, after, beyond=True)
    assert beyond is not None
    assert beyond.value == pytest.approx(both.value)  # the nearest case gains nothing
    assert (both.seeds, both.basis) == (1, "over clips")


def test_without_all_numbers_of_templates_there_is_no_verdict() -> None:
    every = found(metrics_of({("large", "60", 0): cell_rows()}))
    assert {every[claim].verdict for claim in ("C5", "C6", "C7")} == {NOT_RUN}
    assert every["C15"].reason.startswith("1 seed: ")  # it needs the most templates alone
    assert every["C5"].found == "no model has cells of 6, 30, 60 templates"


def test_verdicts_as_a_file() -> None:
    text = verdict_csv(verdicts(study()))
    header = (
        "claim,verdict,check,found,threshold,intervals,paper,command,reason,power,value,low,high,part,seeds,sentence"
    )
    assert text.splitlines()[0] == f"{header},bound"
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["C5", "C6", "C7", "C15"]
    assert not np.any([word in text for word in ("nan", "None")])
