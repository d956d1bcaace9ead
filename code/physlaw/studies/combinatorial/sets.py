"""The combinatorial world's training sets: 990 red balls in every scene of 6, 30 or 60 templates; worlds/phyre has the
scenes and the test videos. Source: released combinatorial data, section 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.config import digest_of
from physlaw.data.config import DataConfig
from physlaw.data.phyre_clips import RenderedBodies, check_body_clips
from physlaw.data.phyre_files import PhyreFile, open_phyre_clips
from physlaw.data.phyre_write import HELP, PhyreSimulateConfig, simulate_phyre
from physlaw.data.records import ClipCounts, Frames
from physlaw.data.scene_file import SceneFileConfig, simulate_scene_file
from physlaw.data.world import Simulation, TrainingClips, World
from physlaw.errors import UserError
from physlaw.worlds.phyre import WORLD
from physlaw.worlds.phyre.scenes import TRAIN_TRIALS, training_videos
from physlaw.worlds.phyre.templates import template_set


class ChosenClips:
    """Some of a file's clips: clip i is clip numbers[i] of the file."""

    def __init__(self, source: PhyreFile, numbers: NDArray[np.int64]) -> None:
        self.source, self.numbers = source, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def clips(self, index: NDArray[np.int64]) -> Frames:
        return self.source.clips(self.numbers[np.asarray(index)])

    def digest(self) -> str:
        return digest_of([len(self), self.source.digest()])

    def counts(self) -> ClipCounts:
        return self.source.reading.counts(len(self.source), len(self.source) - len(self))


@dataclass(frozen=True)
class BodyWorld:
    """See World."""

    name: str = WORLD
    picture: str = "bodies"
    flips: bool = False
    needs: Mapping[str, Any] = field(
        default_factory=lambda: {
            **{"model.modality": "vision", "data.renderer": "cpu", "data.flips": False},
            **{"data.draw": "fixed", "data.clips": 0},
        }
    )
    simulations: tuple[Simulation, ...] = (
        Simulation(SceneFileConfig, simulate_scene_file, key="bodies", counted="scenes"),
        Simulation(PhyreSimulateConfig, simulate_phyre, notes=HELP),
    )

    def check_clips(self, resolution: int, num_frames: int) -> None:
        check_body_clips(resolution, num_frames)

    def training_clips(self, size: str, data: DataConfig) -> TrainingClips:
        if not data.files:
            return RenderedBodies(training_videos(size, data.seed), data.resolution, data.num_frames)
        return _read(size, data)


def _read(size: str, data: DataConfig) -> ChosenClips:
    """The files' training trials: they may be a part of the set, but of no other templates."""
    clips = open_phyre_clips(data.files, data.resolution, data.num_frames)
    templates = template_set(size)
    numbers = [number for number in range(len(clips)) if clips.trial(number) in TRAIN_TRIALS]
    for number in numbers:
        if int(clips.key(number).split(":")[0]) not in templates:
            raise UserError(f"{data.files}: scene {clips.key(number)} is of no template of size={size}")
    if not numbers:
        raise UserError(f"{data.files} holds none of the training trials {TRAIN_TRIALS[0]} to {TRAIN_TRIALS[-1]}")
    return ChosenClips(clips, np.array(numbers))


SCENARIOS: dict[str, World] = {WORLD: BodyWorld()}
