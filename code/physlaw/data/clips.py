"""Clips by number: rendered on the fly from a scene set, with an optional memory cache of the bytes.

Clip i is the same array whatever the batch, the order or the worker, because scene i and the renderer are.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from physlaw.render.discs import render_clips
from physlaw.worlds.scenes import SceneSet

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

CACHE_BYTES = 2 << 30  # a set that needs more is rendered again at every use
DIGEST_SCENES = 4096


class ClipSource(Protocol):
    """Anything that gives clips by number."""

    def __len__(self) -> int: ...

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8, row 0 on top."""
        ...


class RenderedClips:
    """A scene set's clips at one resolution, kept in memory once rendered when they fit."""

    def __init__(self, scenes: SceneSet, resolution: int, method: str = "area", cache: bool = True) -> None:
        self.scenes, self.resolution, self.method = scenes, resolution, method
        clip_bytes = scenes.num_frames * resolution * resolution * 3
        fits = cache and len(scenes) * clip_bytes <= CACHE_BYTES
        shape = (len(scenes), scenes.num_frames, resolution, resolution, 3)
        self._store = np.empty(shape, dtype=np.uint8) if fits else None
        self._have = np.zeros(len(scenes), dtype=bool)

    def __len__(self) -> int:
        return len(self.scenes)

    def clips(self, index: Index) -> Frames:
        index = np.asarray(index)
        if self._store is None:
            return render_clips(self.scenes.trajectory(index), self.resolution, self.method)
        new = np.unique(index[~self._have[index]])
        if len(new):
            self._store[new] = render_clips(self.scenes.trajectory(new), self.resolution, self.method)
            self._have[new] = True
        return np.asarray(self._store[index])


def scenes_digest(scenes: SceneSet) -> str:
    """SHA-256 of what the set consists of: its size, and initial values and positions of (up to 4,096) scenes spread
    evenly over it, rounded to 1e-9 so that the digest does not depend on the last bit of the machine's arithmetic."""
    index = np.unique(np.linspace(0, len(scenes) - 1, min(len(scenes), DIGEST_SCENES)).astype(np.int64))
    digest = hashlib.sha256(f"{scenes.scenario.name} {scenes.split} {len(scenes)} {scenes.contact}".encode())
    for values in (scenes.init(index), scenes.positions(index)):
        digest.update(np.round(values * 1e9).astype("<i8").tobytes())
    return digest.hexdigest()
