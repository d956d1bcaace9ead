"""Objects of the combinatorial world read from frames: areas, parts, poses, and what about them is impossible.

Told the scene's bodies and their poses in the first frame, the condition of a generated clip; not the true motion.
Poses are found by fitting the known shapes to the picture (tracking). Frames wider than 64 px are averaged to
64 px first, which loses little and evens out noise. Lengths are px of the 512 px scene, angles radians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.bodies import render_bodies
from physlaw.tracking.bodies.colours import (
    COLOURS,
    Frames,
    Maps,
    check_clips,
    colour_areas,
    count_parts,
    coverage,
    noise_floor,
)
from physlaw.tracking.bodies.contacts import unexplained_pushes
from physlaw.tracking.bodies.geometry import overlap_depths
from physlaw.tracking.bodies.shapes import Shapes, centre_poses, frame_poses, shapes_of
from physlaw.tracking.bodies.tracking import FALL, LOST, dead_zone, track_bodies
from physlaw.worlds.bodies import GRAY, RED, SIDE, WALL, Body, pack

Array = NDArray[np.float64]

WIDTH = 64  # pixels of the pictures in which everything is measured, if the frames have as many


@dataclass(frozen=True)
class ObjectMeasures:
    """What one clip of T frames shows of a scene with D dynamic bodies; px of the 512 px scene.

    bodies: (D,) their numbers in the scene.
    areas: (T, 3) px^2 of red, gray and black; full_areas: (3,) of red and gray
    bodies that hide nothing of each other, and of black in the known first frame.
    parts: (T, 3) connected parts of each colour; first_counts: (3,) number of bodies of each colour, walls excluded.
    poses: (T, D, 3) x, y, angle of the bodies' frames, NaN where less than half of a body is found; a ball keeps its
    first angle. Row 0 is the known first frame.
    found: (T, D) share of each body's area that is seen where the body is; hidden behind another colour counts.
    unexplained: (T,) px^2 of red and gray that no body explains, or that the bodies which are found lack.
    static_change: (T,) px^2 of black that is new or gone, not counting what dynamic bodies hide.
    depth: (T,) deepest overlap of two bodies or of a body and a wall, but for pairs that overlap from the start.
    pushes: (T, D, 2) px a frame, x and y of the change of velocity around a frame that neither gravity nor a contact
    explains; NaN next to frames in which a body was not found.
    height: (T,) mean height of red and gray; first_height: of the known first frame. Needs no tracking.
    energy: (T - 1,) between frames, mechanical energy of all dynamic bodies over their mass and g, as a height; NaN
    where a body was not found. Since all start at rest, it can never exceed first_energy.
    """

    bodies: NDArray[np.int64]
    areas: Array
    full_areas: Array
    parts: NDArray[np.int64]
    first_counts: NDArray[np.int64]
    poses: Array
    found: Array
    unexplained: Array
    static_change: Array
    depth: Array
    pushes: Array
    height: Array
    first_height: float
    energy: Array
    first_energy: float

    @property
    def energy_gain(self) -> float:
        """The largest energy less the first one (px); NaN if in no two frames in a row all bodies were found."""
        known = self.energy[np.isfinite(self.energy)]
        return float(known.max()) - self.first_energy if len(known) else float("nan")


def _mean_height(maps: Maps, area: float) -> Array:
    """(T,) height of red and gray; what is missing of their area (px^2) counts as on the floor."""
    width = maps.shape[-1]
    shares = maps[:, :2].sum(axis=(1, 3)) * (SIDE / width) ** 2  # (T, rows)
    heights = (width - 0.5 - np.arange(width)) * SIDE / width
    return (shares @ heights) / np.maximum(shares.sum(axis=1), area)


def _static_change(maps: Maps, static: Array, dead: float) -> Array:
    """(T,) px^2; static: (W, W)."""
    black, others = maps[:, 2], maps[:, 0] + maps[:, 1]
    gone = np.minimum(static, np.maximum(1 - others, 0)) - black
    off = np.maximum(np.maximum(black - static, gone) - dead, 0)
    return off.sum(axis=(1, 2)) * (SIDE / maps.shape[-1]) ** 2


def mechanical_energy(shapes: Shapes, poses: Array) -> Array:
    """(T, D, 3) poses of centres of mass -> (T - 1,) energy over mass times g, as a height in px, between frames.

    Mean velocity and mean height of the time between; exact in free flight, too low around an impact.
    """
    middle, step = (poses[1:] + poses[:-1]) / 2, np.diff(poses, axis=0)
    # Of a parabola, the middle is higher than the mean of the ends.
    heights = middle[..., 1] + FALL / 8
    speeds = step[..., 0] ** 2 + step[..., 1] ** 2 + shapes.inertias / shapes.masses * step[..., 2] ** 2
    return (heights + speeds / (2 * FALL)) @ shapes.masses / shapes.masses.sum()


def measure_objects(frames: Frames, bodies: Sequence[Body], first_poses: Array) -> ObjectMeasures:
    """Measure one clip.

    Args:
        frames: (T, W, W, 3) uint8; W is 32, 64, 128 or 256.
        bodies: B bodies of the scene, walls included, in drawing order.
        first_poses: (B, 3) their poses in the first frame.
    Raises:
        UserError: frames or poses of another shape, or a scene without dynamic bodies.
    """
    check_clips(frames)
    first_poses = np.asarray(first_poses, dtype=np.float64)
    if first_poses.shape != (len(bodies), 3) or not np.isfinite(first_poses).all():
        raise UserError(
            f"the first frame's poses must be ({len(bodies)} bodies, 3) and finite, got {first_poses.shape}"
        )
    width = min(frames.shape[1], WIDTH)
    moving = [number for number, body in enumerate(bodies) if body.dynamic]
    if not moving:
        raise UserError("a scene must have a dynamic body to be measured, got none")
    standing = [number for number, body in enumerate(bodies) if not body.dynamic]
    white = render_bodies(pack([bodies[k] for k in standing]), first_poses[None, standing], width)[0, ..., 0]
    static = 1 - white / 255
    first_frame = render_bodies(pack(bodies), first_poses[None], width)
    first_maps = coverage(first_frame, static)
    maps = coverage(frames, static, width, noise_floor(frames, first_frame, width))
    first_areas = colour_areas(first_maps)[0]
    shapes = shapes_of(bodies, moving)
    centres, lacking, left = track_bodies(maps, shapes, first_poses)
    found = 1 - lacking
    lost = lacking > LOST
    poses = frame_poses(shapes, centres)
    poses[lost], centres[lost] = np.nan, np.nan
    everything = np.repeat(first_poses[None], len(frames), axis=0)
    everything[:, moving] = poses
    middles = everything[..., :2].copy()
    middles[:, moving] = centres[..., :2]
    pushes = unexplained_pushes(bodies, everything, middles)[:, moving]
    pushes[lost.any(axis=1)] = np.nan  # what is not seen may push
    start = centre_poses(shapes, first_poses)
    area = float(first_areas[:2].sum())
    return ObjectMeasures(
        bodies=np.array(moving),
        areas=colour_areas(maps),
        full_areas=np.array([*(shapes.areas[shapes.colours == c].sum() for c in (RED, GRAY)), first_areas[2]]),
        parts=count_parts(maps),
        first_counts=np.array([sum(b.colour == colour and b.shape != WALL for b in bodies) for colour in COLOURS]),
        poses=poses,
        found=found,
        unexplained=left,
        static_change=_static_change(maps, static, dead_zone(width)),
        depth=overlap_depths(bodies, everything),
        pushes=pushes,
        height=_mean_height(maps, area),
        first_height=float(_mean_height(first_maps, area)[0]),
        energy=mechanical_energy(shapes, centres),
        first_energy=float(start[:, 1] @ shapes.masses / shapes.masses.sum()),
    )


def measure_clips(frames: Frames, scenes: Sequence[tuple[Sequence[Body], Array]]) -> list[ObjectMeasures]:
    """Measure N clips (N, T, W, W, 3), each with its scene's bodies and their (B, 3) poses in the first frame.

    Raises UserError as measure_objects, or if there are more or fewer scenes than clips.
    """
    if len(frames) != len(scenes):
        raise UserError(f"every clip needs its scene, got {len(frames)} clips and {len(scenes)} scenes")
    return [
        measure_objects(clip, bodies, first_poses) for clip, (bodies, first_poses) in zip(frames, scenes, strict=True)
    ]


@dataclass(frozen=True)
class PoseErrors:
    """How far T frames' tracked poses of D bodies are from the simulator's.

    centre_px: (T, D) between centres of mass, NaN where a body was not found; centre_share: of the scene's side.
    angle: (T, D) radians, the least over turns that leave a body as it is: 0 to pi for jars, to pi / 2 for bars and
    sticks; NaN for balls. matched: share of the bodies and frames in which a body was found.
    """

    centre_px: Array
    angle: Array
    matched: float

    @property
    def centre_share(self) -> Array:
        return self.centre_px / SIDE


def pose_errors(poses: Array, true_poses: Array, bodies: Sequence[Body]) -> PoseErrors:
    """Compare tracked poses with a simulation's.

    Args:
        poses: (T, D, 3) as ObjectMeasures.poses.
        true_poses: (T, B, 3) of all bodies.
        bodies: the B bodies of the scene, of which D are dynamic.
    Raises:
        UserError: poses of another shape.
    """
    shapes = shapes_of(bodies, [number for number, body in enumerate(bodies) if body.dynamic])
    count = len(shapes.owners)
    if poses.shape[1:] != (count, 3) or true_poses.shape != (len(poses), len(bodies), 3):
        raise UserError(
            f"poses must be (frames, {count} dynamic bodies, 3) and true poses (as many frames, {len(bodies)} bodies, "
            f"3), got {poses.shape} and {true_poses.shape}"
        )
    everything = true_poses.copy()
    everything[:, shapes.owners] = poses
    off = centre_poses(shapes, everything) - centre_poses(shapes, true_poses)
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = off[..., 2] - shapes.periods * np.round(off[..., 2] / shapes.periods)
    return PoseErrors(
        centre_px=np.hypot(off[..., 0], off[..., 1]),
        angle=np.where(shapes.periods > 0, np.abs(turn), np.nan),
        matched=float(np.isfinite(poses[..., 0]).mean()),
    )
