"""A cell's training data: which scenes, and where their clips come from."""

from __future__ import annotations

from dataclasses import replace

from physlaw.config import CellConfig
from physlaw.data.clips import RenderedClips, clips_digest, scenes_digest
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.released import ClipFile, open_clips
from physlaw.errors import UserError
from physlaw.worlds import laws
from physlaw.worlds.scenes import SceneSet, training_scenes

TrainingClips = RenderedClips | GpuClips | ClipFile


def cell_scenes(cell: CellConfig) -> SceneSet:
    """The cell's training scenes."""
    contact = laws.as_contact(cell.data.contact)
    scenes = training_scenes(cell.scenario, cell.size, cell.data.seed, contact, cell.data.placement)
    return replace(scenes, num_frames=cell.data.num_frames)


def training_clips(cell: CellConfig) -> TrainingClips:
    """The cell's training clips: rendered on the fly, or read from the files that data.files names.

    Raises:
        UserError: the files are malformed, or hold another number of clips than the cell's training set.
    """
    scenes = cell_scenes(cell)
    if not cell.data.files:
        if cell.data.renderer == "gpu":
            return GpuClips(scenes, cell.data.resolution, cell.data.method)
        return RenderedClips(scenes, cell.data.resolution, cell.data.method)
    clips = open_clips(cell.data.files, cell.data.resolution, cell.data.num_frames, cell.scenario)
    if len(clips) != len(scenes):
        raise UserError(
            f"{cell.data.files} holds {len(clips)} clips; scenario={cell.scenario} size={cell.size} has {len(scenes)}"
        )
    return clips


def clips_digest_of(clips: TrainingClips) -> str:
    """Digest of a training set, rendered or read."""
    return clips_digest(clips) if isinstance(clips, ClipFile) else scenes_digest(clips.scenes)
