"""Velocity errors, a linear read-out of the speed by layer and denoising step, and drawn speeds frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.clips import RenderedClips
from physlaw.data.released import ClipFile
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.following import FOLLOW, follow
from physlaw.evaluation.retrieval import NearestCase
from physlaw.evaluation.velocity_blocks import CLIP_COLUMNS, summarize_blocks, velocity_block
from physlaw.evaluation.velocity_blocks import METRICS as VELOCITIES
from physlaw.metric import HIGHER, MEAN, OWN, Metric, bounds
from physlaw.studies.probe import study
from physlaw.studies.probe.drawn import drawn_speeds
from physlaw.studies.probe.hidden import hidden_tokens, probed_steps
from physlaw.studies.probe.readout import explained, fit_readout
from physlaw.studies.probe.sets import SCENARIOS, probed_blocks

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]
Array = NDArray[np.float64]

# Of a group of clips: follow of the read-out that decides; of one fitted on speeds in and out of distribution, tested
# on other clips; of the first and of the last frames drawn, and the former minus the latter, of clips that have both.
READ = Metric("read_follow", "follow of the read-out", 2, interval=OWN)
WIDE = Metric("wide_follow", "the same, fitted on all speeds", 2, interval=OWN)
EARLY = Metric("early_follow", "follow of the first frames", 2, interval=OWN)
LATE = Metric("late_follow", "of the last frames", 2, interval=OWN)
FALL = Metric("follow_lost", "first minus last", 2, interval=OWN)
BOTH = Metric("early_and_late", "clips seen first and last", 2, interval=MEAN)
# Of a read-out: held-out trained clips' variance that it explains, and which layer it is of.
HELD_OUT = Metric("read_explained", "explained in distribution", 3, HIGHER)
LAYER = Metric("read_layer", "layer", 0)
# Of a speed: asked for, read, drawn.
ASKED = Metric("asked_speed", "speed asked for", 2, interval=MEAN)
SPEED = Metric("read_speed", "speed read", 2, interval=MEAN)
DRAWN = Metric("drawn_speed", "speed drawn", 2, interval=MEAN)
FRAME = Metric("frame_follow", "follow in this frame", 2, interval=OWN)  # of the speed since the frame before
METRICS = (*VELOCITIES, READ, WIDE, EARLY, LATE, FALL, BOTH, HELD_OUT, LAYER, ASKED, SPEED, DRAWN, FRAME)
Rows = Iterator[dict[str, Any]]


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips; then of kind "layer" one per layer and step, "map" one per layer and speed, "drawn" one
    per speed, "frame" one per frame."""
    scenario, training = SCENARIOS[evaluation.cell.scenario], evaluation.training()
    known = training if isinstance(training, ClipFile) else cast("RenderedClips[Any]", training).scenes
    cases = NearestCase(known, evaluation.data.num_cond_frames)
    blocks = probed_blocks(scenario, evaluation.config.blocks)
    table = pd.concat([velocity_block(scenario, evaluation, block, cases) for block in blocks], ignore_index=True)
    drawn = drawn_speeds(scenario, evaluation, blocks)
    table = table.assign(early=drawn.early, late=drawn.late)
    speeds = table["v"].to_numpy(dtype=np.float64)
    out = (table["level"] > 0).to_numpy()
    held_out = ~out & (np.arange(len(table)) % 3 == 0)
    edge = np.clip(speeds, *scenario.in_dist.interval("v"))
    layers: list[dict[str, Any]] = []
    maps: list[dict[str, Any]] = []
    table["read"], table["wide"], best = math.nan, math.nan, (-math.inf, 0)
    steps = probed_steps(evaluation.cell.diffusion.denoise_steps)
    features = hidden_tokens(scenario, evaluation, table, steps)
    if features is not None:
        half = np.arange(len(table)) % 2 == 0
        chosen = ~out & ~held_out
        for number, step in enumerate(steps):
            for layer in range(features.shape[2]):
                tokens = features[:, number, layer].reshape(len(table), -1)
                read = fit_readout(tokens[chosen], speeds[chosen])(tokens)
                wide = fit_readout(tokens[half], speeds[half])(tokens)
                right = explained(read[held_out], speeds[held_out])
                row = {"group": f"layer{layer}_step{step}", "kind": "layer", "level": -1, "clips": int(out.sum())}
                row |= HELD_OUT.stated(right) | LAYER.stated(layer)
                row |= _follow(READ, read[out], speeds[out], edge[out])
                row |= _follow(WIDE, wide[out & ~half], speeds[out & ~half], edge[out & ~half])
                layers.append(row)
                if step == 0:
                    maps += _by_speed("map", f"layer{layer}", speeds, read, SPEED, chosen)
                if step == 0 and layer > 0 and right > best[0]:  # layer 0 is the frames themselves
                    best = (right, layer)
                    table["read"], table["wide"] = read, np.where(half, math.nan, wide)
    maps += _by_speed("drawn", "drawn", speeds, table["generated_vx1"].to_numpy(dtype=np.float64), DRAWN)

    def further(group: pd.DataFrame) -> dict[str, float]:
        asked = group["v"].to_numpy(dtype=np.float64)
        at = np.clip(asked, *scenario.in_dist.interval("v"))
        early, late = (group[name].to_numpy(dtype=np.float64) for name in ("early", "late"))
        both = np.isfinite(early + late)
        row = _follow(READ, group["read"].to_numpy(dtype=np.float64), asked, at)
        row |= _follow(WIDE, group["wide"].to_numpy(dtype=np.float64), asked, at)
        row |= _follow(EARLY, np.where(both, early, math.nan), asked, at)
        row |= _follow(LATE, np.where(both, late, math.nan), asked, at)
        row |= _follow(FALL, at + early - late, asked, at)
        known = features is not None
        row |= HELD_OUT.stated(best[0] if known else math.nan) | LAYER.stated(best[1] if known else math.nan)
        return row | BOTH.over(both.astype(np.float64))

    summary = summarize_blocks(table, further)
    frames = list(_frames(table, drawn.by_frame, evaluation.data.num_cond_frames, edge))
    return pd.concat([summary, pd.DataFrame([*layers, *maps, *frames])], ignore_index=True)[
        ["group", "kind", "level", "clips", *(name for metric in METRICS for name in metric.columns)]
    ]


def _follow(metric: Metric, speed: Array, asked: Array, edge: Array) -> dict[str, float]:
    """Follow of speeds, NaN where not known, by that metric's name."""
    away = asked - edge
    row = follow((speed - edge) * away, away**2)
    value, low, high = (row[name] for name in (FOLLOW.column, *bounds(FOLLOW.column)))
    return metric.stated(value, low, high)


def _by_speed(
    kind: str, name: str, asked: Array, found: Array, metric: Metric, left_out: NDArray[np.bool_] | None = None
) -> Rows:
    """A row per interval of asked speeds; without what the read-out was fitted on."""
    keep = np.ones(len(asked), dtype=bool) if left_out is None else ~left_out
    places = np.floor(asked / study.BIN + 1e-9)
    for place in np.unique(places[keep]):
        here = keep & (places == place)
        row = {"group": f"{name}_v{place * study.BIN:g}", "kind": kind, "level": -1, "clips": int(here.sum())}
        yield row | ASKED.over(asked[here]) | metric.over(found[here])


def _frames(table: pd.DataFrame, by_frame: Array, first: int, edge: Array) -> Rows:
    """A row per kind of speed and drawn frame in which the true ball is in view."""
    asked = table["v"].to_numpy(dtype=np.float64)
    for kind in study.KINDS:
        chosen = (table["kind"] == kind).to_numpy()
        for frame in range(first, by_frame.shape[1]):
            known = chosen & np.isfinite(by_frame[:, frame])
            if known.any():
                row = {"group": f"{kind}_frame{frame}", "kind": "frame", "level": -1, "clips": int(known.sum())}
                yield row | _follow(FRAME, by_frame[known, frame], asked[known], edge[known])
