"""`physlaw score`: measure the clips of a file class by class, as the released evaluator groups them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.records import ClipCounts, Frames, Index
from physlaw.data.released import ClipFile
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.velocity import ERROR_NAMES, VelocityErrors, velocity_errors
from physlaw.worlds.regions import RIM, within
from physlaw.worlds.scenario import Scenario

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
    """Join the results of consecutive chunks of clips, all but the tracks."""
    names = [name for name in vars(parts[0]) if name not in ("tracks", "radii")]
    return VelocityErrors(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def score_clips(clips: ClipFile, config: ScoreConfig) -> dict[str, Any]:
    """Measure every clip and average by class.

    Returns:
        {"scenario": ..., "clips": ..., "dropped": ..., "resized": ..., "cut": ..., "classes": {"in": {...}, ...,
        "out": {...}}}. "out" is every class but "in"; for the counts see ClipCounts. Clips are read and measured a few
        at a time.
    """
    scenario = clips.scenario
    init = clips.init(np.arange(len(clips)))
    scenario.check_init(init[:, : len(scenario.factors)])
    errors = concatenate(
        [
            velocity_errors(scenario, init[index], clips.positions(index), frames, config.keep_last)
            for index, frames in _read(clips)
        ]
    )
    groups = classify(scenario, init)
    counts = clips.reading.counts(len(clips), int((groups == DROPPED).sum()))
    if counts.cut:
        text = "have not as many frames as positions: measured over the first ones that have both"
        print(f"physlaw: {counts.cut} of {counts.clips} clips {text}", file=sys.stderr, flush=True)
    classes = {name: summarize(errors, groups == name) for name in CLASSES}
    classes["out"] = summarize(errors, np.isin(groups, CLASSES[1:]))
    return {"scenario": scenario.name, **vars(counts), "classes": classes}


def counts_of(tables: list[pd.DataFrame]) -> ClipCounts:
    """Of tables with a row per clip that was rendered, and scored at the side and over the frames that were asked for:
    how many averages leave out, by their column release_class where they have it."""
    dropped = [table["release_class"].isin(LEFT_OUT).sum() for table in tables if "release_class" in table]
    return ClipCounts(sum(map(len, tables)), int(sum(dropped)))


def _read(clips: ClipFile) -> Iterator[tuple[Index, Frames]]:
    """All clips in order: some numbers, and (N, T, W, W, 3) of them; clips of another shape come apart."""
    waiting: list[Frames] = []
    for number in range(len(clips)):
        frames = clips.clip(number)
        if waiting and (len(waiting) == _CHUNK or frames.shape != waiting[0].shape):
            yield np.arange(number - len(waiting), number), np.stack(waiting)
            waiting = []
        waiting.append(frames)
    yield np.arange(len(clips) - len(waiting), len(clips)), np.stack(waiting)
