"""What clips show, for other programs: positions and velocities of balls read back from pixels, and errors.

Units as in `physlaw.worlds`. Clips are (N, T, W, W, 3) uint8, row 0 on top: a red ball, and a blue one where there are
two, on white.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.data.released import open_clips
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.pictures import FrameMetrics, frame_metrics
from physlaw.evaluation.score import score_clips
from physlaw.evaluation.velocity import VelocityErrors, velocity_errors
from physlaw.public_worlds import Clips
from physlaw.studies import registry
from physlaw.tracking.balls import track
from physlaw.worlds.laws import FRAME_S, WORLD_SIZE

__all__ = ["FrameMetrics", "VelocityErrors", "errors", "frame_metrics", "positions", "score_file", "velocity"]
Array = NDArray[np.float64]


def positions(frames: NDArray[np.uint8], balls: int = 1) -> Array:
    """(N, T, balls, 2) centres, world units; NaN where no ball is.

    Raises:
        UserError: frames of another shape or type, or balls is not 1 or 2.
    """
    return track(frames, _checked(balls)).balls


def velocity(frames: NDArray[np.uint8], balls: int = 1) -> Array:
    """(N, balls, 2) mean velocity of each ball in each clip, world units per second, without any truth.

    It is the mean over consecutive frames in both of which the ball is seen and touches no edge of the picture; NaN
    where there are none. Raises as positions.
    """
    tracks = track(frames, _checked(balls))
    reach = tracks.parsed_radius[..., None]
    whole = ((tracks.balls - reach >= 0) & (tracks.balls + reach <= WORLD_SIZE)).all(axis=-1, keepdims=True)
    steps = np.diff(np.where(whole, tracks.balls, np.nan), axis=1) / FRAME_S
    known = np.isfinite(steps)
    total, number = np.where(known, steps, 0.0).sum(axis=1), known.sum(axis=1)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), np.nan))


def errors(truth: Clips, frames: NDArray[np.uint8]) -> VelocityErrors:
    """What N generated clips are wrong by, clip by clip; `corrected` is the velocity error that tables show.

    Args:
        truth: of physlaw.worlds.clips. frames: for its scenes, in its order; any side, and no more frames count than it
            has. Its last one does not, as released.
    Raises:
        UserError: numbers of clips differ, or fewer than five frames are left.
    """
    return velocity_errors(registry.scenario(truth.scenario), truth.init, truth.positions, frames)


def score_file(path: str, scenario: str | None = None, **settings: Any) -> dict[str, Any]:
    """What `physlaw score PATH` prints: errors by class of clips, of a HDF5 or npz file, or a folder of shards.

    Args:
        scenario: whose clips; None: as the file says. settings: resize (pixels), keep_last, as `physlaw score --help`.
    Returns:
        {"scenario", "clips", "dropped", "resized", "cut", "classes": {"in": {...}, ..., "out": {...}}}.
    Raises:
        UserError: the file is missing or malformed, or the scenario is unknown.
    """
    config = ScoreConfig(scenario=scenario, **settings)
    known = None if scenario is None else registry.scenario(scenario)
    return score_clips(open_clips(path, config.resize, scenario=known), config)


def _checked(balls: int) -> int:
    if balls not in (1, 2):
        raise UserError(f"balls must be 1 or 2, got {balls}")
    return balls
