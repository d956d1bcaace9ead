"""Which attribute generated objects keep, in scenes that cross two trained combinations (studies attributes and ring).

A block's per-clip results are a table on disk as soon as the block is done, so an interrupted evaluation continues.
Source: paper 5.3 and A.5.2; the measures are ours, the paper counts by eye.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.csv_file import RERUN, read_csv
from physlaw.data.config import DataConfig
from physlaw.evaluation import kept
from physlaw.evaluation.config import EvalConfig
from physlaw.evaluation.evaluate import Codec, chosen_scenes, save_shown
from physlaw.files import write_text
from physlaw.intervals import share_columns
from physlaw.render.discs import render_clips
from physlaw.tracking.object import ObjectLooks, measure_object
from physlaw.worlds.appearance import CIRCLE
from physlaw.worlds.blocks import Block
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.regions import within
from physlaw.worlds.scenes import SceneSet, coloured_trajectory, eval_scenes
from physlaw.worlds.variants import PAIRS, AttributePair, combination_bounds, pair_name

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

SOURCES = ("generated", "truth", "reconstruction")
BACKWARDS = -0.05  # world units / s; a ball slower than this, to the left, is reversed and not slow
# A factor of the scenes -> what is compared, and where it is read.
_ATTRIBUTES = {
    "colour": (kept.COLOUR, "colour"),
    "r": (kept.SIZE, "radius"),
    "v": (kept.VELOCITY, "velocity"),
    "shape": (kept.SHAPE, "shape"),
}


@dataclass(frozen=True)
class CrossedPair:
    """A scenario's pair: the factors it crosses, and the trained combinations as kept.Pair has them."""

    factors: tuple[str, str]
    pair: kept.Pair

    @classmethod
    def of(cls, scenario: str) -> CrossedPair:
        """The pair that a scenario of the studies attributes or ring tests."""
        known: AttributePair = PAIRS[pair_name(scenario)]
        boxes = [combination_bounds(combination) for combination in known.trained]
        first, second = boxes[0]
        pair = kept.Pair(
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
    query: SceneSet, index: Index, crossed: CrossedPair, truth: Frames, data: DataConfig, encode: Callable[..., Any]
) -> dict[str, Array]:
    """How far the condition frames are from those of each trained combination, in pixels (of 1) and in latents."""
    init, factors = query.init(index), query.scenario.factors
    moved = [_moved_clips(query, index, crossed.towards(init, factors, keep), data) for keep in (0, 1)]
    columns: dict[str, Array] = {}
    c = data.num_cond_frames
    pixels = [frames[:, :c].astype(np.float64) / 255 for frames in (truth, *moved)]
    latents = [encode(frames) for frames in (truth, *moved)]
    for name, arrays in (("pixel", pixels), ("latent", latents)):
        first, second = kept.combination_distances(*arrays)
        columns |= {f"{name}_first": first, f"{name}_second": second}
    return columns


def evaluate_looks_block(
    block: Block,
    scenario: str,
    codec: Codec,
    encode: Callable[[Frames], Any],
    data: DataConfig,
    config: EvalConfig,
    folder: Path,
) -> pd.DataFrame:
    """Per-clip results of one block: a row per scene with its initial values, what every source shows (colour,
    radius, velocity, shape, changes of identity, vanished, reversed), the outcome, and the distances to the trained
    combinations.

    Writes folder/<block>.csv, and <block>.npz with the first shown_clips clips of every source.

    Args:
        encode: clips -> (N, ...) latents of their condition frames, as an array.
    """
    path = folder / f"{block.name}.csv"
    if path.exists():
        return read_csv(path, RERUN)
    query = replace(eval_scenes(scenario, block.name, data.seed), num_frames=data.num_frames)
    crossed = CrossedPair.of(scenario)
    numbers = chosen_scenes(block, config.id_clips if block.level == 0 else config.ood_clips)
    parts, shown = [], {}
    for start in range(0, len(numbers), config.batch_size):
        index = numbers[start : start + config.batch_size]
        truth = render_clips(query.trajectory(index), data.resolution, data.method)
        clips = {
            "generated": codec.generate(truth, block.name, index),
            "truth": truth,
            "reconstruction": codec.reconstruct(truth),
        }
        if not start:
            shown = {source: frames[: config.shown_clips] for source, frames in clips.items()}
        parts.append(
            pd.DataFrame(
                {"block": block.name, "level": block.level, "scene": index}
                | _initial_values(query, index)
                | _measured(query, index, crossed, clips, data.method)
                | _distances(query, index, crossed, truth, data, encode)
            )
        )
    table = pd.concat(parts, ignore_index=True)
    save_shown(folder / f"{block.name}.npz", shown)
    write_text(path, table.to_csv(index=False, float_format="%.9g"))
    return read_csv(path, RERUN)


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
        columns[f"{source}_outcome"] = kept.outcomes(crossed.pair, conditioned, crossed.measured(looks))
    return columns


def summarize_looks(table: pd.DataFrame) -> dict[str, float]:
    """A group's row: shares of outcomes among the decided clips (kept.share_table), shares of all clips that vanished
    or reversed or changed identity, mean errors of speed and radius where they were measured, what the evaluator makes
    of true and of reconstructed clips, and how well the nearer trained combination predicts which attribute is kept.
    """
    codes = table["generated_outcome"].to_numpy(dtype=np.uint8)
    row = kept.share_table(codes)
    for event in ("vanished", "reversed"):
        row |= share_columns(event, table[f"generated_{event}"].to_numpy() > 0)
    changes = table["generated_colour_changes"] + table["generated_shape_changes"]
    row |= share_columns("identity_changed", changes.to_numpy() > 0)
    for code in ("colour", "shape"):  # of the clips where it can be told
        measured = table[f"generated_{code}"].notna()
        row |= share_columns(f"{code}_kept", (table[f"generated_{code}"] == table[code])[measured].to_numpy())
    row["speed_error"] = float((table["generated_velocity"] - table["v"]).abs().mean())
    row["radius_error"] = float((table["generated_radius"] - table["r"]).abs().mean())
    for source in ("truth", "reconstruction"):
        known = kept.share_table(table[f"{source}_outcome"].to_numpy(dtype=np.uint8))
        row[f"{source}_keeps_both_share"] = known["keeps_both_share"]
        row[f"{source}_decided"] = known["decided"]
    for kind in ("pixel", "latent"):
        first, second = (table[f"{kind}_{which}"].to_numpy(dtype=np.float64) for which in ("first", "second"))
        row |= {f"{kind}_first": float(first.mean()), f"{kind}_second": float(second.mean())}
        row |= share_columns(f"{kind}_predicts", kept.right_predictions(first, second, codes))
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
