"""Clips by number, rendered on the fly from a scene set: to paint a clip costs less than to keep it in fresh memory.

Clip i is the same array whatever the batch, the order or the worker, because scene i and the renderer are.
"""

from __future__ import annotations

import hashlib
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from physlaw.data.released import ClipFile
from physlaw.render.discs import render_clips
from physlaw.worlds.scenes import SceneSet, Trajectory

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

DIGEST_SCENES, DIGEST_CLIPS = 4096, 64


class ClipSource(Protocol):
    """Anything that gives clips by number."""

    def __len__(self) -> int: ...

    def clips(self, index: Index) -> Any:
        """(N,) numbers -> (N, T, W, W, 3) uint8, row 0 on top: an array, or a tensor on a GPU."""
        ...


class Scenes(Protocol):
    """Scenes by number, of any world that the renderer draws."""

    def __len__(self) -> int: ...

    def trajectory(self, index: Index) -> Trajectory:
        """(N,) numbers -> their trajectories."""
        ...


S = TypeVar("S", bound=Scenes)


class RenderedClips(Generic[S]):
    """A scene set's clips at one resolution."""

    def __init__(self, scenes: S, resolution: int, method: str = "area") -> None:
        self.scenes, self.resolution, self.method = scenes, resolution, method

    def __len__(self) -> int:
        return len(self.scenes)

    def clips(self, index: Index) -> Frames:
        return render_clips(self.scenes.trajectory(np.asarray(index)), self.resolution, self.method)


class ChosenClips:
    """Some of a source's clips: clip i is clip numbers[i] of the source."""

    def __init__(self, source: ClipSource, numbers: Index) -> None:
        self.source, self.numbers = source, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def clips(self, index: Index) -> Any:
        return self.source.clips(self.numbers[np.asarray(index)])


class WithMirrored:
    """A source's clips, and after them every one mirrored left to right."""

    def __init__(self, source: ClipSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return 2 * len(self.source)

    def clips(self, index: Index) -> Any:
        index = np.asarray(index)
        frames = self.source.clips(index % len(self.source))
        mirrored = np.flatnonzero(index >= len(self.source))
        frames[mirrored] = frames[mirrored, :, :, ::-1] if isinstance(frames, np.ndarray) else frames[mirrored].flip(3)
        return frames


def clips_digest(clips: ClipFile) -> str:
    """SHA-256 of a file's content as read: its size, initial values and positions of (up to 4,096) clips spread
    evenly over it, and all pixels of (up to 64)."""
    digest = hashlib.sha256(f"{clips.scenario.name} {len(clips)}".encode())
    index = spread(len(clips), DIGEST_SCENES)
    for values in (clips.init(index), clips.positions(index)):
        digest.update(np.round(values * 1e9).astype("<i8").tobytes())
    for number in spread(len(clips), DIGEST_CLIPS):
        digest.update(clips.frames(int(number)).tobytes())
    return digest.hexdigest()


def spread(count: int, limit: int) -> Index:
    """Up to `limit` numbers below `count`, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(np.int64))


def scenes_digest(scenes: SceneSet) -> str:
    """SHA-256 of what the set consists of: its size, and initial values and positions of (up to 4,096) scenes spread
    evenly over it, rounded to 1e-9 so that the digest does not depend on the last bit of the machine's arithmetic."""
    index = spread(len(scenes), DIGEST_SCENES)
    digest = hashlib.sha256(f"{scenes.scenario.name} {scenes.split} {len(scenes)} {scenes.contact}".encode())
    for values in (scenes.init(index), scenes.positions(index)):
        digest.update(np.round(values * 1e9).astype("<i8").tobytes())
    return digest.hexdigest()
