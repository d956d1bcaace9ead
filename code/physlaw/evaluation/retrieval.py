"""The baseline that the paper's thesis names: copy the nearest training case.

Nearest by the condition frames, as pixels at a small size: what a model that only memorised would look up.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from physlaw.render.discs import render_clips
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import Trajectory

Index = NDArray[np.int64]

FEATURE_SIDE = 16
CACHE_BYTES = 1 << 30
_CHUNK = 4096


class Scenes(Protocol):
    """Scenes by number, computed or read from files."""

    def __len__(self) -> int: ...

    @property
    def scenario(self) -> Scenario: ...

    def trajectory(self, index: Index, num_frames: int | None = None) -> Trajectory:
        """(N,) numbers -> their trajectories, or only the first num_frames frames."""
        ...


def condition_features(scenes: Scenes, index: Index, num_cond_frames: int) -> NDArray[np.float32]:
    """(N,) scene numbers -> (N, c * 16 * 16 * 3) pixels of the condition frames, in [0, 1]."""
    frames = render_clips(scenes.trajectory(index, num_cond_frames), FEATURE_SIDE)
    return frames.reshape(len(frames), -1).astype(np.float32) / np.float32(255)


class NearestCase:
    """Looks up the training scene whose condition frames are nearest to a query's.

    The training set's features are computed chunk by chunk, and kept when they fit.
    """

    def __init__(self, training: Scenes, num_cond_frames: int) -> None:
        self.training, self.num_cond_frames = training, num_cond_frames
        feature_bytes = num_cond_frames * FEATURE_SIDE**2 * 3 * 4
        self._keep = len(training) * feature_bytes <= CACHE_BYTES
        self._chunks: dict[int, NDArray[np.float32]] = {}

    def _features(self, start: int) -> NDArray[np.float32]:
        if start in self._chunks:
            return self._chunks[start]
        numbers = np.arange(start, min(start + _CHUNK, len(self.training)))
        features = condition_features(self.training, numbers, self.num_cond_frames)
        if self._keep:
            self._chunks[start] = features
        return features

    def __call__(self, query: Scenes, index: Index) -> tuple[Index, NDArray[np.float32]]:
        """(N,) scene numbers in `query` -> (N,) training scene numbers and (N,) root-mean-square pixel distances in
        [0, 1]; ties go to the lower number."""
        wanted = condition_features(query, index, self.num_cond_frames)
        best = np.full(len(index), np.inf, dtype=np.float32)
        nearest = np.zeros(len(index), dtype=np.int64)
        norms = (wanted**2).sum(axis=1)
        for start in range(0, len(self.training), _CHUNK):
            known = self._features(start)
            distance = norms[:, None] - 2 * wanted @ known.T + (known**2).sum(axis=1)[None]
            column = distance.argmin(axis=1)
            value = distance[np.arange(len(index)), column]
            closer = value < best
            best[closer], nearest[closer] = value[closer], start + column[closer]
        return nearest, np.sqrt(np.maximum(best, 0) / wanted.shape[1])
