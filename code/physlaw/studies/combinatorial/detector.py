"""The automatic verdict on a cell's clips: calibrated once for all cells with the same clips and tokenizer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.config import digest_of
from physlaw.evaluation.blocks import Evaluation
from physlaw.files import write_json
from physlaw.lease import leased
from physlaw.metric import HIGHER, LOWER, MEAN, Metric
from physlaw.provenance import provenance
from physlaw.schema import read_record
from physlaw.studies.combinatorial.abnormal import (
    ABNORMAL,
    CAUSES,
    QUANTILE,
    SAFETY,
    Thresholds,
    calibrate,
    judge,
    statistics,
)
from physlaw.studies.combinatorial.abnormal_check import check_detector, simulated_statistics, spread_numbers
from physlaw.studies.combinatorial.generated import Part, VideoSet
from physlaw.tracking.bodies.measure import measure_clips, pose_errors
from physlaw.worlds.bodies import Body
from physlaw.worlds.phyre.scenes import training_videos

EVERY_TEMPLATE = "60"  # the training set with all templates that are trained on
DETECTOR = "detector"  # kind of the rows that say how far the verdict can be trusted
CHECKED = (
    "simulated training clips that the thresholds do not rest on, reconstructed; Wilson interval"  # their protocol
)
_POSITION = "distance of tracked objects' centres to the simulator's, px of the 512 px scene"
_ANGLE = "angle of tracked bars, sticks and jars to the simulator's, radians, symmetries left out"
_MATCHED = "share of objects and frames in which an object is found again"
POSITION_ERROR = Metric("position_error", "position error (px)", 1, LOWER, MEAN, _POSITION, counted=True)
ANGLE_ERROR = Metric("angle_error", "angle_error", 3, LOWER, MEAN, _ANGLE, counted=True)
MATCHED = Metric("matched", "objects matched", 3, HIGHER, MEAN, _MATCHED, counted=True)
Motion = tuple[tuple[Body, ...], NDArray[np.float64]]  # bodies, and their (T, B, 3) poses


@dataclass(frozen=True)
class Detector:
    """A calibrated verdict. checked: what it finds where the answer is known, as measure, value, low, high, clips;
    identity: what it rests on."""

    thresholds: Thresholds
    checked: list[dict[str, Any]]
    identity: str

    def rows(self) -> list[dict[str, Any]]:
        """Rows of kind DETECTOR, a row per group of simulated clips: how many of them are called abnormal."""
        called = ABNORMAL.of("reconstruction")
        return [
            {"kind": DETECTOR, "group": one["measure"], "clips": one["clips"]}
            | called.stated(one["value"], one["low"], one["high"])
            for one in self.checked
        ]

    def objects(self, videos: VideoSet, num_frames: int) -> Callable[[NDArray[np.uint8], Part], pd.DataFrame]:
        """measure, for clips of a part of these videos."""

        def of_part(frames: NDArray[np.uint8], part: Part) -> pd.DataFrame:
            return self.measure(frames, [videos.motion(number, num_frames) for number in part.numbers.tolist()])

        return of_part

    def measure(self, frames: NDArray[np.uint8], motions: Sequence[Motion]) -> pd.DataFrame:
        """(N, T, W, W, 3) clips and their true motions -> a row per clip: abnormal and every cause as 0 or 1, every
        cause's statistic, and how far found objects are from the simulator's, from frame 1 on."""
        measures = measure_clips(frames, [(bodies, poses[0]) for bodies, poses in motions])
        values = statistics(measures)
        holds = judge(values, self.thresholds)
        table = pd.DataFrame(holds.astype(int), columns=list(CAUSES))
        table.insert(0, "abnormal", holds.any(axis=1).astype(int))
        table = table.join(pd.DataFrame(values, columns=[f"{cause}_value" for cause in CAUSES]))
        errors = [
            pose_errors(found.poses[1:], poses[1:], bodies)
            for found, (bodies, poses) in zip(measures, motions, strict=True)
        ]
        table["position_error"] = [_mean(error.centre_px) for error in errors]
        table["angle_error"] = [_mean(error.angle) for error in errors]
        table["matched"] = [error.matched for error in errors]
        return table


def _mean(values: NDArray[np.floating]) -> float:
    """Of those that are known; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def prepare_detector(evaluation: Evaluation) -> Detector:
    """The detector for the cell's clips, calibrated and checked first if it is not there:
    <runs>/detectors/<digest>/detector.json.

    It rests on eval.detector_clips training videos of all templates that are trained on, and is checked on as many
    others; evaluation videos take no part.
    """
    cell, data = evaluation.cell, evaluation.data
    identity = digest_of(
        {
            "data": [data.resolution, data.num_frames, data.seed, cell.eval.detector_clips],
            "tokenizer": cell.tokenizer_run()[0],
            "rule": [CAUSES, QUANTILE, SAFETY],
        }
    )
    folder = Path(cell.runs) / "detectors" / identity[:16]
    path = folder / "detector.json"
    with leased(folder, "the detector", patience_s=math.inf, say=evaluation.say):
        if not path.exists():
            write_json(path, {"identity": identity, **_calibrated(evaluation), **provenance()})
    known = read_record(path, "thresholds", "checked")
    thresholds = Thresholds.from_dict(known["thresholds"])
    return Detector(thresholds, known["checked"], digest_of([known["thresholds"], identity]))


def _calibrated(evaluation: Evaluation) -> dict[str, Any]:
    cell = evaluation.cell
    started, count = time.monotonic(), cell.eval.detector_clips
    evaluation.say(f"calibrating the abnormal ratio on {count} simulated clips")
    side, frames, seed = cell.data.resolution, cell.data.num_frames, cell.data.seed
    videos, through = training_videos(EVERY_TEMPLATE, seed), evaluation.codec.reconstruct
    numbers = spread_numbers(videos, count, "calibrate", seed).tolist()
    thresholds = calibrate(simulated_statistics(videos, numbers, side, through, frames), side)
    corrupted = max(1, count // 2)
    known = check_detector(side, thresholds, {"all": videos}, count, corrupted, through, seed, frames)
    ratios = {"false positives": known.false_positives["all"]}
    ratios |= {f"found: {name.replace('_', ' ')}": ratio for name, ratio in known.found.items()}
    checked = [
        {"measure": name, "value": ratio.share, "low": ratio.low, "high": ratio.high, "clips": ratio.of}
        for name, ratio in ratios.items()
    ]
    evaluation.say(f"calibrated and checked in {time.monotonic() - started:.0f} s")
    return {"thresholds": thresholds.as_dict(), "checked": checked}
