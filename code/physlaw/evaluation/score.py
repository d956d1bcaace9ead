"""`physlaw score`: measure the clips of a file class by class, as the released evaluator groups them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.data.released import ClipFile
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.velocity import ERROR_NAMES, VelocityErrors, velocity_errors
from physlaw.worlds.regions import RIM, within
from physlaw.worlds.scenarios import Scenario

Array = NDArray[np.float64]

DROPPED = "dropped"
LEFT_OUT = (DROPPED, "v_zero")  # of averages beside the release's
CLASSES = ("in", "r_out", "v_out", "rv_out", "v_zero")
MIN_ONE_BALL_RADIUS = 0.6  # smaller single balls are dropped before grouping, as released
MIN_TWO_BALL_RADIUS = 0.5  # as are collisions with a ball of this radius or less
_CHUNK = 8  # clips in memory at once


def classify(scenario: Scenario, init: Array) -> NDArray[np.str_]:
    """(N, K) -> (N,) class name, or DROPPED for scenes that the release leaves out; rims as worlds.regions has them."""
    radii, speeds = scenario.radii(init), scenario.speeds(init)

    def inside(values: Array, factor: int) -> NDArray[np.bool_]:
        return np.asarray(within(values, *scenario.in_dist.interval(scenario.factors[factor])).all(axis=-1))

    r_in, v_in = inside(radii, scenario.radius_factors[0]), inside(speeds, scenario.speed_factors[0])
    small = (radii <= MIN_TWO_BALL_RADIUS + RIM) if scenario.num_balls == 2 else (radii < MIN_ONE_BALL_RADIUS - RIM)
    return np.select(
        [small.any(axis=-1), (speeds == 0).any(axis=-1), r_in & v_in, ~r_in & v_in, r_in & ~v_in],
        [DROPPED, "v_zero", "in", "r_out", "v_out"],
        "rv_out",
    )


def _mean_or_none(values: Array) -> float | None:
    found = values[np.isfinite(values)]
    return float(found.mean()) if len(found) else None


def summarize(errors: VelocityErrors, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Means over the chosen clips; None where nothing can be measured."""
    summary: dict[str, Any] = {"count": int(chosen.sum())}
    for name in ERROR_NAMES:
        summary[name] = _mean_or_none(getattr(errors, name)[chosen])
    return summary | {"missing": int(errors.missing[chosen].sum())}


def concatenate(parts: list[VelocityErrors]) -> VelocityErrors:
    """Join the results of consecutive chunks of clips."""
    return VelocityErrors(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])})


def score_clips(clips: ClipFile, config: ScoreConfig) -> dict[str, Any]:
    """Measure every clip and average by class: {"scenario": ..., "classes": {"in": {...}, ..., "out": {...}}}.

    "out" is every class but "in". Clips are read and measured a few at a time.
    """
    scenario = clips.scenario
    everything = np.arange(len(clips))
    init = clips.init(everything)
    scenario.check_init(init[:, : len(scenario.factors)])
    parts = []
    for start in range(0, len(clips), _CHUNK):
        index = everything[start : start + _CHUNK]
        parts.append(
            velocity_errors(scenario, init[index], clips.positions(index), clips.clips(index), config.keep_last)
        )
    errors, groups = concatenate(parts), classify(scenario, init)
    classes = {name: summarize(errors, groups == name) for name in CLASSES}
    classes["out"] = summarize(errors, np.isin(groups, CLASSES[1:]))
    return {"scenario": scenario.name, "classes": classes}
