"""The baseline that the paper's thesis names: copy the nearest training case.

Nearest by the condition frames, as pixels at a small size: what a model that only memorised would look up.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from physlaw.render.discs import render_clips
from physlaw.worlds.scenes import SceneSet, Trajectory

Index = NDArray[np.int64]

FEATURE_SIDE = 16
_CHUNK = 4096


def condition_features(scenes: SceneSet, index: Index, num_cond_frames: int) -> NDArray[np.float32]:
    """(N,) scene numbers -> (N, c * 16 * 16 * 3) pixels of the condition frames, in [0, 1]."""
    t = replace(scenes, num_frames=num_cond_frames).trajectory(index)
    frames = render_clips(Trajectory(t.positions, t.radii, t.colours, t.shapes), FEATURE_SIDE)
    return frames.reshape(len(frames), -1).astype(np.float32) / np.float32(255)


def nearest_training_scenes(
    training: SceneSet, query: SceneSet, index: Index, num_cond_frames: int
) -> tuple[Index, NDArray[np.float32]]:
    """The training scene whose condition frames are nearest to each query's.

    Args:
        index: (N,) scene numbers in `query`.
    Returns:
        (N,) training scene numbers and (N,) root-mean-square pixel distances in [0, 1]; ties go to the lower number.
    """
    wanted = condition_features(query, index, num_cond_frames)
    best = np.full(len(index), np.inf, dtype=np.float32)
    nearest = np.zeros(len(index), dtype=np.int64)
    norms = (wanted**2).sum(axis=1)
    for start in range(0, len(training), _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, len(training)))
        known = condition_features(training, numbers, num_cond_frames)
        distance = norms[:, None] - 2 * wanted @ known.T + (known**2).sum(axis=1)[None]
        column = distance.argmin(axis=1)
        value = distance[np.arange(len(index)), column]
        closer = value < best
        best[closer], nearest[closer] = value[closer], numbers[column[closer]]
    return nearest, np.sqrt(np.maximum(best, 0) / wanted.shape[1])
