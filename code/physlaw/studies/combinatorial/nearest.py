"""The nearest case: what a model would draw that copies the training video whose first frame is nearest.

What more templates do for such a copier is no generalisation; so its clips of the out-of-template set are measured as a
model's are, once for all cells of a training set, and a model's gain must exceed the copier's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physlaw.config import CellConfig, digest_of
from physlaw.evaluation.blocks import Evaluation
from physlaw.lease import leased
from physlaw.render.bodies import render_bodies
from physlaw.studies.combinatorial.detector import Detector
from physlaw.studies.combinatorial.generated import Index, Part, VideoSet
from physlaw.studies.combinatorial.measures import RETRIEVED, Measured, Networks, measure_set
from physlaw.studies.combinatorial.stored import kept
from physlaw.worlds.bodies import Body, pack
from physlaw.worlds.phyre.scenes import PhyreScenes, training_videos

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]

CASES = 3000  # training videos, evenly spread over the set, that are known
_CASE_SIDE = 32  # pixels of the pictures that are compared


@lru_cache(maxsize=4)
def _cases(size: str, seed: int) -> tuple[PhyreScenes, Index, NDArray[np.float32]]:
    """Training videos, which of them are known, and the (n, pixels) first frames of these."""
    videos = training_videos(size, seed)
    numbers = np.arange(CASES, dtype=np.int64) * len(videos) // CASES
    return videos, numbers, np.stack([_first_frame(*videos.start(int(number))) for number in numbers])


def _first_frame(bodies: tuple[Body, ...], poses: Array) -> NDArray[np.float32]:
    return render_bodies(pack(bodies), poses[None], _CASE_SIDE).reshape(-1).astype(np.float32)


def nearest_motion(cell: CellConfig, bodies: tuple[Body, ...], start: Array) -> tuple[tuple[Body, ...], Array]:
    """Bodies and (T, B, 3) poses of that training video, of CASES of the cell's, whose first frame is nearest.

    Args:
        bodies, start: of the scene that is asked; start (B, 3).
    """
    videos, numbers, pictures = _cases(cell.size, cell.training_draw)
    best = int(((pictures - _first_frame(bodies, start)) ** 2).sum(axis=1).argmin())
    return videos.motion(int(numbers[best]), cell.data.num_frames)


@dataclass(frozen=True)
class _Copies:
    """The copier's clips of a set, part by part, after the true condition frames."""

    cell: CellConfig
    videos: VideoSet

    def __iter__(self) -> Iterator[Part]:
        data, numbers = self.cell.data, self.videos.numbers
        for start in range(0, len(numbers), self.cell.eval.batch_size):
            part = numbers[start : start + self.cell.eval.batch_size]
            truth = self.videos.truth(part.tolist(), data.num_frames, data.resolution)
            copies = np.stack([self._copy(number) for number in part.tolist()])
            copies[:, : data.num_cond_frames] = truth[:, : data.num_cond_frames]
            yield Part(part, truth, truth, copies)

    def _copy(self, number: int) -> Frames:
        data = self.cell.data
        bodies, poses = self.videos.motion(number, data.num_frames)
        found, moved = nearest_motion(self.cell, bodies, poses[0])
        return render_bodies(pack(found), moved, data.resolution)


def nearest_identity(evaluation: Evaluation, videos: VideoSet, detector: Detector) -> str:
    """What the copier's measures of a set rest on."""
    cell, data = evaluation.cell, evaluation.data
    names = [videos.name, videos.numbers.tolist(), videos.plain, data.resolution, data.num_frames, data.num_cond_frames]
    draws = [data.seed, cell.size, cell.training_draw, CASES, _CASE_SIDE]
    return digest_of([names, draws, evaluation.config.networks(), detector.identity])


def nearest_measured(evaluation: Evaluation, videos: VideoSet, networks: Networks, detector: Detector) -> Measured:
    """The copier's clips of a set, measured once for all cells with this training set, these clips and networks:
    <runs>/nearest/<digest>/."""
    identity = nearest_identity(evaluation, videos, detector)
    folder = Path(evaluation.cell.runs) / "nearest" / identity[:16]

    def measure() -> Measured:
        evaluation.say(f"{videos.name}: measuring the nearest training videos")
        objects = detector.objects(videos, evaluation.data.num_frames)
        return measure_set(_Copies(evaluation.cell, videos), networks, objects, (RETRIEVED,))

    with leased(folder, "the nearest training videos", patience_s=math.inf, say=evaluation.say):
        return kept(folder / videos.name, identity, measure)
