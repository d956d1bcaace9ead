"""C1 to C4 on errors that follow a known law: every outcome, what is left out, and what the page shows of it."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from physlaw.profiles import REPOSITORY
from physlaw.report.acceptance import PAPER
from physlaw.report.checks import INCONCLUSIVE, NOT_APPLICABLE, NOT_RUN, NOT_SUPPORTED, SUPPORTED
from physlaw.report.metrics import read_metrics
from physlaw.report.verdicts import Verdict
from physlaw.results.reproduce import redraw
from physlaw.studies.id_ood.report.figures import error_curves
from physlaw.studies.id_ood.report.fits import fit_table, runs_table, scenario_fits
from physlaw.studies.id_ood.report.verdicts import verdicts
from physlaw.studies.id_ood.study import PAPER_CLIPS, PAPER_ERRORS, PAPER_FLOORS, PAPER_PARAMETERS

MODELS = {"s": 1e4, "m": 1e5, "l": 1e6}
SIZES = {"300": 300, "3k": 3_000, "30k": 30_000}
FLOOR = 0.01
BLOCKS = {
    "id": ("block", 0),
    "level1": ("block", 1),
    "level2": ("block", 2),
    "level3": ("block", 3),
    "ood": ("all", -1),
}


def run_rows(
    scenario: str, model: str, size: str, seed: int, inside: float, outside: float, cost: float = 0.0, **changed: Any
) -> list[dict[str, Any]]:
    """A finished run's rows. inside, outside: errors; cost: what the tokenizer adds, three blocks 0.5, 1, 1.5 of it."""
    names = {"study": "id_ood", "profile": "mini", "recipe": "fast", "cell": f"{scenario}-{model}-n{size}-seed{seed}"}
    names |= {"scenario": scenario, "model": model, "size": size, "seed": seed}
    rows = []
    for number, (group, (kind, level)) in enumerate(BLOCKS.items()):
        error = inside if group == "id" else outside
        times = {"level1": 0.5, "level3": 1.5}.get(group, 1.0)
        rows.append(
            names
            | {"group": group, "kind": kind, "level": level, "clips": 10 + number, "generated_corrected": error}
            | {"generated_corrected_low": error * 0.9, "generated_corrected_high": error * 1.1}
            | {"truth_corrected": FLOOR, "truth_paper_code": FLOOR, "reconstruction_paper_code": FLOOR + times * cost}
            | {"parameters": MODELS.get(model), "training_clips": SIZES.get(size), "tokenizer_digest": "t"}
            | {"tokenizer": "vae" if cost else "pixels"}
            | changed
        )
    return rows


def study(
    scenario: str = "uniform",
    data: float = -0.2,
    model: float = -0.3,
    ood: tuple[float, float] = (0.0, 0.0),
    models: tuple[str, ...] = tuple(MODELS),
    sizes: tuple[str, ...] = tuple(SIZES),
    spread: float = 0.02,
    level: float = 1.0,
    **changed: Any,
) -> pd.DataFrame:
    """A grid with three seeds: excess ID error with slopes data, model; OOD error with slopes `ood`, about `level`."""
    rng, rows = np.random.default_rng(3), []
    for m in models:
        for n in sizes:
            d, p = math.log(SIZES[n] / 3e3), math.log(MODELS[m] / 1e5)
            for seed in (0, 1, 2):
                noise = spread * rng.standard_normal(2)
                inside = FLOOR + 0.03 * math.exp(data * d + model * p + noise[0])
                outside = level * math.exp(ood[0] * d + ood[1] * p + noise[1])
                rows += run_rows(scenario, m, n, seed, inside, outside, **changed)
    return pd.DataFrame(rows)


def found(metrics: pd.DataFrame) -> dict[str, Verdict]:
    return {one.claim: one for one in verdicts(metrics)}


def test_error_falls_in_distribution_and_not_out_of_it() -> None:
    every = found(study())
    assert (every["C1"].verdict, every["C3"].verdict) == (SUPPORTED, SUPPORTED)
    assert every["C1"].found.startswith("uniform: data -0.2")
    assert "runs: 27" in every["C1"].found
    assert "residuals" in every["C1"].intervals
    assert every["C1"].command == "physlaw reproduce study=id_ood profile=mini recipe=fast"
    fit = scenario_fits(study())[0]
    for axis in fit.gap.slopes:  # the difference of the two slopes, of the same runs
        gap = fit.outside.slopes[axis].value - fit.inside.slopes[axis].value
        assert fit.gap.slopes[axis].value == pytest.approx(gap)


def test_slopes_of_the_wrong_sign_or_of_none() -> None:
    assert found(study(model=0.3))["C1"].verdict == NOT_SUPPORTED
    assert found(study(model=0.0, spread=0.3))["C1"].verdict == INCONCLUSIVE
    assert found(study(ood=(-0.6, -0.6)))["C3"].verdict == NOT_SUPPORTED  # OOD error falls faster
    assert found(study(data=-0.05, model=-0.05, spread=0.3))["C3"].verdict == INCONCLUSIVE


def test_one_row_of_models_is_judged_on_data_alone() -> None:
    row = study("parabola", models=("m",))
    alone = found(row)["C1"]
    assert alone.verdict == SUPPORTED
    assert "parabola: data -0.2" in alone.found
    assert "parameters not run (one number of parameters)" in alone.found
    assert alone.found.endswith("judged on one axis alone: parabola")
    assert found(pd.concat([study(), row]))["C1"].verdict == SUPPORTED
    against = study("parabola", models=("m",), data=0.2)
    assert found(pd.concat([study(), against]))["C1"].verdict == NOT_SUPPORTED
    assert found(study(models=("m",), sizes=("3k",)))["C3"].verdict == NOT_RUN


def test_data_sizes_of_another_regime_are_shown_apart() -> None:
    metrics = study()
    metrics["regime"] = np.where(metrics["size"] == "300", "apart", "main")
    metrics.loc[metrics["size"] == "300", ["generated_corrected"]] *= 100
    every = found(metrics)
    assert every["C1"].verdict == SUPPORTED
    assert "runs: 18, of another regime, shown apart: 300 clips" in every["C1"].found


def test_a_slope_near_nothing_is_not_supported() -> None:
    assert found(study(data=-0.001, model=-0.001, spread=0.001))["C1"].verdict == NOT_SUPPORTED  # -.02 is excluded


def test_an_ood_error_that_falls_is_no_support_though_it_falls_more_slowly() -> None:
    assert found(study(ood=(-0.15, -0.15), data=-0.3, model=-0.3))["C3"].verdict == NOT_SUPPORTED


def test_a_model_that_fails_where_trained_decides_nothing_out_of_distribution() -> None:
    metrics = study().assign(measured_share=0.9)
    every = found(metrics.assign(corrected_imputed=metrics["generated_corrected"]))
    assert every["C2"].reason.startswith("fails where trained: uniform s: measured 0.900 (>= 0.95)")
    assert "a vanished ball counts as standing still" in every["C1"].found


def test_a_run_without_a_logarithm_is_named_and_left_out() -> None:
    metrics = study()
    first = metrics["cell"].iloc[0]
    metrics.loc[(metrics["cell"] == first) & (metrics["group"] == "id"), "generated_corrected"] = FLOOR - 0.002
    lost = metrics["cell"].iloc[-1]
    metrics.loc[(metrics["cell"] == lost) & (metrics["group"] == "ood"), "generated_corrected"] = np.nan
    every = found(metrics)
    for claim in ("C1", "C3"):
        assert f"left out: {lost} (no ball found), {first} (excess -0.0020, not positive)" in every[claim].found
        assert "runs: 25" in every[claim].found
    assert "1 runs without an error left out" in every["C2"].found


def test_runs_that_have_not_finished_are_counted() -> None:
    metrics = study()
    gone = metrics["cell"].iloc[-1]
    names = metrics[metrics["cell"] == gone].iloc[:1][["study", "profile", "recipe", "cell", "scenario", "model"]]
    missing = names.assign(size="30k", seed=1, kind="missing")
    metrics = pd.concat([metrics[metrics["cell"] != gone], missing])
    assert "runs: 26, 1 runs not finished" in found(metrics)["C1"].found
    assert len(runs_table(metrics)) == 26


@pytest.mark.parametrize(
    ("ratio", "spread", "expected"),
    [(20.0, 0.1, SUPPORTED), (2.0, 0.1, NOT_SUPPORTED), (5.2, 0.5, INCONCLUSIVE)],
)
def test_ood_over_id(ratio: float, spread: float, expected: str) -> None:
    flat = study(data=0.0, model=0.0, level=ratio * (0.03 + FLOOR), spread=spread)
    verdict = found(flat)["C2"]
    assert verdict.verdict == expected
    assert verdict.intervals == "uniform over 3 seeds"
    assert verdict.found.count("s 300 ") == 1  # every cell's ratio is there
    two = pd.concat([flat, study("parabola", data=0.0, model=0.0, level=1.0 * (0.03 + FLOOR))])
    assert found(two)["C2"].verdict == NOT_SUPPORTED  # one scenario alone speaks against it


def test_the_ratio_of_one_cell_has_an_interval_over_seeds_or_clips() -> None:
    one = pd.DataFrame(run_rows("uniform", "m", "3k", 0, 0.1, 1.0))
    verdict = found(one)["C2"]
    low, high = (
        10 * math.exp(math.copysign(math.hypot(*ends), sign))
        for ends, sign in (((math.log(0.9), math.log(1.1)), -1), ((math.log(1.1), math.log(0.9)), 1))
    )
    assert f"uniform: 10.0 [{low:.1f}, {high:.1f}] (m 3k 10.0)" in verdict.found
    assert verdict.intervals == "uniform over clips"
    assert verdict.reason.startswith("1 seed: for")
    two = pd.DataFrame([*run_rows("uniform", "m", "3k", 0, 0.1, 1.0), *run_rows("uniform", "m", "3k", 1, 0.1, 2.0)])
    assert "over 2 seeds" in found(two)["C2"].intervals
    assert found(two)["C2"].reason.startswith("2 seeds: open")


def tokenizer(*costs: float, half: float = 0.0002, side: int = 128) -> Verdict:
    rows = []
    for name, cost in zip(PAPER, costs, strict=False):
        known = {"tokenizer_cost": cost, "tokenizer_cost_low": cost - half, "tokenizer_cost_high": cost + half}
        rows += run_rows(name, "m", "3k", 0, 0.1, 1.0, cost, resolution=side, **known)
    return found(pd.DataFrame(rows))["C4"]


def test_the_tokenizer() -> None:
    fine = tokenizer(0.0005, 0.0004, 0.0006)
    assert fine.verdict == SUPPORTED
    assert "uniform +0.0005 [+0.0003, +0.0007]" in fine.found
    assert tokenizer(0.0015, 0.0010, 0.0014).verdict == INCONCLUSIVE
    assert tokenizer(0.0005, 0.0004, 0.12).verdict == NOT_SUPPORTED
    assert tokenizer(0.0005, 0.0004, 0.0006, side=32).verdict == NOT_APPLICABLE
    lossless = found(study())["C4"]
    assert (lossless.verdict, lossless.found) == (
        NOT_APPLICABLE,
        "the pixel tokenizer is lossless; no VAE at this scale",
    )
    published = tokenizer(*(b - a for a, b in PAPER.values()), half=0.0)  # the paper's Table 3, without intervals
    assert published.verdict == SUPPORTED


def paper_metrics() -> pd.DataFrame:
    """The paper's errors as if they were ours."""
    rows = []
    for scenario, groups in PAPER_ERRORS.items():
        for model, inside in groups["id"].items():
            for clips, a, b in zip(PAPER_CLIPS, inside, groups["ood"][model], strict=True):
                known = {"parameters": PAPER_PARAMETERS[model], "training_clips": clips}
                for row in run_rows(scenario, model, str(clips), 0, a, b, **known):
                    rows.append(row | {"truth_corrected": PAPER_FLOORS[scenario][row["group"] != "id"]})
    return pd.DataFrame(rows)


def test_what_the_papers_own_figures_say() -> None:
    """Error falls in distribution, OOD / ID is as stated; the parabola's OOD slope on data is not beyond its ID slope's
    interval, which leaves C3 open at the paper's one seed."""
    every = found(paper_metrics())
    for ratio in ("uniform: 23.5 [19.7, 28.0]", "parabola: 7.8 [6.6, 9.2]", "collision: 9.0 [7.7, 10.6]"):
        assert ratio in every["C2"].found
    assert every["C2"].verdict == SUPPORTED
    assert every["C1"].verdict == SUPPORTED
    assert every["C3"].verdict == INCONCLUSIVE
    assert every["C3"].reason == "crosses: parabola, data 0.05 [-0.00, 0.11] (> 0)"
    assert (every["C3"].value, every["C3"].low, every["C3"].high) == pytest.approx((0.053, -0.003, 0.109), abs=5e-4)


def test_fits_are_drawn_only_where_there_is_a_slope(tmp_path: Path) -> None:
    def dashes(metrics: pd.DataFrame, x: str) -> int:
        error_curves(x, metrics, pd.DataFrame(), tmp_path / "a.svg")
        return (tmp_path / "a.svg").read_text().count("stroke-dasharray: 2.96")

    assert dashes(study(), "training_clips") == 6 + 1  # three models, in and out of distribution; legend
    assert dashes(study(models=("m",)), "training_clips") == 2 + 1
    assert dashes(study(models=("m",)), "parameters") == 0


def test_the_table_of_fits_has_the_papers_slopes_beside_ours() -> None:
    header, rows = fit_table(scenario_fits(study()))
    assert [row[:3] for row in rows] == [
        ["uniform", name, "27"] for name in ("excess ID", "excess OOD", "excess OOD over excess ID")
    ]
    assert [row[4] for row in rows] == ["-0.16", "-0.04", "+0.12"]
    assert len(header) == len(rows[0])


def test_the_page_and_the_file_have_the_verdicts(tmp_path: Path) -> None:
    copy = tmp_path / "id_ood" / "smoke"
    shutil.copytree(REPOSITORY / "results/id_ood/smoke", copy)
    page = redraw(copy).read_text()
    table = pd.read_csv(copy / "verdicts.csv", keep_default_na=False)
    assert list(table["claim"]) == ["C1", "C2", "C3", "C4"]
    known = {one.claim: one.verdict for one in verdicts(read_metrics(copy))}
    for claim, verdict in known.items():
        assert f'<td>{claim}</td><td class="{verdict.replace(" ", "-")}">{verdict}</td>' in page
    assert "slope on data [95 %]" in page
