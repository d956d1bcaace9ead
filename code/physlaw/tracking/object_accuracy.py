"""How well the looks of an object are measured: on true clips, as rendered, blurred, or with noise.

Random uniform motions of one object over the ranges of the studies; what counts is what a study uses, one answer per
clip.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.render.discs import render_clips
from physlaw.tracking.balls import Frames
from physlaw.tracking.object import measure_object
from physlaw.tracking.object_fit import SHAPES, gaussian_kernel
from physlaw.worlds.appearance import BLUE, COLOURS, IS_BLUE, IS_RED
from physlaw.worlds.laws import WORLD_SIZE, uniform_motion
from physlaw.worlds.scenes import NUM_FRAMES, Trajectory

Array = NDArray[np.float64]

# At 16 x 16 a small object is four pixels wide, and its corners drown in a slight blur: of 1,008 clips blurred by
# BLUR_PX, 4 % are left without a shape, 12 % of the squares; at 32 x 32 none.
MIN_SHAPE_RESOLUTION = 32
RADII, SPEEDS = (0.7, 1.4), (1.0, 4.0)
DISTURBANCES = ("none", "blur", "noise", "blur and noise")
BLUR_PX = 0.7  # standard deviation, pixels: an edge goes from 10 % to 90 % in 1.8 pixels
NOISE_LEVELS = 8  # grey levels, evenly spread to both sides
_MARGIN = 0.3  # from the lower and upper border
_CHUNK = 32


def check_shape_resolution(resolution: int) -> None:
    """Raises UserError where shapes cannot be told well enough for a study."""
    if resolution < MIN_SHAPE_RESOLUTION:
        raise UserError(f"shapes need a resolution of {MIN_SHAPE_RESOLUTION} or more, got {resolution}")


def random_objects(count: int, generator: np.random.Generator) -> tuple[Trajectory, Array]:
    """N clips of one object in uniform motion to the right, both colours and three shapes in turn; (N,) velocities.

    The start is drawn as in the uniform scenario: 24 frames in view where the velocity allows it.
    """
    radius, velocity = generator.uniform(*RADII, count), generator.uniform(*SPEEDS, count)
    room = np.maximum(WORLD_SIZE - radius - 2.4 * velocity, radius + 0.5)
    x = generator.uniform(radius, room)
    y = generator.uniform(radius + _MARGIN, WORLD_SIZE - _MARGIN - radius)
    still = np.zeros(count)
    positions = uniform_motion(np.stack([x, y], axis=1), np.stack([velocity, still], axis=1), NUM_FRAMES)
    order = np.arange(count)
    colours = COLOURS[order % 2]
    shapes = np.array(SHAPES, np.uint8)[order // 2 % 3]
    return Trajectory(positions[:, :, None], radius[:, None], colours[:, None], shapes[:, None]), velocity


def blur(frames: Frames, blur_px: float) -> Frames:
    """(N, T, W, W, 3) convolved with a Gaussian of that standard deviation; white lies beyond the borders."""
    kernel = gaussian_kernel(blur_px)
    half, soft = len(kernel) // 2, (255 - frames).astype(np.float32)
    for axis in (2, 3):
        padded = np.pad(soft, [(half, half) if a == axis else (0, 0) for a in range(5)])
        soft = np.zeros_like(soft)
        for shift, weight in enumerate(kernel.astype(np.float32)):
            part = slice(shift, shift + frames.shape[axis])
            soft += weight * (padded[:, :, part] if axis == 2 else padded[:, :, :, part])
    return np.round(255 - soft).astype(np.uint8)


def disturb(frames: Frames, disturbance: str, generator: np.random.Generator) -> Frames:
    """The frames as they are ("none"), blurred, with noise of their own in every channel, or both.

    Raises:
        UserError: unknown disturbance (lists the valid ones).
    """
    if disturbance not in DISTURBANCES:
        raise unknown("disturbance", disturbance, DISTURBANCES)
    if disturbance.startswith("blur"):
        frames = blur(frames, BLUR_PX)
    if disturbance.endswith("noise"):
        noise = generator.integers(-NOISE_LEVELS, NOISE_LEVELS + 1, frames.shape, dtype=np.int16)
        frames = np.clip(frames + noise, 0, 255).astype(np.uint8)
    return frames


def confusion(resolution: int, clips: int, seed: int = 0, disturbance: str = "none") -> pd.DataFrame:
    """Errors on random true clips; one row per true shape and one for all.

    Columns: resolution, disturbance, shape (code, or "all"), clips; shape_wrong and colour_wrong, shares of clips
    with another answer than the truth, and shape_unknown and colour_unknown, with none; radius_error, relative, and
    velocity_error, world units / s: median absolute error over clips; their 95 % quantiles in radius_error_95 and
    velocity_error_95; frame_wrong: the share of generated frames in view with another shape than the truth.
    """
    generator = np.random.default_rng([seed, resolution])
    trajectory, velocity = random_objects(clips, generator)
    parts = []
    for start in range(0, clips, _CHUNK):
        some = slice(start, start + _CHUNK)
        frames = disturb(render_clips(trajectory[some], resolution), disturbance, generator)
        looks = measure_object(frames)
        shape = trajectory.shapes[some, 0].astype(np.int64)
        colour = np.where((trajectory.colours[some, 0] == BLUE).all(axis=1), IS_BLUE, IS_RED)
        named = looks.frame_shape < len(SHAPES)
        parts.append(
            pd.DataFrame(
                {
                    "true": shape,
                    "shape_wrong": np.isfinite(looks.shape) & (looks.shape != shape),
                    "shape_unknown": np.isnan(looks.shape),
                    "colour_wrong": np.isfinite(looks.colour) & (looks.colour != colour),
                    "colour_unknown": np.isnan(looks.colour),
                    "radius": np.abs(looks.radius / trajectory.radii[some, 0] - 1),
                    "velocity": np.abs(looks.velocity - velocity[some]),
                    "frames_wrong": (named & (looks.frame_shape != shape[:, None])).sum(axis=1),
                    "frames_named": named.sum(axis=1),
                }
            )
        )
    found = pd.concat(parts)
    groups = [(str(shape), found[found["true"] == shape]) for shape in SHAPES] + [("all", found)]
    rows = [{"resolution": resolution, "disturbance": disturbance, "shape": n, **_summary(part)} for n, part in groups]
    return pd.DataFrame(rows)


def _summary(part: pd.DataFrame) -> dict[str, float]:
    shares = ("shape_wrong", "shape_unknown", "colour_wrong", "colour_unknown")
    row = {"clips": len(part), **{name: float(part[name].mean()) for name in shares}}
    for name in ("radius", "velocity"):
        row[f"{name}_error"], row[f"{name}_error_95"] = (float(part[name].quantile(q)) for q in (0.5, 0.95))
    row["frame_wrong"] = float(part["frames_wrong"].sum() / max(part["frames_named"].sum(), 1))
    return row
