"""Clips by number, rendered on the fly from a scene set: to paint a clip costs less than to keep it in fresh memory.

Clip i is the same array whatever the batch, the order or the worker, because scene i and the renderer are.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from physlaw.data.records import ClipCounts
from physlaw.render.discs import render_clips
from physlaw.worlds.scenes import Trajectory

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]


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

    def digest(self) -> str:
        """SHA-256 of what the set consists of."""
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

    def digest(self) -> str:
        return self.scenes.digest()

    def counts(self) -> ClipCounts | None:
        return None


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
