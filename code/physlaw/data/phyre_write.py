"""`physlaw simulate scenario=combinatorial`: clips of the numbered sets in the released layout, a shard per scene.

Released: one file <template>:<scene>.hdf5 per scene with action_streams (trials, 3) float64, object_streams
(trials, T, N, 14) float32, the red ball last, and video_streams, (trials,) mp4 files; merged, three groups of these
names with a dataset for every scene. Ours also say which trial each row is, in the attribute `trials` of
action_streams; in the release row k is trial k.
npz: frames (V, T, W, W, 3) uint8, action (V, 3), features (V, T, K, 14), NaN beyond the `objects` (V,) that a video's
scene has, key (V,), the names of the scenes, and trial (V,).
mp4: <template>-<scene>-<trial>.mp4, the release's sample names, and beside a scene's videos <template>:<scene>.npz,
the same arrays without the frames; metadata.csv has a line per video.
Source: released combinatorial data, sections 3 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from physlaw.data.clip_files import FORMATS, format_of, write_set
from physlaw.data.hdf5_reader import BODIES, TRIALS
from physlaw.data.npz import Truth
from physlaw.data.phyre_clips import check_body_clips, phyre_scenes_digest
from physlaw.data.shards import concatenated
from physlaw.errors import UserError
from physlaw.fields import MOST_FRAMES, MOST_WORKERS, check, choice, random_seed, ranged
from physlaw.render.bodies import render_bodies
from physlaw.render.config import picture_side
from physlaw.worlds.bodies import pack
from physlaw.worlds.phyre import WORLD
from physlaw.worlds.phyre.features import features
from physlaw.worlds.phyre.scenes import PhyreScenes, in_template_videos, out_of_template_videos, training_videos
from physlaw.worlds.phyre.templates import object_ids

Index = NDArray[np.int64]

SPLITS = ("train", "in_template", "out_of_template")
HELP = f"""\
split is {", ".join(SPLITS)}; size, 6, 30 or 60 templates, is that of the training set.
trials are the first of each scene: 990 in training, 1 in evaluation. count and offset are videos, numbered by template,
scene, trial; each scene is a file, or a key of a single file. num_frames=50 resolution=512 is the released form.
"""
_LAW = [
    "rigid bodies at rest fall with 58.8 px/s^2 and collide: friction 0.5, restitution 0.2, walls around the picture",
    "steps of 1/60 s; a frame shows the state 20 k + 1 steps after the start",
]


@dataclass
class PhyreSimulateConfig:
    """What `physlaw simulate scenario=combinatorial` writes. num_frames=50 resolution=512 is the released form."""

    out: str = ""  # a folder (released scene files, mp4 files), or a single .hdf5 or .npz file
    format: str | None = choice(None, FORMATS)  # released, npz or mp4; None: npz for a .npz file, else released
    scenario: str = WORLD
    split: str = choice("train", SPLITS)  # or in_template, out_of_template
    # templates of the training set, whose scenes in_template has too: 6, 30 or 60
    size: str = choice("60", ("6", "30", "60"))
    # of each scene, the first ones; None: all, 990 in training and 1 in evaluation
    trials: int | None = ranged(None, at_least=1)
    # videos, in the order of template, scene, trial; None: all from offset on
    count: int | None = ranged(None, at_least=1)
    offset: int = ranged(0, at_least=0)  # videos that are left out before
    resolution: int = picture_side(256)
    num_frames: int = ranged(32, at_least=1, at_most=MOST_FRAMES)
    seed: int = random_seed()
    workers: int | None = ranged(None, at_least=1, at_most=MOST_WORKERS)  # None: every core

    def __post_init__(self) -> None:
        check(self)


def phyre_scenes_of(config: PhyreSimulateConfig) -> PhyreScenes:
    """The set that is asked for.

    Raises:
        UserError: unknown split or size, or the split has not so many trials.
    """
    if config.split == "out_of_template":
        scenes = out_of_template_videos(config.seed)
    else:
        scenes = (training_videos if config.split == "train" else in_template_videos)(config.size, config.seed)
    trials = len(scenes.trials) if config.trials is None else config.trials
    if not 1 <= trials <= len(scenes.trials):
        raise UserError(f"trials of split {config.split} must be 1 to {len(scenes.trials)}, got {trials}")
    return replace(scenes, trials=scenes.trials[:trials])


def simulate_phyre(config: PhyreSimulateConfig) -> tuple[Path, int]:
    """Write the clips and their card. Returns and raises as write_set."""
    format_of(config)
    check_body_clips(config.resolution, config.num_frames)
    return write_set(PhyreClipSet(phyre_scenes_of(config), config.num_frames, config.split), config)


class PhyreClipSet:
    """A set of the combinatorial world as a ClipSet: a shard is a scene, numbered as in the set."""

    layout = BODIES

    def __init__(self, scenes: PhyreScenes, num_frames: int, split: str) -> None:
        self.scenes, self.num_frames, self.split = scenes, num_frames, split

    def __len__(self) -> int:
        return len(self.scenes)

    def digest(self) -> str:
        return phyre_scenes_digest(self.scenes, self.num_frames)

    def card(self, written: int) -> dict[str, Any]:
        scenes = self.scenes
        return {
            "name": f"{WORLD} {self.split}",
            "law": _LAW,
            "units": "px of a picture 512 wide, origin bottom-left, y up; features and actions as fractions of it",
            "factors": {f"template {template}": list(object_ids(template)) for template in scenes.templates},
            "scenes": {
                "per_template": scenes.scenes_per_template,
                "trials_of_each": len(scenes.trials),
                "videos_in_set": len(scenes),
                "videos_written": written,
            },
            "frames_per_clip": self.num_frames,
            "seconds_between_frames": 1 / 3,
        }

    def shards(self, index: Index) -> list[tuple[int, Index]]:
        shard = index // len(self.scenes.trials)
        starts = np.flatnonzero(np.diff(shard, prepend=-1))
        return [(int(shard[start]), part) for start, part in zip(starts, np.split(index, starts[1:]), strict=True)]

    def key(self, shard: int) -> str:
        return self.scenes.key(shard * len(self.scenes.trials))

    def released_name(self, shard: int) -> str:
        return self.key(shard)

    def samples(self, shard: int, index: Index) -> list[str]:
        """The release's sample names, e.g. 10000-00007-990."""
        return [f"{t}-{scene:05d}-{trial}" for t, scene, trial in map(self.scenes.address, index.tolist())]

    def make(self, index: Index, resolution: int) -> tuple[NDArray[np.uint8], Truth]:
        numbers = index.tolist()
        frames = np.empty((len(numbers), self.num_frames, resolution, resolution, 3), np.uint8)
        described = []
        for out, number in zip(frames, numbers, strict=True):
            bodies, poses = self.scenes.motion(number, self.num_frames)
            render_bodies(pack(bodies), poses, resolution, out)
            described.append(features(bodies, poses))
        return frames, {
            "action": np.array([self.scenes.action(number) for number in numbers], dtype=np.float64),
            "features": np.stack(described),
            "objects": np.full(len(numbers), described[0].shape[1], dtype=np.int64),
            "key": np.array([self.scenes.key(number) for number in numbers]),
            "trial": np.array([self.scenes.address(number).trial for number in numbers], dtype=np.int64),
        }

    def write_truth(self, file: h5py.File, truth: Truth) -> None:
        file["action_streams"], file["object_streams"] = truth["action"], truth["features"]
        file["action_streams"].attrs[TRIALS] = truth["trial"]

    def described(self, truth: Truth) -> dict[str, list[Any]]:
        """The scene and trial, the red ball's action, and how many objects there are."""
        template, scene = zip(*([int(part) for part in key.split(":")] for key in truth["key"].tolist()), strict=True)
        columns = {"template": list(template), "scene": list(scene), "trial": truth["trial"].tolist()}
        columns |= dict(zip(("ax", "ay", "ar"), truth["action"].T.tolist(), strict=True))
        return columns | {"objects": truth["objects"].tolist()}

    def join(self, shards: list[Truth]) -> Truth:
        most = max(shard["features"].shape[2] for shard in shards)
        return concatenated([shard | {"features": _padded(shard["features"], most)} for shard in shards])


def _padded(values: NDArray[Any], objects: int) -> NDArray[Any]:
    """(V, T, N, 14) -> (V, T, objects, 14), NaN beyond N."""
    missing = objects - values.shape[2]
    return np.pad(values, ((0, 0), (0, 0), (0, missing), (0, 0)), constant_values=np.nan)
