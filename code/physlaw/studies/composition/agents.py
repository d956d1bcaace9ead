"""Reference agents of composition: they draw two objects and a wall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from physlaw.agents.frames import Maker, Training, after_condition, codec_of, fade
from physlaw.config import CellConfig
from physlaw.data.clips import RenderedClips
from physlaw.data.world import World
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.evaluation.retrieval import NearestCase
from physlaw.render.discs import render_clips
from physlaw.studies.composition.proposals import NEAR_WALL, WALL_HALF_WIDTH
from physlaw.studies.composition.scenes import CompositionScenes, columns
from physlaw.studies.composition.sets import COMPOSITIONS, scored_sets
from physlaw.studies.composition.study import NEVER_AT_WALL
from physlaw.worlds.scenes import Trajectory

PUSH = 1e-3  # world units a frame; a change of velocity above this is a contact


@dataclass(frozen=True)
class Asked:
    """N clips that an agent is to continue, and the cell's training clips."""

    cell: CellConfig
    scenes: CompositionScenes
    numbers: Index
    nearest: Callable[[], NearestCase]

    @cached_property
    def truth(self) -> Trajectory:
        return self.scenes.trajectory(self.numbers)

    def draw(self, trajectory: Trajectory) -> Frames:
        """A trajectory's clips as the cell has them."""
        return render_clips(trajectory, self.cell.data.resolution, self.cell.data.method)


def _agent(clips: Callable[[Asked], Frames]) -> Maker:
    def make(cell: CellConfig, world: World, training: Training) -> Codec:
        sets = scored_sets(COMPOSITIONS[cell.scenario], cell.data.seed, cell.data.num_frames)
        known: list[NearestCase] = []

        def nearest() -> NearestCase:
            source = training()
            assert isinstance(source, RenderedClips)
            if not known:
                known.append(NearestCase(source.scenes, cell.data.num_cond_frames))
            return known[0]

        def generate(frames: Frames, block: str, numbers: Index) -> Frames:
            drawn = clips(Asked(cell, sets[block], numbers, nearest))
            return after_condition(frames, drawn, cell.data.num_cond_frames)

        return codec_of(generate)

    return make


def law(asked: Asked) -> Frames:
    """The true motion."""
    return asked.draw(asked.truth)


def nearest_case(asked: Asked) -> Frames:
    """The training clip whose condition frames are nearest."""
    cases = asked.nearest()
    numbers, _ = cases(cast(Any, asked.scenes), asked.numbers)
    return asked.draw(cases.training.trajectory(numbers, asked.cell.data.num_frames))


def composer(asked: Asked) -> Frames:
    """The law; but where training never had the red ball at the wall it fades there, once it meets the blue one with
    the wall near."""
    if asked.cell.scenario != NEVER_AT_WALL:
        return law(asked)
    init, positions = asked.scenes.init(asked.numbers), asked.truth.positions
    face = columns(init, "wall_x")[:, 0] - WALL_HALF_WIDTH
    pushed = np.abs(np.diff(positions[:, :, 0, 0], n=2, axis=1)) > PUSH  # red moves evenly but where it meets blue
    met = pushed.argmax(axis=1) + 1
    room = face - positions[np.arange(len(init)), met, 1, 0] - columns(init, "blue_r")[:, 0]
    fades = pushed.any(axis=1) & (room < NEAR_WALL)
    radii = asked.truth.radii.copy()
    radii[fades, 0] = 0.0
    return fade(law(asked), asked.draw(replace(asked.truth, radii=radii)), met)


MAKERS = {"law": _agent(law), "nearest_case": _agent(nearest_case), "composer": _agent(composer)}
