"""How the one object of a clip looks and moves: colour, size, shape and velocity, read back from the pixels.

For clips of one red or blue circle, square or ring on white that a model may have drawn blurred, in a mixed colour, in
no shape, or not at all. What cannot be said is NaN or UNKNOWN, never a guess. One number stands for a clip: the mean
(of the radius the median) over the generated frames in which the object is wholly in view, and the weight of a frame
grows linearly from the first one on. The first generated frames are still held to the condition; what the model makes
of it shows later, and the last third of the frames has more than half of the weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.render.config import METHODS
from physlaw.tracking.balls import Frames, check_frames
from physlaw.tracking.object_fit import SHAPES, look_at_frames
from physlaw.worlds.appearance import IS_BLUE, IS_RED
from physlaw.worlds.laws import FRAME_S
from physlaw.worlds.scenes import FIRST_FRAME

Array = NDArray[np.float64]

UNKNOWN = 255  # code of a shape that cannot be told
MIXED = 0.3  # a share of blue from here to one less this is neither colour
MIN_SCORE = 0.3  # of 1, a shape's own picture, and 0, half-way to another shape's: below it no shape is named
MAX_MISFIT = 0.1  # of the object's energy: what differs more from every shape's picture has none of the shapes
MIN_VELOCITY_FRAMES = 3
NEVER = -1


@dataclass(frozen=True)
class ObjectLooks:
    """The object of N clips of T frames, world units and seconds.

    Per frame: positions (N, T, 2) centroid, NaN where absent. area (N, T) world units^2. blue (N, T) share of blue in
    the colour, NaN where there is none. in_view (N, T) wholly in view. frame_shape (N, T) CIRCLE, SQUARE, RING, or
    UNKNOWN where undecided or not wholly in view.
    Per clip, from generated frames in view, each (N,): colour 0 red, 1 blue; shape its code; radius (half side of a
    square); velocity, horizontal and signed. NaN where undecided. blue_share the weighted mean of blue.
    changed_colour_at: the first generated frame whose colour is not the last decided one's, or NEVER; colour_changes
    and shape_changes: how often the decided colour or shape of a frame is not the last decided one's.
    vanished: absent in a generated frame where it was expected, although it was wholly in view when last seen.
    """

    positions: Array
    area: Array
    blue: Array
    in_view: NDArray[np.bool_]
    frame_shape: NDArray[np.uint8]
    colour: Array
    blue_share: Array
    shape: Array
    radius: Array
    velocity: Array
    changed_colour_at: NDArray[np.int64]
    colour_changes: NDArray[np.int64]
    shape_changes: NDArray[np.int64]
    vanished: NDArray[np.bool_]


def measure_object(
    frames: Frames,
    method: str = "area",
    expected: NDArray[np.bool_] | None = None,
    shape: int | None = None,
) -> ObjectLooks:
    """Measure the one object of each clip.

    Args:
        frames: (N, T, W, W, 3) uint8, row 0 on top; frames before FIRST_FRAME are the condition.
        method: how the frames were made at that size, "area" or "bare" (see the renderer).
        expected: (N, T) where the object should be wholly in view; everywhere by default.
        shape: give the radius as this shape's; by default as the shape that is measured, NaN if that is undecided.
    Raises:
        UserError: frames of another shape or type, expected of another shape, unknown method or shape.
    """
    check_frames(frames)
    if method not in METHODS:
        raise unknown("rendering method", method, METHODS)
    if shape is not None and shape not in SHAPES:
        raise unknown("shape", shape, SHAPES)
    count, length, width = frames.shape[:3]
    if expected is not None and expected.shape != (count, length):
        raise UserError(f"expected must be (N, T) = ({count}, {length}), got {expected.shape}")
    generated = np.arange(length) >= FIRST_FRAME
    looks = look_at_frames(np.ascontiguousarray(frames).reshape(-1, width, width, 3), method, np.tile(generated, count))
    per_clip = (count, length)
    positions, blue = looks.positions.reshape(*per_clip, 2), looks.blue.reshape(per_clip)
    in_view = looks.in_view.reshape(per_clip)
    weights = np.where(in_view & generated, np.arange(length) - FIRST_FRAME + 1.0, 0.0)
    misfit, energy = looks.misfit.reshape(*per_clip, 3), looks.energy.reshape(per_clip)
    gaps, radii = looks.gaps.reshape(*per_clip, 3, 3), looks.radii.reshape(*per_clip, 3)
    shapes = name_shapes(_weighted_sum(misfit, weights), _weighted_sum(gaps, weights), _weighted_sum(energy, weights))
    frame_shape = name_shapes(misfit, gaps, energy)
    colours = np.where(blue < MIXED, IS_RED, np.where(blue > 1 - MIXED, IS_BLUE, UNKNOWN))
    colours[np.isnan(blue)] = UNKNOWN
    blue_share = _weighted_mean(blue, weights)
    of_shape = shapes.astype(np.int64) if shape is None else np.full(count, shape)
    own = np.take_along_axis(radii, np.minimum(of_shape, len(SHAPES) - 1)[:, None, None], axis=2)[..., 0]
    own[of_shape == UNKNOWN] = np.nan
    changed_at, changes = _changes(colours)
    return ObjectLooks(
        positions=positions,
        area=looks.area.reshape(per_clip),
        blue=blue,
        in_view=in_view,
        frame_shape=frame_shape,
        colour=np.where(blue_share < MIXED, IS_RED, np.where(blue_share > 1 - MIXED, IS_BLUE, np.nan)),
        blue_share=blue_share,
        shape=np.where(shapes == UNKNOWN, np.nan, shapes),
        radius=_weighted_median(own, weights),
        velocity=_slope(positions[..., 0], weights),
        changed_colour_at=changed_at,
        colour_changes=changes,
        shape_changes=_changes(frame_shape)[1],
        vanished=_vanished(np.isfinite(positions[..., 0]), in_view, generated if expected is None else expected),
    )


def name_shapes(misfit: Array, gaps: Array, energy: Array) -> NDArray[np.uint8]:
    """(..., 3), (..., 3, 3), (...) as in FrameLooks, of one frame or summed over frames -> (...) codes or UNKNOWN.

    The best shape a is named where its score against each other shape b, (misfit_b - misfit_a) / gap_ab, is MIN_SCORE:
    that is where the picture lies on the line between the two shapes' pictures, 1 at a and 0 half-way.
    """
    seen = np.isfinite(misfit).all(axis=-1) & (energy > 0)
    best = np.where(seen, np.where(np.isnan(misfit), np.inf, misfit).argmin(axis=-1), 0)
    least = np.take_along_axis(misfit, best[..., None], axis=-1)
    gap = np.take_along_axis(gaps, best[..., None, None], axis=-2)[..., 0, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (misfit - least) / gap
    score[np.arange(len(SHAPES)) == best[..., None]] = np.inf  # of the best against itself: 0 / 0
    decided = seen & (score.min(axis=-1) >= MIN_SCORE) & (least[..., 0] <= MAX_MISFIT * energy)
    return np.where(decided, best, UNKNOWN).astype(np.uint8)


def _weights_of(values: Array, weights: Array) -> Array:
    """(N, T) weights, 0 where the value is NaN."""
    return np.where(np.isfinite(values), weights, 0.0)


def _weighted_sum(values: Array, weights: Array) -> Array:
    """(N, T, ...), (N, T) -> (N, ...); frames of weight 0 or without a value count nothing, NaN if all do."""
    weights = weights.reshape(*weights.shape, *[1] * (values.ndim - 2))
    used = np.isfinite(values) & (weights > 0)
    total = np.where(used, values, 0.0) * weights
    return np.where(used.any(axis=1), total.sum(axis=1), np.nan)


def _weighted_mean(values: Array, weights: Array) -> Array:
    """(N, T) -> (N,), NaN where no frame counts."""
    total = _weights_of(values, weights).sum(axis=1)
    return _weighted_sum(values, weights) / np.where(total > 0, total, np.nan)


def _weighted_median(values: Array, weights: Array) -> Array:
    """(N, T) -> (N,) the value at which half of the weight is reached, NaN where no frame counts."""
    weights = _weights_of(values, weights)
    order = np.argsort(values, axis=1)  # NaN, of weight 0, last
    reached = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    at = (reached >= reached[:, -1:] / 2).argmax(axis=1)
    median = np.take_along_axis(values, np.take_along_axis(order, at[:, None], axis=1), axis=1)[:, 0]
    return np.where(reached[:, -1] > 0, median, np.nan)


def _slope(x: Array, weights: Array) -> Array:
    """(N, T) -> (N,) weighted least-squares slope per second, NaN of fewer than MIN_VELOCITY_FRAMES frames."""
    weights = _weights_of(x, weights)
    enough = (weights > 0).sum(axis=1) >= MIN_VELOCITY_FRAMES
    seconds = np.broadcast_to(FRAME_S * np.arange(x.shape[1]), x.shape)
    x = np.where(weights > 0, x, 0.0)
    total = np.where(enough, weights.sum(axis=1), np.nan)[:, None]
    late = seconds - (weights * seconds).sum(axis=1, keepdims=True) / total
    far = x - (weights * x).sum(axis=1, keepdims=True) / total
    return (weights * late * far).sum(axis=1) / (weights * late**2).sum(axis=1)


def _changes(codes: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N, T) codes, UNKNOWN where undecided -> (N,) first generated frame of another code than the last decided one,
    or NEVER; (N,) number of such frames."""
    last = codes[:, 0].copy()
    first, number = np.full(len(codes), NEVER), np.zeros(len(codes), np.int64)
    for frame in range(1, codes.shape[1]):
        now = codes[:, frame]
        if frame >= FIRST_FRAME:
            changed = (now != UNKNOWN) & (last != UNKNOWN) & (now != last)
            number += changed
            first[changed & (first == NEVER)] = frame
        last = np.where(now == UNKNOWN, last, now)
    return first, number


def _vanished(present: NDArray[np.bool_], in_view: NDArray[np.bool_], expected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, T), (N, T), (N, T) or (T,) -> (N,). An object that leaves the picture is cut by its border in the frame
    before it is gone; one that was never seen has vanished as well."""
    expected = np.broadcast_to(expected, present.shape)
    left, vanished = np.zeros(len(present), np.bool_), np.zeros(len(present), np.bool_)
    for frame in range(present.shape[1]):
        now = present[:, frame]
        left = np.where(now, ~in_view[:, frame], left)
        if frame >= FIRST_FRAME:
            vanished |= expected[:, frame] & ~now & ~left
    return vanished
