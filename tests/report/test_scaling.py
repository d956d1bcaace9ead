"""Power-law fits: exact on exact laws, worked by hand on three points, and intervals that cover as they say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from physlaw.report.scaling import DATA, MODEL, least_squares, mean_interval, power_law
from physlaw.studies.id_ood.study import PAPER_CLIPS, PAPER_ERRORS, PAPER_ID_SLOPES, PAPER_OOD_SLOPES, PAPER_PARAMETERS

CLIPS, PARAMETERS = (300, 3_000, 30_000), (1e4, 1e5, 1e6)
FLOORS = {"uniform": 0.0099, "parabola": 0.0210, "collision": 0.0117}  # the paper's Table 3


def grid(clips: tuple[int, ...] = CLIPS, parameters: tuple[float, ...] = PARAMETERS, seeds: int = 1) -> pd.DataFrame:
    rows = [(n, p, seed) for n in clips for p in parameters for seed in range(seeds)]
    return pd.DataFrame(rows, columns=[DATA, MODEL, "seed"])


def law(runs: pd.DataFrame, data: float = -0.2, model: float = -0.3) -> pd.DataFrame:
    return runs.assign(error=3.0 * runs[DATA] ** data * runs[MODEL] ** model)


def test_an_exact_law_is_found_exactly() -> None:
    fit = power_law(law(grid()), "error")
    for axis, slope in ((DATA, -0.2), (MODEL, -0.3)):
        found = fit.slopes[axis]
        assert (found.value, found.low, found.high) == pytest.approx((slope, slope, slope), abs=1e-9)
    assert fit.intercept == pytest.approx(math.log(3.0))
    assert fit.predict(DATA, np.array([1e3, 1e5]), {MODEL: 1e7}) == pytest.approx(
        [3e0 * n**-0.2 * 1e7**-0.3 for n in (1e3, 1e5)]
    )


def test_three_points_worked_by_hand() -> None:
    """x = -1, 0, 1 and y = 1, 0, 2: slope 1/2, squared residuals 1/4 + 1 + 1/4 = 3/2, one degree of freedom."""
    design = np.array([[1.0, -1.0], [1.0, 0.0], [1.0, 1.0]])
    values, halves = least_squares(design, np.array([1.0, 0.0, 2.0]))
    assert values == pytest.approx([1.0, 0.5])
    assert halves[1] == pytest.approx(12.706 * math.sqrt(1.5 / 2), rel=1e-4)
    assert halves[0] == pytest.approx(12.7062 * math.sqrt(1.5 / 3))
    assert np.isnan(least_squares(design[:2], np.array([1.0, 2.0]))[1]).all()


def test_an_axis_that_is_not_varied_has_no_slope() -> None:
    fit = power_law(law(grid(parameters=(1e5,))), "error")
    assert list(fit.slopes) == [DATA]
    assert fit.absent == {MODEL: "one number of parameters"}
    assert fit.slopes[DATA].value == pytest.approx(-0.2)
    neither = power_law(law(grid((300,), (1e5,), seeds=4)), "error")
    assert (neither.slopes, list(neither.absent)) == ({}, [DATA, MODEL])
    assert power_law(law(grid((), ())), "error").absent[DATA] == "no runs"


def test_axes_that_change_together_cannot_be_told_apart() -> None:
    runs = grid()
    together = runs[runs[DATA] * 1e5 == runs[MODEL] * 3e3]
    assert len(together) == 3
    fit = power_law(law(together), "error")
    assert fit.slopes == {}
    assert set(fit.absent.values()) == {"training clips and parameters change together"}


def coverage(seeds: int, shared: float = 0.0, bend: float = 0.0, trials: int = 4000) -> list[float]:
    """Share of intervals that hold the slope, on data and on parameters, of 3 x 3 cells with noise between runs.

    shared: spread of a factor common to all runs of a seed. bend: how far the middle of the data axis is off the line;
    the slope is then that of the best line through the cells' true values.
    """
    rng = np.random.default_rng(7)
    runs = grid(seeds=seeds)
    x = np.stack([np.log(runs[axis]) - np.log(runs[axis]).mean() for axis in (DATA, MODEL)], axis=1)
    design = np.column_stack([np.ones(len(runs)), x])
    middle = (runs[DATA] == CLIPS[1]).to_numpy()
    truth = x @ [-0.2, -0.3] + bend * middle
    aim = least_squares(design, truth)[0][1:]
    hits = np.zeros(2)
    for _ in range(trials):
        noise = 0.1 * rng.standard_normal(len(runs)) + shared * rng.standard_normal(seeds)[runs["seed"]]
        values, halves = least_squares(design, truth + noise)
        hits += np.abs(values[1:] - aim) <= halves[1:]
    return list(hits / trials)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_intervals_cover_the_slope_in_95_of_100_cases(seeds: int) -> None:
    assert coverage(seeds) == pytest.approx([0.95, 0.95], abs=0.02)


def test_what_the_law_does_not_describe_makes_intervals_wider_never_narrower() -> None:
    assert min(coverage(3, shared=0.2, trials=2000)) > 0.95
    assert min(coverage(3, bend=0.2, trials=2000)) > 0.95


@pytest.mark.parametrize("scenario", PAPER_ERRORS)
def test_the_papers_slopes_follow_from_the_papers_errors(scenario: str) -> None:
    for group, known, floor in (("id", PAPER_ID_SLOPES, FLOORS[scenario]), ("ood", PAPER_OOD_SLOPES, 0.0)):
        rows = [
            {DATA: clips, MODEL: PAPER_PARAMETERS[model], "error": error - floor}
            for model, errors in PAPER_ERRORS[scenario][group].items()
            for clips, error in zip(PAPER_CLIPS, errors, strict=True)
        ]
        fit = power_law(pd.DataFrame(rows), "error")
        found = [fit.slopes[axis].value for axis in (DATA, MODEL)]
        assert found == pytest.approx(known[scenario], abs=0.01), group


def test_the_interval_of_a_mean() -> None:
    mean, low, high = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, low, high) == pytest.approx((2.0, 2 - 4.303 / math.sqrt(3), 2 + 4.303 / math.sqrt(3)), abs=1e-3)
    assert np.isnan(mean_interval(np.array([1.0]))[1:]).all()
