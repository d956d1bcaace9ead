"""Which attribute generated objects keep, in scenes that cross two trained combinations (studies attributes and ring).

Source: paper 5.3 and A.5.2; the measures are ours, the paper counts by eye.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.config import DataConfig
from physlaw.evaluation.blocks import Evaluation, chosen_scenes, score_block
from physlaw.evaluation.codec import Features, Frames, Index
from physlaw.metric import LOWER, SHARE, Metric
from physlaw.render.discs import render_clips
from physlaw.studies.attributes import outcomes
from physlaw.studies.attributes.sets import PAIR_OF, SCENARIOS, AttributePair, combination_bounds
from physlaw.tracking.object import ObjectLooks, measure_object
from physlaw.worlds.appearance import CIRCLE
from physlaw.worlds.blocks import Block
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.regions import within
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, coloured_trajectory, eval_scenes

Array = NDArray[np.float64]

_EVENTS = (
    Metric("vanished", "vanished", 2, interval=SHARE),
    Metric("reversed", "reversed", 2, interval=SHARE),
)
_IDENTITY_CHANGED = Metric("identity_changed", "changed on the way", 2, interval=SHARE)
_KEPT = (  # of the clips where it can be told
    Metric("colour_kept", "colour kept", 2, interval=SHARE),
    Metric("shape_kept", "shape kept", 2, interval=SHARE),
)
_SPEED_ERROR = Metric("speed_error", "speed error", better=LOWER)
_RADIUS_ERROR = Metric("radius_error", "radius error", better=LOWER)
_KEEPS_BOTH = tuple(
    outcomes.SHARES[outcomes.KEEPS_BOTH].of(source, header)
    for source, header in (("truth", "true clips keep both"), ("reconstruction", "reconstructed keep both"))
)
_PREDICTIONS = {
    kind: (
        Metric(f"{kind}_first", f"{kind}s to keep first"),
        Metric(f"{kind}_second", f"{kind}s to keep second"),
        Metric(f"{kind}_predicts", f"nearer in {kind}s is kept", 2, interval=SHARE),
    )
    for kind in ("pixel", "latent")
}
# Of a group of clips.
METRICS = (
    *outcomes.METRICS,
    *(*_EVENTS, _IDENTITY_CHANGED, *_KEPT, _SPEED_ERROR, _RADIUS_ERROR),
    *(one for both in _KEEPS_BOTH for one in (both, outcomes.DECIDED.of(both.source))),
    *(one for three in _PREDICTIONS.values() for one in three),
)
# Of a clip: what figures need.
CLIP_COLUMNS = (
    *("r", "v", "colour", "shape"),
    *(f"generated_{name}" for name in ("colour", "radius", "velocity", "shape", "vanished", "reversed", "outcome")),
    *("pixel_first", "pixel_second", "latent_first", "latent_second"),
)
BACKWARDS = -0.05  # world units / s; a ball slower than this, to the left, is reversed and not slow
# A factor of the scenes -> what is compared, and where it is read.
_ATTRIBUTES = {
    "colour": (outcomes.COLOUR, "colour"),
    "r": (outcomes.SIZE, "radius"),
    "v": (outcomes.VELOCITY, "velocity"),
    "shape": (outcomes.SHAPE, "shape"),
}


@dataclass(frozen=True)
class CrossedPair:
    """A pair: the factors it crosses, and the trained combinations as outcomes.Pair has them."""

    factors: tuple[str, str]
    pair: outcomes.Pair

    @classmethod
    def of(cls, known: AttributePair) -> CrossedPair:
        boxes = [combination_bounds(combination) for combination in known.trained]
        first, second = known.factors
        pair = outcomes.Pair(
            _ATTRIBUTES[first][0], _ATTRIBUTES[second][0], tuple((box[first], box[second]) for box in boxes)
        )
        return cls((first, second), pair)

    @property
    def has_shapes(self) -> bool:
        return "shape" in self.factors

    def conditioned(self, init: Array, factors: tuple[str, ...]) -> Array:
        """(N, K) initial values -> (N, 2) the pair's."""
        return init[:, [factors.index(factor) for factor in self.factors]]

    def measured(self, looks: ObjectLooks) -> Array:
        """(N, 2) the pair's values in the clips; a reversed ball's speed is not known."""
        values = [getattr(looks, _ATTRIBUTES[factor][1]) for factor in self.factors]
        return np.stack([np.where(v < BACKWARDS, np.nan, v) for v in values], axis=1)

    def towards(self, init: Array, factors: tuple[str, ...], keep: int) -> Array:
        """(N, K) initial values moved to the nearest trained combination that has their value of attribute `keep`."""
        out, (kept_column, other) = init.copy(), (factors.index(self.factors[k]) for k in (keep, 1 - keep))
        best = np.full(len(init), np.inf)
        for box in self.pair.trained:
            (low, high), band = box[keep], box[1 - keep]
            moved = np.clip(init[:, other], *band)
            distance = np.abs(moved - init[:, other])
            holds = within(init[:, kept_column], low, high) & (distance < best)
            out[holds, other], best[holds] = moved[holds], distance[holds]
        return out


def _moved_clips(query: SceneSet, index: Index, init: Array, data: DataConfig) -> Frames:
    """The scenes' clips from other initial values but the same start."""
    scenario = query.scenario
    positions = scenario.move(init, query.start(index), data.num_frames)
    moved = coloured_trajectory(positions, scenario.radii(init), *scenario.looks(init))
    return render_clips(moved, data.resolution, data.method)


def _distances(
    query: SceneSet, index: Index, crossed: CrossedPair, truth: Frames, data: DataConfig, latents_of: Features | None
) -> dict[str, Array]:
    """How far the condition frames are from those of each trained combination, in pixels (of 1) and in latents, NaN
    where the model has none."""
    init, factors = query.init(index), query.scenario.factors
    moved = [_moved_clips(query, index, crossed.towards(init, factors, keep), data) for keep in (0, 1)]
    columns: dict[str, Array] = {}
    c = data.num_cond_frames
    pixels = [frames[:, :c].astype(np.float64) / 255 for frames in (truth, *moved)]
    latents = None if latents_of is None else [latents_of(frames) for frames in (truth, *moved)]
    unknown = (np.full(len(index), np.nan),) * 2
    for name, arrays in (("pixel", pixels), ("latent", latents)):
        first, second = unknown if arrays is None else outcomes.combination_distances(*arrays)
        columns |= {f"{name}_first": first, f"{name}_second": second}
    return columns


def score(evaluation: Evaluation) -> pd.DataFrame:
    """Which of two attributes the generated objects keep, a row per group of clips."""
    name = evaluation.cell.scenario
    return score_pair(SCENARIOS[name], PAIR_OF[name], evaluation)


def score_pair(scenario: Scenario, pair: AttributePair, evaluation: Evaluation) -> pd.DataFrame:
    """As score, of a scenario that trains and tests that pair."""
    blocks = scenario.eval_blocks(evaluation.config.blocks).values()
    tables = [attribute_block(scenario, pair, evaluation, block) for block in blocks]
    return summarize_looks_blocks(pd.concat(tables, ignore_index=True))


def attribute_block(scenario: Scenario, pair: AttributePair, evaluation: Evaluation, block: Block) -> pd.DataFrame:
    """Per-clip results of one block: a row per scene with its initial values, what every source shows (colour,
    radius, velocity, shape, changes of identity, vanished, reversed), the outcome, and the distances to the trained
    combinations."""
    data = evaluation.data
    scenes = replace(eval_scenes(scenario, block.name, data.seed), num_frames=data.num_frames)
    crossed = CrossedPair.of(pair)

    def measure(index: Index, clips: dict[str, Frames]) -> dict[str, NDArray[Any]]:
        return (
            _initial_values(scenes, index)
            | _measured(scenes, index, crossed, clips, data.method)
            | _distances(scenes, index, crossed, clips["truth"], data, evaluation.codec.condition_latents)
        )

    numbers = chosen_scenes(block.name, len(block.grid), evaluation.limit(block.level))
    return score_block(evaluation, block.name, block.level, scenes, numbers, measure)


def _initial_values(query: SceneSet, index: Index) -> dict[str, Array]:
    return dict(zip(query.scenario.factors, query.init(index).T, strict=True))


def _measured(
    query: SceneSet, index: Index, crossed: CrossedPair, clips: dict[str, Frames], method: str
) -> dict[str, NDArray[Any]]:
    init, positions = query.init(index), query.positions(index)
    reach = query.scenario.radii(init)[:, None]
    inside = (positions >= reach[..., None]) & (positions <= WORLD_SIZE - reach[..., None])
    expected = np.asarray(inside.all(axis=(2, 3)))
    conditioned = crossed.conditioned(init, query.scenario.factors)
    columns: dict[str, NDArray[Any]] = {}
    for source, frames in clips.items():
        looks = measure_object(frames, method, expected, None if crossed.has_shapes else CIRCLE)
        columns |= {f"{source}_{name}": getattr(looks, name) for name in ("colour", "radius", "velocity")}
        # Pairs without shapes may have clips too small to tell them.
        columns[f"{source}_shape"] = looks.shape if crossed.has_shapes else np.full(len(index), np.nan)
        columns[f"{source}_vanished"] = looks.vanished.astype(np.int64)
        columns[f"{source}_reversed"] = (looks.velocity < BACKWARDS).astype(np.int64)
        columns[f"{source}_colour_changes"] = looks.colour_changes
        columns[f"{source}_shape_changes"] = looks.shape_changes * crossed.has_shapes
        columns[f"{source}_outcome"] = outcomes.outcomes(crossed.pair, conditioned, crossed.measured(looks))
    return columns


def summarize_looks(table: pd.DataFrame) -> dict[str, float]:
    """A group's row, the columns of METRICS: shares of outcomes among the decided clips (outcomes.share_table), shares
    of all clips that vanished or reversed or changed identity, mean errors of speed and radius where they were
    measured, what the evaluator makes of true and of reconstructed clips, and how well the nearer trained combination
    predicts which attribute is kept.
    """
    codes = table["generated_outcome"].to_numpy(dtype=np.uint8)
    row = outcomes.share_table(codes)
    for event in _EVENTS:
        row |= event.over(table[f"generated_{event.name}"].to_numpy() > 0)
    changes = table["generated_colour_changes"] + table["generated_shape_changes"]
    row |= _IDENTITY_CHANGED.over(changes.to_numpy() > 0)
    for kept in _KEPT:
        code = kept.name.removesuffix("_kept")
        measured = table[f"generated_{code}"].notna()
        row |= kept.over((table[f"generated_{code}"] == table[code])[measured].to_numpy())
    row |= _SPEED_ERROR.over((table["generated_velocity"] - table["v"]).abs().to_numpy())
    row |= _RADIUS_ERROR.over((table["generated_radius"] - table["r"]).abs().to_numpy())
    for both in _KEEPS_BOTH:
        found = table[f"{both.source}_outcome"].to_numpy(dtype=np.uint8)
        decided = found != outcomes.UNDECIDED
        row |= both.over(found[decided] == outcomes.KEEPS_BOTH) | outcomes.DECIDED.of(both.source).over(decided)
    for kind, (to_first, to_second, predicts) in _PREDICTIONS.items():
        first, second = (table[f"{kind}_{which}"].to_numpy(dtype=np.float64) for which in ("first", "second"))
        row |= to_first.over(first) | to_second.over(second)
        told = np.isfinite(first + second)  # a model may tell no latents
        row |= predicts.over(outcomes.right_predictions(first[told], second[told], codes[told]))
    return row


def summarize_looks_blocks(table: pd.DataFrame) -> pd.DataFrame:
    """One row per block, then for all trained combinations ("id") and all crossed ones ("crossed") together."""
    rows: list[dict[str, Any]] = []
    for name, group in table.groupby("block", sort=False):
        rows.append({"group": name, "kind": "block", "level": int(group["level"].iloc[0]), **summarize_looks(group)})
    for name, part in (("id", table[table["level"] == 0]), ("crossed", table[table["level"] > 0])):
        if len(part):
            rows.append({"group": name, "kind": "all", "level": int(name == "crossed"), **summarize_looks(part)})
    return pd.DataFrame(rows)
