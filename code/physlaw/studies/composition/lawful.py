"""Whether a red and a blue object in generated clips move by the law, each judged by itself.

The truth's motion is uniform between events, so it falls into phases of constant velocity. An object is lawful if it
did not vanish, its mean velocity in every phase is the law's within a tolerance, and it was near its true place on
average. Only generated frames in which the truth shows all of the object are judged.

The paper judges compositions by eye and gives no criterion; the bounds below are ours. Places are tracked to 0.1 world
units at every size; at 16 x 16 a velocity from three frames may be 0.5 off (one true clip in 500 is then called
unlawful), at 32 x 32 it is within 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.dense import RIM, RING_HOLE
from physlaw.tracking.balls import MIN_RADIUS_WORLD, MIN_SHARE, Frames, pixel_centres, track
from physlaw.worlds.appearance import RING, SQUARE
from physlaw.worlds.laws import FRAME_S, WORLD_SIZE
from physlaw.worlds.scenes import FIRST_FRAME

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

OBJECTS = ("red", "blue")
MAX_PHASES = 3  # of one object: two events

VANISHED_SHARE = 0.25  # of the expected area; less is absent
VANISHED_FRAMES = 3  # in a row; fewer is a flicker, which the paper's raters would not call vanishing
# Objects move at 0 or 1 to 4 units/s. At the slowest, 0.5 off is half the speed and still the right direction; a bounce
# that fails is at least 2 off, a collision that fails is at least 1 off for one of the balls. Fast objects get 20 %.
VELOCITY_BOUND, VELOCITY_SHARE = 0.5, 0.2  # world units / s; of the true speed
POSITION_BOUND = 1.0  # world units, mean over frames: objects are at least that wide
MIN_PHASE = 3  # frames to measure a velocity from
_UNIFORM = 1e-2  # world units / s; velocities of the truth that differ less are equal (positions are float32)


@dataclass(frozen=True)
class CompositionTable:
    """N clips, two objects each (red, blue).

    lawful, vanished: (N, 2). An object that the truth lacks is lawful as long as it does not appear.
    position: (N, T, 2, 2) tracked, world units, NaN where nothing was found.
    area: (N, T, 2) visible area as a share of the expected one, NaN for an object that the truth lacks.
    distance: (N, T, 2) from the true place, NaN in frames that are not judged or where nothing was found.
    position_error: (N, 2) mean distance.
    velocity, true_velocity: (N, 2, MAX_PHASES, 2) mean of each phase in the order of time, NaN where the phase was not
    judged or the object not seen.
    velocity_error: (N, 2, MAX_PHASES) length of their difference, infinite in a judged phase without the object.
    wall: (N,) least share of the wall's black that any generated frame shows; not part of the verdict.
    """

    lawful: Mask
    vanished: Mask
    position: Array
    area: Array
    distance: Array
    position_error: Array
    velocity: Array
    true_velocity: Array
    velocity_error: Array
    wall: Array

    def columns(self) -> dict[str, NDArray]:
        """Numbers per clip by name, for a file of one row per clip: (N,) each, e.g. red_lawful, blue_error_2."""
        table: dict[str, NDArray] = {"lawful": np.asarray(self.lawful.all(axis=1))}
        for k, name in enumerate(OBJECTS):
            table |= {f"{name}_lawful": self.lawful[:, k], f"{name}_vanished": self.vanished[:, k]}
            table[f"{name}_position_error"] = self.position_error[:, k]
            for phase in range(MAX_PHASES):
                table[f"{name}_velocity_{phase + 1}"] = self.velocity[:, k, phase, 0]
                table[f"{name}_true_velocity_{phase + 1}"] = self.true_velocity[:, k, phase, 0]
                table[f"{name}_velocity_error_{phase + 1}"] = self.velocity_error[:, k, phase]
        return {**table, "wall": self.wall}


def object_areas(radii: Array, shapes: NDArray) -> Array:
    """(N, B) sizes and shapes -> (N, B) area as drawn, world units squared; half of a disc's rim counts."""
    disc = np.pi * radii**2 * (1 - RIM / 2)
    return np.where(shapes == SQUARE, 4 * radii**2, np.where(shapes == RING, disc * (1 - RING_HOLE**2), disc))


def _visible_areas(frames: Frames) -> Array:
    """(N, T, W, W, 3) -> (N, T, 2) area that red and blue cover, world units squared; black covers none of either."""
    areas = np.empty((*frames.shape[:2], 2))
    centres = pixel_centres(frames.shape[2])
    for clip, images in enumerate(frames):
        colours = images.astype(np.int16)
        for k, channel in enumerate((0, 2)):
            share = colours[..., channel] - colours[..., 1]
            areas[clip, :, k] = np.where(share >= MIN_SHARE, share, 0).sum(axis=(1, 2))
    return areas / 255 * (centres[1] - centres[0]) ** 2


def _least_wall(frames: Frames, wall: Array) -> Array:
    """(N, T, W, W, 3) and (N, 3) wall x, y, half height -> (N,) least black along the wall's height in any generated
    frame, as a share of that in the first frame. A pixel's black is what its strongest channel lacks of white."""
    centres = pixel_centres(frames.shape[2])
    least = np.empty(len(frames))
    for clip, (x, y, half_height) in enumerate(wall):
        rows = np.abs(centres[::-1] - y) <= half_height
        cols = np.abs(centres - x) <= 2 * (centres[1] - centres[0])
        black = 255.0 - frames[clip][:, rows][:, :, cols].max(axis=-1)
        total = black.sum(axis=(1, 2))
        least[clip] = total[FIRST_FRAME:].min() / total[0] if total[0] > 0 else np.nan
    return least


def longest_run(flags: Mask) -> NDArray[np.int64]:
    """(N, T, B) -> (N, B) the most frames in a row that are set."""
    run = longest = np.zeros((len(flags), flags.shape[2]), dtype=np.int64)
    for frame in range(flags.shape[1]):
        run = np.where(flags[:, frame], run + 1, 0)
        longest = np.maximum(longest, run)
    return longest


def true_phases(positions: Array) -> list[tuple[int, int]]:
    """(T, 2) true positions of one object -> first frame and end (exclusive) of each stretch of uniform motion of at
    least MIN_PHASE frames. The step in which an event lies belongs to none."""
    velocity = np.diff(positions, axis=0) / FRAME_S
    same = np.abs(np.diff(velocity, axis=0)).max(axis=1) < _UNIFORM
    ends = np.flatnonzero(~same) + 1  # a new stretch of steps starts here
    steps = zip([0, *ends], [*ends, len(velocity)], strict=True)
    return [(int(a), int(b) + 1) for a, b in steps if b + 1 - a >= MIN_PHASE]


def _slope(positions: Array, frames: NDArray[np.int64]) -> Array:
    """(n, 2) positions at those frames -> (2,) velocity of the straight line fitted to them, world units / s."""
    time = (frames - frames.mean()) * FRAME_S
    return np.asarray(time @ positions / (time @ time))


def _judged_frames(start: int, end: int, count: int, judged: Mask) -> NDArray[np.int64]:
    """Frames of a phase from which its velocity is measured: generated ones with the object wholly in view.

    Those next to an event are left out where enough remain, so that an event one frame early or late, which the mean
    distance judges, does not count as a wrong velocity."""
    chosen = np.flatnonzero(judged[start:end]) + start
    for at_event, frame in ((start > 0, start), (end < count, end - 1)):
        if at_event and len(chosen) > MIN_PHASE and frame in chosen:
            chosen = chosen[chosen != frame]
    return chosen if len(chosen) >= MIN_PHASE else chosen[:0]


def _check(frames: Frames, positions: Array, radii: Array, shapes: NDArray, wall: Array) -> None:
    count, length = positions.shape[:2]
    if positions.shape != (count, length, 2, 2) or radii.shape != (count, 2) or shapes.shape != (count, 2):
        found = f"{positions.shape}, {radii.shape} and {shapes.shape}"
        raise UserError(f"positions, radii and shapes must be (N, T, 2, 2), (N, 2) and (N, 2), got {found}")
    if len(frames) != count or wall.shape != (count, 3):
        raise UserError(
            f"{len(frames)} clips, {count} positions and walls {wall.shape} do not match; valid: ({count}, 3)"
        )
    if frames.shape[1] != length or length < FIRST_FRAME + MIN_PHASE:
        least = FIRST_FRAME + MIN_PHASE
        raise UserError(f"clips of {frames.shape[1]} frames and positions of {length}; valid: equal, at least {least}")


def measure_composition(
    frames: Frames, positions: Array, radii: Array, shapes: NDArray, wall: Array
) -> CompositionTable:
    """Judge N clips against their true motion.

    Args:
        frames: (N, T, W, W, 3) uint8, row 0 on top; the first three frames are the given ones.
        positions: (N, T, 2, 2) true centres of red and blue, world units. radii, shapes: (N, 2) as in Trajectory.
        wall: (N, 3) x, y and half height, world units.
    Raises:
        UserError: shapes do not match, or fewer than six frames.
    """
    tracked = track(frames, 2).balls
    _check(frames, positions, radii, shapes, wall)
    count, length = positions.shape[:2]
    reach = radii[:, None, :, None]
    judged = ((positions >= reach) & (positions <= WORLD_SIZE - reach)).all(axis=-1) & (radii > 0)[:, None]
    judged[:, :FIRST_FRAME] = False
    there = radii > 0
    visible = _visible_areas(frames)
    expected = np.where(there, object_areas(radii, shapes), np.nan)
    area = visible / expected[:, None]
    absent = judged & (area < VANISHED_SHARE)
    vanished = longest_run(absent) >= VANISHED_FRAMES
    seen = visible >= np.pi * MIN_RADIUS_WORLD**2
    seen[:, :FIRST_FRAME] = False
    appeared = ~there & (longest_run(seen) >= VANISHED_FRAMES)

    distance = np.where(judged, np.linalg.norm(tracked - positions, axis=-1), np.nan)
    found = np.isfinite(distance)
    position_error = np.where(found, distance, 0).sum(axis=1) / np.where(found.any(axis=1), found.sum(axis=1), np.nan)
    velocity = np.full((count, 2, MAX_PHASES, 2), np.nan)
    true_velocity, velocity_error = velocity.copy(), np.full((count, 2, MAX_PHASES), np.nan)
    wrong = np.zeros((count, 2), dtype=bool)
    for clip, k in zip(*np.nonzero(there), strict=True):
        phases = true_phases(positions[clip, :, k])
        if len(phases) > MAX_PHASES:
            raise UserError(f"clip {clip}: {OBJECTS[k]} has {len(phases)} phases; valid: at most {MAX_PHASES}")
        for phase, (start, end) in enumerate(phases):
            chosen = _judged_frames(start, end, length, judged[clip, :, k])
            if not len(chosen):
                continue
            true = _slope(positions[clip, chosen, k], chosen)
            true_velocity[clip, k, phase] = true
            velocity_error[clip, k, phase] = np.inf
            chosen = chosen[found[clip, chosen, k]]
            if len(chosen) >= 2:
                velocity[clip, k, phase] = _slope(tracked[clip, chosen, k], chosen)
                velocity_error[clip, k, phase] = np.linalg.norm(velocity[clip, k, phase] - true)
            bound = max(VELOCITY_BOUND, VELOCITY_SHARE * float(np.linalg.norm(true)))
            wrong[clip, k] |= velocity_error[clip, k, phase] > bound
    far = there & ~(position_error <= POSITION_BOUND)
    return CompositionTable(
        lawful=~(vanished | appeared | wrong | far),
        vanished=vanished,
        position=tracked,
        area=area,
        distance=distance,
        position_error=position_error,
        velocity=velocity,
        true_velocity=true_velocity,
        velocity_error=velocity_error,
        wall=_least_wall(frames, wall),
    )
