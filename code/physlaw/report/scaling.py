"""Power laws: the slopes of log(error) on log(training clips) and log(parameters), with 95 % intervals.

One method everywhere: joint least squares over runs (a run: a model, a training set, a seed, trained once), with
Student's t interval from the residuals, runs - coefficients degrees of freedom. Why this one:

- It needs no second seed, so the paper's own grid (nine cells, one seed) has intervals too. A slope per seed with a t
  interval over seeds has none there, and with two seeds a factor of 12.7.
- Where cells have several seeds each counts as a run of its own: the noise of training is independent between them, and
  every degree of freedom that they bring is used.
- If errors follow a power law with noise between runs the interval covers the true slope in 95 % of cases (tested). If
  they do not, or if all runs of a seed are off by a common factor, what the lines miss counts as noise, which makes the
  interval too wide for the slope of the best line, not too narrow.

What it cannot see: runs of one model and seed start from the same weights whatever their data. Should that move their
errors together by as much as all else moves them singly, the interval of a slope on parameters would cover in 83 % of
cases, by half as much in 90 % (simulated, three seeds of 3 x 3 cells); that of a slope on data in more than 95 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.intervals import student
from physlaw.report.verdicts import Difference

DATA, MODEL = "training_clips", "parameters"
AXES = (DATA, MODEL)
Floats = NDArray[np.float64]
METHOD = "t interval from the residuals of joint least squares over runs (cells x seeds)"


@dataclass(frozen=True)
class Fit:
    """log(error) = intercept + sum of slope * log(axis); natural logarithms.

    slopes: axis -> slope with its interval (NaN without a degree of freedom); an axis without a slope is in `absent`
    with the reason.
    """

    slopes: dict[str, Difference]
    absent: dict[str, str]
    intercept: float
    runs: int

    def predict(self, axis: str, values: Floats, others: dict[str, float]) -> Floats:
        """The fitted error along one axis, (N,) -> (N,); others: where on the other axes."""
        logs = self.intercept + self.slopes[axis].value * np.log(values)
        rest = (slope.value * math.log(others[name]) for name, slope in self.slopes.items() if name != axis)
        return np.exp(logs + sum(rest))


def least_squares(design: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Ordinary least squares. design: (N, K) of full rank, y: (N,). Returns coefficients and half widths of their 95 %
    intervals, (K,) each; the latter NaN for N = K."""
    freedom = len(y) - design.shape[1]
    coefficients: Floats = np.linalg.lstsq(design, y, rcond=None)[0].astype(np.float64)
    if freedom < 1:
        return coefficients, np.full(len(coefficients), np.nan)
    variance = float(np.sum((y - design @ coefficients) ** 2)) / freedom
    errors: Floats = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return coefficients, np.asarray(student(freedom) * errors)


def power_law(runs: pd.DataFrame, error: str) -> Fit:
    """Fit one scenario's runs.

    An axis with one value has no slope; nor have axes that change together only (then neither can be told from the
    other).

    Args:
        runs: a row per run, columns AXES and `error`, all positive; any number of rows.
    """
    logs = {axis: np.log(runs[axis].to_numpy(dtype=float)) for axis in AXES}
    counts = {axis: runs[axis].nunique() for axis in AXES}
    absent = {axis: _few(axis, count) for axis, count in counts.items() if count < 2}
    used = [axis for axis in AXES if axis not in absent]
    centred = [logs[axis] - logs[axis].mean() for axis in used]
    design = np.stack([np.ones(len(runs)), *centred], axis=1)
    if used and np.linalg.matrix_rank(design) < design.shape[1]:
        return Fit({}, absent | dict.fromkeys(used, "training clips and parameters change together"), np.nan, len(runs))
    if not used:
        return Fit({}, absent, np.nan, len(runs))
    values, halves = least_squares(design, np.log(runs[error].to_numpy(dtype=float)))
    seeds = int(runs["seed"].nunique()) if "seed" in runs else 1
    slopes = {
        axis: Difference(float(value), float(value - half), float(value + half), seeds)
        for axis, value, half in zip(used, values[1:], halves[1:], strict=True)
    }
    centre = sum(slopes[axis].value * float(logs[axis].mean()) for axis in used)
    return Fit(slopes, absent, float(values[0]) - centre, len(runs))


def _few(axis: str, count: int) -> str:
    words = axis.replace("_", " ")
    return f"one number of {words}" if count else "no runs"


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """Mean and its 95 % t interval; NaN ends for fewer than two values."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, np.nan, np.nan
    half = student(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half
