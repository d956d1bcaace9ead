"""The scenarios of one or two balls as a World."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from physlaw.data.clips import RenderedClips
from physlaw.data.config import DataConfig
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.released import ClipFile, open_clips
from physlaw.data.world import Simulation
from physlaw.data.write import SimulateConfig, simulate
from physlaw.errors import UserError
from physlaw.worlds import laws
from physlaw.worlds.grids import Chosen, Points
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, training_scenes
from physlaw.worlds.streams import permutation, stream_key

Clips = RenderedClips[SceneSet] | GpuClips | ClipFile


def scenes_of(scenario: Scenario, size: str, data: DataConfig) -> SceneSet:
    """The training scenes of a named size, with the settings' law, placement and length."""
    scenes = training_scenes(scenario, size, data.seed, laws.as_contact(data.contact), data.placement)
    grid = _chosen(scenes.grid, scenario, size, data) if data.clips else scenes.grid
    return replace(scenes, grid=grid, num_frames=data.num_frames)


def _chosen(grid: Points, scenario: Scenario, size: str, data: DataConfig) -> Points:
    """data.clips of a training set's points, in a random choice that belongs to the draw.

    Raises:
        UserError: it has not that many.
    """
    if data.clips > len(grid):
        raise UserError(
            f"data.clips={data.clips} is more than size={size} of scenario={scenario.name} has, which is {len(grid)}"
        )
    order = permutation(stream_key("training clips", scenario.name, size, data.seed), len(grid))
    return Chosen(grid, np.sort(order[: data.clips]))


@dataclass(frozen=True)
class BallWorld:
    """See World."""

    scenario: Scenario

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def picture(self) -> str:
        return self.scenario.picture

    @property
    def flips(self) -> bool:
        return self.scenario.flips

    @property
    def needs(self) -> Mapping[str, Any]:
        return self.scenario.needs

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        return (Simulation(SimulateConfig, partial(simulate, self.scenario)),)

    def check_clips(self, resolution: int, num_frames: int) -> None:
        if self.scenario.check_resolution is not None:
            self.scenario.check_resolution(resolution)

    def training_clips(self, size: str, data: DataConfig) -> Clips:
        scenes = scenes_of(self.scenario, size, data)
        if not data.files:
            source = GpuClips if data.renderer == "gpu" else RenderedClips
            return source(scenes, data.resolution, data.method)
        clips = open_clips(data.files, data.resolution, data.num_frames, self.scenario)
        if len(clips) != len(scenes):
            raise UserError(
                f"{data.files} holds {len(clips)} clips; scenario={self.name} size={size} has {len(scenes)}"
            )
        return clips
