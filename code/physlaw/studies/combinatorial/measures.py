"""Measure generated videos of the combinatorial world clip by clip, and sum up a set.

Per clip: SSIM, PSNR and LPIPS against the true video, the objects' tracked pose errors, and the automatic verdict on
whether it is abnormal. Over a set: their means with intervals, and Frechet distances. The tokenizer's reconstructions
of the true videos are measured the same way: what no model behind that tokenizer can do better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from physlaw.errors import UserError
from physlaw.evaluation.frechet import FRECHET_LATENT, FVD, NO_WEIGHTS, frechet_distance, pool_latents
from physlaw.evaluation.pictures import LPIPS, PSNR, SSIM, Distance, frame_lpips, frame_metrics
from physlaw.intervals import normal
from physlaw.metric import Metric, notes_text, of_sources
from physlaw.studies.combinatorial.abnormal import ABNORMAL, OF_CAUSES
from physlaw.studies.combinatorial.detector import ANGLE_ERROR, MATCHED, POSITION_ERROR
from physlaw.studies.combinatorial.generated import GENERATED, RECONSTRUCTION, TRUTH, Part

Frames = NDArray[np.uint8]
Array = NDArray[np.float64]

SOURCES = (GENERATED, RECONSTRUCTION)
RETRIEVED = "retrieved"  # what a copier of training videos draws (nearest.py)
SET = "set"  # kind of a set's rows
FRECHET_DRAWS = 100


class NoValue(Exception):
    """Why a metric has no value here."""


@dataclass(frozen=True)
class Networks:
    """Functions that metrics need, None without weights. encode: frames to the model's latents (n, C, T', h, w)."""

    encode: Callable[[Frames], ArrayLike] | None
    lpips: Distance | None = None
    logits: Callable[[Frames], ArrayLike] | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Measured:
    """What is known of a set.

    table: a row per clip. per_frame: "<source>_<metric>" -> (N, T). features: "<source or truth>_<kind>" -> (N, D),
    kind "latents" or "logits". notes: metric -> why it has no values.
    """

    table: pd.DataFrame
    per_frame: dict[str, Array]
    features: dict[str, Array]
    notes: dict[str, str]

    def of(self, chosen: NDArray[np.bool_]) -> Measured:
        """Of some of the clips: (N,) which."""
        per_frame, features = ({k: v[chosen] for k, v in known.items()} for known in (self.per_frame, self.features))
        return Measured(self.table[chosen].reset_index(drop=True), per_frame, features, self.notes)

    def beside(self, other: Measured) -> Measured:
        """With what is known of other sources' clips of the same set."""
        table = self.table.merge(other.table, on="number", validate="one_to_one")
        per_frame, features = self.per_frame | other.per_frame, self.features | other.features
        return Measured(table, per_frame, features, other.notes | self.notes)


def measure_set(
    made: Iterable[Part],
    networks: Networks,
    objects: Callable[[Frames, Part], pd.DataFrame],
    sources: tuple[str, ...] = SOURCES,
) -> Measured:
    """Measure a set's clips.

    Args:
        made: its parts. objects: clips of a part, and the part -> a table of object measures, a row per clip.
        sources: whose clips are measured; RETRIEVED alone: of parts whose generated clips are the copier's.
    """
    tables: list[pd.DataFrame] = []
    arrays: dict[str, list[Array]] = {}
    notes: dict[str, str] = {}

    def add(name: str, values: Array) -> None:
        arrays.setdefault(name, []).append(values)

    for part in made:
        columns = [pd.DataFrame({"number": part.numbers})]
        for source in sources:
            frames = part.of(GENERATED if source == RETRIEVED else source)
            metrics = _frame_values(part.truth, frames, networks, notes)
            for name, values in metrics.items():
                add(f"frames/{source}_{name}", values)
            found = pd.DataFrame({name: values.mean(axis=1) for name, values in metrics.items()})
            columns.append(pd.concat([found, objects(frames, part)], axis=1).add_prefix(f"{source}_"))
        for source in (*sources, *([] if sources == (RETRIEVED,) else [TRUTH])):
            frames = part.of(GENERATED if source == RETRIEVED else source)
            for kind, features in _features(frames, networks, notes).items():
                add(f"features/{source}_{kind}", features)
        tables.append(pd.concat(columns, axis=1))
    whole = {name: np.concatenate(parts) for name, parts in arrays.items()}
    return Measured(
        pd.concat(tables, ignore_index=True),
        {name.removeprefix("frames/"): values for name, values in whole.items() if name.startswith("frames/")},
        {name.removeprefix("features/"): values for name, values in whole.items() if name.startswith("features/")},
        notes,
    )


def _frame_values(truth: Frames, frames: Frames, networks: Networks, notes: dict[str, str]) -> dict[str, Array]:
    """(N, T) of each metric that can be computed; of the others the reason, in notes."""
    found: dict[str, Array] = {}
    for metrics, values in BY_FRAME.items():
        try:
            found |= zip((metric.name for metric in metrics), values(truth, frames, networks), strict=True)
        except NoValue as reason:
            notes |= dict.fromkeys((metric.name for metric in metrics), str(reason))
    return found


def _features(frames: Frames, networks: Networks, notes: dict[str, str]) -> dict[str, Array]:
    """(N, D) of each kind that can be computed; of the others the reason, in notes under the metric's name."""
    found = {}
    for metric, (kind, features) in OF_FEATURES.items():
        try:
            found[kind] = features(frames, networks)
        except NoValue as reason:
            notes[metric.name] = str(reason)
    return found


def _pixel_values(truth: Frames, frames: Frames, networks: Networks) -> tuple[Array, ...]:
    found = frame_metrics(truth, frames)
    return found.ssim, found.psnr


def _lpips_values(truth: Frames, frames: Frames, networks: Networks) -> tuple[Array, ...]:
    if networks.lpips is None:
        raise NoValue(NO_WEIGHTS)
    try:
        return (frame_lpips(networks.lpips, truth, frames, networks.device),)
    except UserError as error:
        raise NoValue(str(error)) from error


def _latents(frames: Frames, networks: Networks) -> Array:
    if networks.encode is None:
        raise NoValue("the model tells no latents")
    return pool_latents(networks.encode(frames))


def _logits(frames: Frames, networks: Networks) -> Array:
    if networks.logits is None:
        raise NoValue(NO_WEIGHTS)
    try:
        return np.asarray(networks.logits(frames), dtype=np.float64)
    except UserError as error:
        raise NoValue(str(error)) from error


# Metrics of a clip's frames, (N, T) each, that one function gives; a clip's value is the mean over its frames.
BY_FRAME: dict[tuple[Metric, ...], Callable[[Frames, Frames, Networks], tuple[Array, ...]]] = {
    (SSIM, PSNR): _pixel_values,
    (LPIPS,): _lpips_values,
}
# Frechet distances: the kind of features, and what gives them.
OF_FEATURES: dict[Metric, tuple[str, Callable[[Frames, Networks], Array]]] = {
    FVD: ("logits", _logits),
    FRECHET_LATENT: ("latents", _latents),
}
OF_FRAMES = tuple(metric for metrics in BY_FRAME for metric in metrics)
# Of a set of clips. What is not named above is a column of Detector.measure.
METRICS = (
    *of_sources(SOURCES, (*OF_FRAMES, *OF_FEATURES)),
    *of_sources(SOURCES, (ABNORMAL, *OF_CAUSES, POSITION_ERROR, ANGLE_ERROR, MATCHED)),
    *of_sources((RETRIEVED,), (*OF_FRAMES, FVD, ABNORMAL)),
)


def frechet_columns(metric: Metric, truth: Array, others: Array) -> dict[str, float]:
    """Frechet distance of (N, D) features, with the interval from the bootstrap's standard error: resampled sets hold
    clips twice and lie farther apart, so that their own quantiles would not surround the value."""
    value, draws = frechet_distance(truth, others), []
    rng = np.random.default_rng(0)
    for _ in range(FRECHET_DRAWS):
        index = rng.integers(len(truth), size=len(truth))
        draws.append(frechet_distance(truth[index], others[index]))
    half = normal() * float(np.std(draws, ddof=1))
    return metric.stated(value, max(0.0, value - half), value + half, len(truth))


def set_row(name: str, measured: Measured) -> dict[str, Any]:
    """A set's row: the columns of METRICS, and notes."""
    row: dict[str, Any] = {"kind": SET, "group": name, "clips": len(measured.table)}
    notes = dict(measured.notes)
    kinds = {metric.name: kind for metric, (kind, _) in OF_FEATURES.items()}
    for metric in METRICS:
        if metric.name not in kinds:
            values = measured.table.get(metric.column)
            row |= metric.over(np.empty(0) if values is None else values.to_numpy(dtype=np.float64))
            continue
        features = measured.features.get(f"{metric.source}_{kinds[metric.name]}")
        if features is None or len(features) < 2:
            row |= metric.stated(np.nan)
            continue
        row |= frechet_columns(metric, measured.features[f"{TRUTH}_{kinds[metric.name]}"], features)
        if len(features) <= features.shape[1]:
            notes[metric.name] = f"biased: {len(features)} clips for {features.shape[1]} dimensions"
    return row | {"notes": notes_text(notes)}
