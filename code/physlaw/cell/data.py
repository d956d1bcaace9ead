"""A cell's training data: which scenes, and where their clips come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.config import CellConfig, digest_of
from physlaw.data.clips import ChosenClips, RenderedClips, clips_digest, scenes_digest
from physlaw.data.config import COMBINATORIAL, COMPOSITION
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.phyre_clips import RenderedBodies, phyre_scenes_digest
from physlaw.data.phyre_files import PhyreFile, open_phyre_clips, phyre_clips_digest
from physlaw.data.released import ClipFile, open_clips
from physlaw.errors import UserError
from physlaw.worlds import laws
from physlaw.worlds.composition import CompositionScenes
from physlaw.worlds.grids import Chosen, Points
from physlaw.worlds.phyre.scenes import TRAIN_TRIALS, training_videos
from physlaw.worlds.phyre.templates import template_set
from physlaw.worlds.scenes import SceneSet, training_scenes
from physlaw.worlds.streams import permutation, stream_key
from physlaw.worlds.variants import get_scenario

TrainingClips = RenderedClips | GpuClips | ClipFile | RenderedBodies | ChosenClips


def picture(cell: CellConfig) -> str:
    """What the cell's clips show, in models.tokenizers.PICTURES' words."""
    if cell.scenario == COMBINATORIAL:
        return "bodies"
    if cell.scenario in COMPOSITION:
        return "red_blue_black"
    scenario = get_scenario(cell.scenario)
    return "red_blue" if scenario.num_balls == 2 or "colour" in scenario.factors else "red"


def mirrored(cell: CellConfig) -> bool:
    """The cell trains on mirror images too: its scenario says so, or data.flips."""
    own = cell.scenario not in (COMBINATORIAL, *COMPOSITION) and get_scenario(cell.scenario).flips
    return own or cell.data.flips


def ball_scenes(cell: CellConfig) -> SceneSet:
    """The training scenes of a cell with balls."""
    contact = laws.as_contact(cell.data.contact)
    scenes = training_scenes(cell.scenario, cell.size, cell.training_draw, contact, cell.data.placement)
    grid = chosen_clips(scenes.grid, cell) if cell.data.clips else scenes.grid
    return replace(scenes, grid=grid, num_frames=cell.data.num_frames)


def chosen_clips(grid: Points, cell: CellConfig) -> Points:
    """data.clips of a training set's points, in a random choice that belongs to the draw.

    Raises:
        UserError: it has not that many.
    """
    wanted = cell.data.clips
    if wanted > len(grid):
        raise UserError(
            f"data.clips={wanted} is more than size={cell.size} of scenario={cell.scenario} has, which is {len(grid)}"
        )
    order = permutation(stream_key("training clips", cell.scenario, cell.size, cell.training_draw), len(grid))
    return Chosen(grid, np.sort(order[:wanted]))


def training_clips(cell: CellConfig) -> TrainingClips:
    """The cell's training clips: rendered on the fly, or read from the files that data.files names.

    Raises:
        UserError: the files are malformed, or hold other clips than the cell's training set.
    """
    if cell.scenario == COMBINATORIAL:
        return _read_bodies(cell) if cell.data.files else _rendered_bodies(cell)
    if cell.scenario in COMPOSITION:
        scenes = CompositionScenes(cell.scenario, f"train/{cell.size}", cell.training_draw, cell.data.num_frames)
        return RenderedClips(scenes, cell.data.resolution, cell.data.method)
    return _read_balls(cell) if cell.data.files else _rendered_balls(cell)


def _rendered_balls(cell: CellConfig) -> RenderedClips | GpuClips:
    source = GpuClips if cell.data.renderer == "gpu" else RenderedClips
    return source(ball_scenes(cell), cell.data.resolution, cell.data.method)


def _read_balls(cell: CellConfig) -> ClipFile:
    clips = open_clips(cell.data.files, cell.data.resolution, cell.data.num_frames, cell.scenario)
    wanted = len(ball_scenes(cell))
    if len(clips) != wanted:
        raise UserError(
            f"{cell.data.files} holds {len(clips)} clips; scenario={cell.scenario} size={cell.size} has {wanted}"
        )
    return clips


def _rendered_bodies(cell: CellConfig) -> RenderedBodies:
    return RenderedBodies(training_videos(cell.size, cell.data.seed), cell.data.resolution, cell.data.num_frames)


def _read_bodies(cell: CellConfig) -> ChosenClips:
    """The files' training trials: they may be a part of the set, but of no other templates."""
    clips = open_phyre_clips(cell.data.files, cell.data.resolution, cell.data.num_frames)
    templates = template_set(cell.size)
    numbers = [number for number in range(len(clips)) if clips.trial(number) in TRAIN_TRIALS]
    for number in numbers:
        if int(clips.key(number).split(":")[0]) not in templates:
            raise UserError(f"{cell.data.files}: scene {clips.key(number)} is of no template of size={cell.size}")
    if not numbers:
        raise UserError(f"{cell.data.files} holds none of the training trials {TRAIN_TRIALS[0]} to {TRAIN_TRIALS[-1]}")
    return ChosenClips(clips, np.array(numbers))


def files_counts(clips: TrainingClips) -> dict[str, dict[str, int]]:
    """{"training_files": ClipCounts} of a training set that is read from files, as far as it was read; else {}."""
    if isinstance(clips, ClipFile):
        return {"training_files": vars(clips.reading.counts(len(clips)))}
    if isinstance(clips, ChosenClips) and isinstance(clips.source, PhyreFile):
        source = clips.source
        return {"training_files": vars(source.reading.counts(len(source), len(source) - len(clips)))}
    return {}


def clips_digest_of(clips: TrainingClips) -> str:
    """Digest of a training set, rendered or read."""
    if isinstance(clips, RenderedClips) and isinstance(clips.scenes, CompositionScenes):
        return clips.scenes.digest()
    if isinstance(clips, RenderedBodies):
        return phyre_scenes_digest(clips.scenes, clips.num_frames)
    if isinstance(clips, ChosenClips):
        assert isinstance(clips.source, PhyreFile)
        return digest_of([len(clips), phyre_clips_digest(clips.source)])
    return clips_digest(clips) if isinstance(clips, ClipFile) else scenes_digest(clips.scenes)
