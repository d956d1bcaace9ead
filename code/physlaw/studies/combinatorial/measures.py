"""Measure generated videos of the combinatorial world clip by clip, and sum up a set.

Per clip: SSIM, PSNR and LPIPS against the true video, the objects' tracked pose errors, and the automatic verdict on
whether it is abnormal. Over a set: their means with intervals, and Frechet distances. The tokenizer's reconstructions
of the true videos are measured the same way: what no model behind that tokenizer can do better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from physlaw.errors import UserError
from physlaw.evaluation.frechet import FVD_PROTOCOL, LATENT_PROTOCOL, NO_WEIGHTS, frechet_distance, pool_latents
from physlaw.evaluation.pictures import (
    LPIPS_PROTOCOL,
    PSNR_PROTOCOL,
    SSIM_PROTOCOL,
    Distance,
    frame_lpips,
    frame_metrics,
)
from physlaw.intervals import mean_columns, normal, share_columns
from physlaw.studies.combinatorial.generated import GENERATED, RECONSTRUCTION, TRUTH, GeneratedSet, Part

Frames = NDArray[np.uint8]
Array = NDArray[np.float64]

SOURCES = (GENERATED, RECONSTRUCTION)
COLUMNS = ("kind", "group", "source", "measure", "value", "low", "high", "clips", "protocol", "note")
FRECHET_DRAWS = 100


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


def measure_set(made: GeneratedSet, networks: Networks, objects: Callable[[Frames, Part], pd.DataFrame]) -> Measured:
    """Measure a set's clips.

    Args:
        objects: clips of a part, and the part -> a table of object measures, a row per clip.
    """
    tables: list[pd.DataFrame] = []
    arrays: dict[str, list[Array]] = {}
    notes: dict[str, str] = {}

    def add(name: str, values: Array) -> None:
        arrays.setdefault(name, []).append(values)

    for part in made:
        columns = [pd.DataFrame({"number": part.numbers})]
        for source in SOURCES:
            frames = part.of(source)
            metrics = _frame_values(part.truth, frames, networks, notes)
            for name, values in metrics.items():
                add(f"frames/{source}_{name}", values)
            found = pd.DataFrame({name: values.mean(axis=1) for name, values in metrics.items()})
            columns.append(pd.concat([found, objects(frames, part)], axis=1).add_prefix(f"{source}_"))
        for source in (*SOURCES, TRUTH):
            for kind, features in _features(part.of(source), networks, notes).items():
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
    pixels = frame_metrics(truth, frames, networks.device)
    found = {"ssim": pixels.ssim, "psnr": pixels.psnr}
    if networks.lpips is None:
        notes["lpips"] = NO_WEIGHTS
    else:
        try:
            found["lpips"] = frame_lpips(networks.lpips, truth, frames, networks.device)
        except UserError as error:
            notes["lpips"] = str(error)
    return found


def _features(frames: Frames, networks: Networks, notes: dict[str, str]) -> dict[str, Array]:
    """(N, D) of each kind that can be computed; of the others the reason, in notes under the metric's name."""
    found = {}
    if networks.encode is None:
        notes["frechet_latent"] = "the model tells no latents"
    else:
        found["latents"] = pool_latents(networks.encode(frames))
    if networks.logits is None:
        notes["fvd"] = NO_WEIGHTS
    else:
        try:
            found["logits"] = np.asarray(networks.logits(frames), dtype=np.float64)
        except UserError as error:
            notes["fvd"] = str(error)
    return found


def _row(columns: dict[str, float], clips: int) -> dict[str, Any]:
    return dict(zip(("value", "low", "high"), columns.values(), strict=True)) | {"clips": clips}


def mean_row(values: Array) -> dict[str, Any]:
    """Mean over clips that have a value, with its bootstrap interval."""
    return _row(mean_columns("value", values), int(np.isfinite(values).sum()))


def frechet_row(truth: Array, others: Array) -> dict[str, Any]:
    """Frechet distance of (N, D) features, with the interval from the bootstrap's standard error: resampled sets hold
    clips twice and lie farther apart, so that their own quantiles would not surround the value."""
    value, draws = frechet_distance(truth, others), []
    rng = np.random.default_rng(0)
    for _ in range(FRECHET_DRAWS):
        index = rng.integers(len(truth), size=len(truth))
        draws.append(frechet_distance(truth[index], others[index]))
    half = normal() * float(np.std(draws, ddof=1))
    note = f"biased: {len(truth)} clips for {truth.shape[1]} dimensions" if len(truth) <= truth.shape[1] else ""
    return {"value": value, "low": max(0.0, value - half), "high": value + half, "clips": len(truth), "note": note}


def metric_rows(name: str, measured: Measured, where: str) -> list[dict[str, Any]]:
    """The set's picture metrics, for both sources: rows of COLUMNS.

    Args:
        where: frames and size of the clips, for the protocol.
    """
    rows = []
    for source in SOURCES:
        common = {"kind": "set", "group": name, "source": source}
        for metric, protocol in (("ssim", SSIM_PROTOCOL), ("psnr", PSNR_PROTOCOL), ("lpips", LPIPS_PROTOCOL)):
            known = measured.table.get(f"{source}_{metric}")
            found = {"note": measured.notes.get(metric, "")} if known is None else mean_row(known.to_numpy())
            rows.append({**common, "measure": metric, "protocol": f"{protocol}; {where}", **found})
        for metric, kind, protocol in (
            ("fvd", "logits", FVD_PROTOCOL),
            ("frechet_latent", "latents", LATENT_PROTOCOL),
        ):
            features = measured.features.get(f"{source}_{kind}")
            found = {"note": measured.notes.get(metric, "")}
            if features is not None and len(features) > 1:
                found = frechet_row(measured.features[f"{TRUTH}_{kind}"], features)
            rows.append({**common, "measure": metric, "protocol": f"{protocol}; {where}", **found})
    return rows


def share_row(holds: NDArray[np.bool_]) -> dict[str, Any]:
    """Share of clips, with Wilson's interval."""
    return _row(share_columns("value", holds), len(holds))


def object_rows(name: str, table: pd.DataFrame, causes: Sequence[str], protocol: str) -> list[dict[str, Any]]:
    """The set's abnormal ratio, its causes and the objects' position errors, for both sources: rows of COLUMNS."""
    rows = []
    for source in SOURCES:
        common = {"group": name, "source": source}
        for kind, measures in (("set", ("abnormal",)), ("cause", causes)):
            for measure in measures:
                found = share_row(table[f"{source}_{measure}"].to_numpy().astype(bool))
                rows.append({"kind": kind, **common, "measure": measure, "protocol": protocol, **found})
        for measure, explained in (
            ("position_error", "distance of tracked objects' centres to the simulator's, px of the 512 px scene"),
            ("angle_error", "angle of tracked bars, sticks and jars to the simulator's, radians, symmetries left out"),
            ("matched", "share of objects and frames in which an object is found again"),
        ):
            found = mean_row(table[f"{source}_{measure}"].to_numpy())
            rows.append({"kind": "set", **common, "measure": measure, "protocol": explained, **found})
    return rows


def rows_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table with all COLUMNS."""
    return pd.DataFrame(rows, columns=list(COLUMNS))
