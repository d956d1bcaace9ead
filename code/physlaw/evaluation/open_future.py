"""Whether generated futures follow the distribution of the true ones, where the first frame leaves the future open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.render.discs import render_clips
from physlaw.tracking.balls import Frames, track
from physlaw.worlds.laws import FRAME_S
from physlaw.worlds.open_future import OPEN_FUTURE
from physlaw.worlds.scenes import ball_trajectory

Array = NDArray[np.float64]

LAST = 8  # the frame up to which the fastest ball is wholly in view
ENOUGH = 0.5  # of the coverage of picture and ball together: what is less is a smear, or noise


@dataclass(frozen=True)
class OpenFuture:
    """What N generated clips show.

    measured: share with a ball of the right size in every frame from 1 to 8; the other figures are of these. left,
    right: share that moves at more than half the slowest true speed to that side. distance: Kolmogorov's, between the
    signed speeds and the true distribution (0: the same; 0.5: all at one place between the two modes). speeds:
    (measured,) world units per second, negative to the left.
    """

    clips: int
    measured: float
    left: float
    right: float
    distance: float
    speeds: Array

    def row(self) -> dict[str, Any]:
        """Plain data; of the speeds how many lie in each unit from -6 to 6."""
        shares = {
            key: round(value, 4) if np.isfinite(value) else None
            for key, value in vars(self).items()
            if isinstance(value, float)
        }
        edges = np.arange(-6, 7)
        return {"clips": self.clips, **shares, "speeds_by_unit": np.histogram(self.speeds, edges)[0].tolist()}


def true_share_below(speed: Array) -> Array:
    """The true distribution function: each side in half of the clips, speeds even over the training range."""
    low, high = OPEN_FUTURE.in_dist.interval("v")
    above = (np.clip(np.abs(speed), low, high) - low) / (high - low) / 2
    return np.where(speed < 0, 0.5 - above, 0.5 + above)


def overlap(frames: Frames, centres: Array, radii: Array, method: str) -> Array:
    """(N, T) how much of a ball of that size is where the tracker finds one: the coverage that the picture and such a
    ball share over all that either covers, pixel by pixel; 0 where nothing is found.

    Args:
        frames: (N, T, W, W, 3).
        centres: (N, T, 2), NaN where there is no ball.
        radii: (N,)
    """
    there = np.asarray(np.isfinite(centres).all(axis=-1))
    balls = ball_trajectory(np.where(there[..., None], centres, 0.0)[:, :, None], radii[:, None])
    drawn, wanted = (
        255.0 - clips[..., 1].astype(np.float64) for clips in (frames, render_clips(balls, frames.shape[2], method))
    )
    shared, either = (f(drawn, wanted).sum(axis=(2, 3)) for f in (np.minimum, np.maximum))
    return np.where(there, shared / np.maximum(either, 1.0), 0.0)


def open_future(frames: Frames, radii: Array, method: str = "area") -> OpenFuture:
    """Read (N, T, W, W, 3) generated clips of one ball each, of (N,) radii."""
    moving = frames[:, 1 : LAST + 1]
    centres = track(moving, 1, method).balls[:, :, 0]
    seen = (overlap(moving, centres, radii, method) >= ENOUGH).all(axis=1)
    speeds = np.sort((centres[seen, -1, 0] - centres[seen, 0, 0]) / (FRAME_S * (LAST - 1)))
    count = len(speeds)
    least = OPEN_FUTURE.in_dist.interval("v")[0] / 2
    gaps = [np.abs(true_share_below(speeds) - (np.arange(count) + k) / max(count, 1)) for k in (0, 1)]
    return OpenFuture(
        clips=len(frames),
        measured=float(seen.mean()),
        left=float((speeds < -least).mean()) if count else float("nan"),
        right=float((speeds > least).mean()) if count else float("nan"),
        distance=float(np.max(gaps)) if count else float("nan"),
        speeds=speeds,
    )
