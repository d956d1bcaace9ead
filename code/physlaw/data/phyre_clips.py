"""Clips of the combinatorial world by number, simulated and rendered on the fly.

Clip i is the same array whatever the batch, the order or the worker: its scene, its red ball and its motion depend on
its number alone.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike

from physlaw.data.records import ClipCounts, Frames, Index
from physlaw.errors import UserError
from physlaw.render.bodies import render_bodies
from physlaw.render.config import check_resolution
from physlaw.worlds.bodies import SIDE, pack
from physlaw.worlds.grids import check_numbers, spread
from physlaw.worlds.phyre import WORLD
from physlaw.worlds.phyre.scenes import PhyreScenes, sample_scene
from physlaw.worlds.scenes import DIGEST_SCENES

_PER_PX = 1e6  # poses are digested in millionths of a px
_PER_ACTION = 1e9


def check_body_clips(resolution: int, num_frames: int) -> None:
    """Raises UserError for a size that the renderer of bodies has not, or for clips without frames."""
    check_resolution(resolution)
    if SIDE % resolution:
        raise UserError(f"resolution must divide {SIDE}, got {resolution}")
    if num_frames < 1:
        raise UserError(f"num_frames must be at least 1, got {num_frames}")


class RenderedBodies:
    """A scene set's clips at one resolution: only the frames that are shown are simulated.

    Raises:
        UserError: the resolution does not divide 512 or is out of range, or fewer than 1 frame.
    """

    def __init__(self, scenes: PhyreScenes, resolution: int, num_frames: int) -> None:
        check_body_clips(resolution, num_frames)
        self.scenes, self.resolution, self.num_frames = scenes, resolution, num_frames

    def __len__(self) -> int:
        return len(self.scenes)

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8, row 0 on top."""
        numbers = check_numbers(np.asarray(index), len(self), "clip").tolist()
        frames = np.empty((len(numbers), self.num_frames, self.resolution, self.resolution, 3), np.uint8)
        for out, number in zip(frames, numbers, strict=True):
            bodies, poses = self.scenes.motion(number, self.num_frames)
            render_bodies(pack(bodies), poses, self.resolution, out)
        return frames

    def digest(self) -> str:
        return phyre_scenes_digest(self.scenes, self.num_frames)

    def counts(self) -> ClipCounts | None:
        return None


def phyre_scenes_digest(scenes: PhyreScenes, num_frames: int) -> str:
    """SHA-256 of what the set consists of: its size, the clips' length, and the red ball, the bodies' diameters and the
    poses at the start of (up to 4,096) videos spread evenly over it, rounded to 1e-9 and 1e-6 px. Later poses are left
    out: contacts make a difference in the last bit grow, so that they are not the same on every machine."""
    digest = hashlib.sha256(f"{WORLD} {len(scenes)} {num_frames}".encode())
    for number in spread(len(scenes), DIGEST_SCENES).tolist():
        template, scene, _ = scenes.address(number)
        known = sample_scene(template, scene, scenes.seed)
        _digest_rounded(digest, scenes.action(number), _PER_ACTION)
        _digest_rounded(digest, [body.diameter for body in known.bodies], _PER_PX)
        _digest_rounded(digest, known.poses, _PER_PX)
    return digest.hexdigest()


def _digest_rounded(digest: hashlib._Hash, values: ArrayLike, scale: float) -> None:
    digest.update(np.round(np.asarray(values) * scale).astype("<i8").tobytes())
