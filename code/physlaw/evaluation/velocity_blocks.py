"""Velocity errors on every evaluation block: generated clips beside the floors and the retrieval baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.clips import RenderedClips
from physlaw.data.released import ClipFile
from physlaw.evaluation.blocks import Evaluation, chosen_scenes, score_block
from physlaw.evaluation.codec import Frames, Index
from physlaw.evaluation.following import FOLLOW, Bands, follow, following_columns
from physlaw.evaluation.retrieval import NearestCase
from physlaw.evaluation.score import LEFT_OUT, classify
from physlaw.evaluation.tracks import write_tracks
from physlaw.evaluation.velocity import CORRECTED, ENOUGH_SEEN, velocity_errors
from physlaw.evaluation.velocity import METRICS as ERRORS
from physlaw.metric import COUNT, HIGHER, LOWER, MEAN, SHARE, Metric
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.blocks import Block
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, eval_scenes

if TYPE_CHECKING:
    from physlaw.data.gpu_clips import GpuClips

SOURCES = ("generated", "truth", "reconstruction", "retrieved")
FLOORS = {"truth": "GT floor", "reconstruction": "tokenizer floor", "retrieved": "retrieval"}  # of corrected errors
ERRORS_OF = tuple(
    error.of(source, FLOORS.get(source, "") if error is CORRECTED else "") for source in SOURCES for error in ERRORS
)
ERROR = replace(CORRECTED.of(SOURCES[0]), interval=MEAN)
MEASURED = Metric("measured", "clips measured", 0, interval=COUNT)
NEARER_TO_CASE = Metric("nearer_to_case", "nearer to case", 2, interval=SHARE)
# Of generated clips: the share in which every ball is seen in enough frames; the error with a vanished ball standing
# still; what agents that hold initial values to the trained range, or to its nearest band, err by.
MEASURED_SHARE = Metric("measured_share", "measured", 2, HIGHER, SHARE)
IMPUTED = Metric("corrected_imputed", "velocity error, vanished balls standing still", 3, LOWER, MEAN)
CLAMP = Metric("clamp_corrected", "error of the clamp", 3, interval=MEAN)
SNAPPER = Metric("snapper_corrected", "error of the snapper", 3, interval=MEAN)
# The released error of reconstructed clips minus that of true ones, clip by clip.
TOKENIZER_COST = Metric("tokenizer_cost", "what the tokenizer costs", 4, LOWER, MEAN)
OF_CLIPS = (MEASURED_SHARE, IMPUTED, CLAMP, SNAPPER, TOKENIZER_COST)
# Of a group of clips.
METRICS = (
    *(MEASURED, *(ERROR if one.column == ERROR.column else one for one in ERRORS_OF), NEARER_TO_CASE),
    *(*OF_CLIPS, FOLLOW),
)
KINDS = ("fast", "slow", "large", "small")  # how a clip is out of the range; speeds first
TINY, TINY_ID = "tiny", "id_tiny"  # groups of clips with a ball of less than one pixel of radius
# Of a clip: what figures of speeds need.
CLIP_COLUMNS = ("law_vx1", "generated_vx1", "truth_vx1", "retrieved_vx1", "generated_corrected", "generated_missing")


def score_velocities(
    scenario: Scenario, evaluation: Evaluation, further: Summary | None = None, bands: Bands | None = None
) -> pd.DataFrame:
    """Every block's rows, and those of groups of blocks; `further` adds columns to each.

    Args:
        bands: trained bands of speed, if they are not the scenario's whole range.
    """
    cell, training = evaluation.cell, evaluation.training()
    known = training if isinstance(training, ClipFile) else cast("RenderedClips | GpuClips", training).scenes
    cases = NearestCase(known, cell.data.num_cond_frames)
    blocks = scenario.eval_blocks(cell.eval.blocks).values()
    tables = [velocity_block(scenario, evaluation, block, cases, bands) for block in blocks if len(block.grid)]
    return summarize_blocks(pd.concat(tables, ignore_index=True), further)


def velocity_block(
    scenario: Scenario, evaluation: Evaluation, block: Block, cases: NearestCase, bands: Bands | None = None
) -> pd.DataFrame:
    """Per-clip results of one block: one row per scene, columns <source>_<error>, speeds, the nearest case, how the
    scene is out of the range, and how far the generated clip follows the law. Writes tracks/<block>.npz."""
    tracked: list[Mapping[str, NDArray[Any]]] = []
    data, training = evaluation.data, cases.training
    contact = laws.as_contact(data.contact)
    scenes = block_scenes(scenario, evaluation, block.name)

    def measure(index: Index, clips: dict[str, Frames]) -> Mapping[str, NDArray[Any]]:
        nearest, distance = cases(scenes, index)
        retrieved = training.trajectory(nearest, data.num_frames)
        clips["retrieved"] = render_clips(retrieved, data.resolution, data.method)
        init, positions = scenes.init(index), scenes.positions(index)
        # Without a tokenizer truth and reconstruction are one array.
        distinct = {id(clips[source]): clips[source] for source in SOURCES}
        found = {k: velocity_errors(scenario, init, positions, v, method=data.method) for k, v in distinct.items()}
        scores = {source: found[id(clips[source])] for source in SOURCES}
        columns: dict[str, NDArray[Any]] = {"nearest_scene": nearest, "nearest_distance": distance}
        columns |= {factor: init[:, k] for k, factor in enumerate(scenario.factors)}
        columns["release_class"] = classify(scenario, init)
        for source, errors in scores.items():
            columns |= {f"{source}_{error.name}": getattr(errors, error.name) for error in ERRORS}
        for ball in range(scenario.num_balls):
            columns[f"law_vx{ball + 1}"] = scores["generated"].true_velocity[:, ball, 0]
            for source in SOURCES:
                columns[f"{source}_vx{ball + 1}"] = scores[source].velocity[:, ball, 0]
        to_nearest = _distance(scores["generated"].velocity, scores["retrieved"].velocity)
        to_law = _distance(scores["generated"].velocity, scores["generated"].true_velocity)
        nearer = np.where(np.isfinite(to_nearest + to_law), (to_nearest < to_law).astype(float), np.nan)
        columns["nearer_to_case"] = nearer
        generated = scores["generated"]
        columns["kind"] = kinds_of(scenario, init)
        columns["radius_px"] = scenario.radii(init).min(axis=1) * data.resolution / laws.WORLD_SIZE
        columns["generated_seen"] = generated.seen
        columns[MEASURED_SHARE.column] = (generated.seen >= ENOUGH_SEEN).astype(np.int64)
        columns[IMPUTED.column] = generated.corrected_imputed
        columns[TOKENIZER_COST.column] = scores["reconstruction"].paper_code - scores["truth"].paper_code
        columns |= following_columns(scenario, init, generated.velocity, bands, contact)
        assert generated.tracks is not None
        assert generated.radii is not None
        tracked.append({"scene": index, "init": init, "positions": generated.tracks, "radii": generated.radii})
        return columns

    def keep_tracks() -> None:
        write_tracks(evaluation.folder / "tracks" / f"{block.name}.npz", tracked)

    numbers = chosen_scenes(block.name, len(block.grid), evaluation.limit(block.level))
    return score_block(evaluation, block.name, block.level, scenes, numbers, measure, keep_tracks)


def block_scenes(scenario: Scenario, evaluation: Evaluation, block: str) -> SceneSet:
    """An evaluation block's scenes as the cell has them."""
    data = evaluation.data
    scenes = eval_scenes(scenario, block, data.seed, laws.as_contact(data.contact), data.placement)
    return replace(scenes, num_frames=data.num_frames)


def kinds_of(scenario: Scenario, init: NDArray[np.float64]) -> NDArray[np.str_]:
    """(N, K) -> (N,) how each scene is out of the range, one of KINDS; empty within it."""
    out = np.full(len(init), "", dtype="<U5")
    for columns, above, below in (
        (scenario.radius_factors, "large", "small"),
        (scenario.speed_factors, "fast", "slow"),
    ):
        ends = [scenario.in_dist.interval(scenario.factors[column]) for column in columns]
        values = init[:, list(columns)]
        out[(values < [low for low, _ in ends]).any(axis=1)] = below
        out[(values > [high for _, high in ends]).any(axis=1)] = above
    return out


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, balls, 2) velocities -> (N,) Euclidean distance over all components."""
    return np.sqrt(((a - b) ** 2).sum(axis=(1, 2)))


Summary = Callable[[pd.DataFrame], dict[str, float]]  # further columns for a group of clips


def summarize_group(table: pd.DataFrame, further: Summary | None = None) -> dict[str, float]:
    """The columns of METRICS, and what the study adds."""
    row: dict[str, float] = {"clips": len(table)} | MEASURED.over(table[ERROR.column].notna().to_numpy())
    for metric in (one for one in METRICS[1:] if one is not FOLLOW):
        values = table[metric.column]
        if (
            metric.name.startswith("paper") or metric is TOKENIZER_COST
        ):  # the release leaves small balls and resting ones out
            values = values[~table["release_class"].isin(LEFT_OUT)]
        row |= metric.over(values.to_numpy(dtype=np.float64))
    row |= follow(*(table[f"follow_{name}"].to_numpy(dtype=np.float64) for name in ("moved", "asked")))
    return row if further is None else row | further(table)


def summarize_blocks(table: pd.DataFrame, further: Summary | None = None) -> pd.DataFrame:
    """One row per block, then for all OOD clips per level ("ood1", ...), together ("ood") and per kind. Clips with a
    ball of less than a pixel of radius are in none but the OOD blocks' rows; they have rows of their own, TINY and, of
    what was trained on, TINY_ID."""
    rows = []
    tiny = table["radius_px"] < 1
    for name, group in table.groupby("block", sort=False):
        level = int(group["level"].iloc[0])
        # One name for the in-dist block of every evaluation set.
        called, chosen = (name, group) if level else ("id", group[~tiny[group.index]])
        rows.append({"group": called, "kind": "block", "level": level, **summarize_group(chosen, further)})
    for name, small in ((TINY_ID, table[tiny & (table["level"] == 0)]), (TINY, table[tiny & (table["level"] > 0)])):
        if len(small):
            rows.append({"group": name, "kind": "kind", "level": -1, **summarize_group(small, further)})
    out = table[~tiny & (table["level"] > 0)]
    for number, group in out.groupby("level"):
        rows.append({"group": f"ood{number}", "kind": "level", "level": number, **summarize_group(group, further)})
    if len(out):
        rows.append({"group": "ood", "kind": "all", "level": -1, **summarize_group(out, further)})
    for kind, group in out[out["kind"].isin(KINDS)].groupby("kind", sort=False):
        rows.append({"group": kind, "kind": "kind", "level": -1, **summarize_group(group, further)})
    return pd.DataFrame(rows)
