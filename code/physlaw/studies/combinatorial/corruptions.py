"""Simulated clips of the combinatorial world made impossible on purpose, to test what finds such clips.

Each corruption takes a scene's bodies and poses and gives others to draw, the same for the same (seed, number). Where
its effect could not be seen, it gives none; this asks the bodies' geometry and the pictures, never a detector. Lengths
are px of the 512 px scene.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.bodies import index_pictures, render_bodies
from physlaw.tracking.bodies.shapes import clip_polygon
from physlaw.worlds.bodies import BALL, BAR, JAR, RED, SIDE, STICKS, Body, Circle, Polygon, pack
from physlaw.worlds.phyre.mass import mass
from physlaw.worlds.phyre.overlap import Obstacles
from physlaw.worlds.phyre.random_numbers import Draws
from physlaw.worlds.phyre.simulate import simulate
from physlaw.worlds.streams import stream_key

Array = NDArray[np.float64]

LEAST_RISE = 5.0  # px of mean height; less than 1 % of the scene is easily overlooked
LEAST_JUMP = 0.15 * SIDE
LEAST_FRAMES = 3  # a defect that goes away lasts as many frames, a second, or more
LEAST_CHANGE = 0.25  # of a body's area, in pixels that a defect changes
_AWAY = -4.0 * SIDE  # where bodies are kept while they are not seen
_TRIES = 200


@dataclass(frozen=True)
class Corrupted:
    """What to draw, and what a measure is told.

    bodies, poses: B' bodies and their (T, B', 3) poses to be drawn. scene, first_poses: the scene's B bodies and their
    (B, 3) poses in the first frame.
    """

    bodies: tuple[Body, ...]
    poses: Array
    scene: tuple[Body, ...]
    first_poses: Array

    def render(self, resolution: int) -> NDArray[np.uint8]:
        """(T, resolution, resolution, 3) frames."""
        return render_bodies(pack(self.bodies), self.poses, resolution)


Corruption = Callable[[Sequence[Body], Array, int, int], Corrupted | None]


def _interval(draws: Draws, length: int, lasting: bool) -> slice:
    """Frames of a defect, never the first one, at least LEAST_FRAMES: to the end, or gone again before the last."""
    if lasting:
        return slice(draws.integer(1, length - LEAST_FRAMES), length)
    frames = draws.integer(LEAST_FRAMES, min(8, length - 2))
    begin = draws.integer(1, length - 1 - frames)
    return slice(begin, begin + frames)


def _check(bodies: Sequence[Body], poses: Array) -> None:
    if poses.ndim != 3 or poses.shape[1:] != (len(bodies), 3) or len(poses) < LEAST_FRAMES + 2:
        raise UserError(
            f"poses must be ({LEAST_FRAMES + 2} or more frames, {len(bodies)} bodies, 3), got {poses.shape}"
        )


def _movable(bodies: Sequence[Body]) -> list[int]:
    return [number for number, body in enumerate(bodies) if body.dynamic]


def _changed(before: Corrupted | tuple[Sequence[Body], Array], after: Corrupted, frame: int) -> int:
    """Pixels of the 512 px picture that differ in a frame."""
    bodies, poses = (before.bodies, before.poses) if isinstance(before, Corrupted) else before
    one = index_pictures(pack(bodies), poses[frame : frame + 1])
    two = index_pictures(pack(after.bodies), after.poses[frame : frame + 1])
    return int((one != two).sum())


def _mean_heights(bodies: Sequence[Body], poses: Array) -> Array:
    """(T,) height of the dynamic bodies' common centre of mass."""
    total, moment = 0.0, np.zeros(len(poses))
    for number in _movable(bodies):
        known = mass(bodies[number])
        angle = poses[:, number, 2]
        offset = np.sin(angle) * known.centre[0] + np.cos(angle) * known.centre[1]
        moment += known.area * (poses[:, number, 1] + offset)
        total += known.area
    return moment / total


def remove_body(bodies: Sequence[Body], poses: Array, seed: int = 0, number: int = 0) -> Corrupted | None:
    """A dynamic body is not drawn from some frame on, or in half of the cases for 3 to 8 frames.

    None if less than half of it would have been seen in the first of these frames.
    Raises UserError if poses are not (5 or more frames, B, 3).
    """
    _check(bodies, poses)
    draws = Draws(stream_key("corruption/removed", seed), number)
    movable = _movable(bodies)
    body = movable[draws.integer(0, len(movable) - 1)]
    frames = _interval(draws, len(poses), draws.chance(0.5))
    changed = poses.copy()
    changed[frames, body, 0] = _AWAY
    out = Corrupted(tuple(bodies), changed, tuple(bodies), poses[0])
    full = sum(math.pi * p.radius**2 if isinstance(p, Circle) else polygon_area(p) for p in bodies[body].pieces)
    return out if _changed((bodies, poses), out, frames.start) >= full / 2 else None


def polygon_area(polygon: Polygon) -> float:
    """px^2."""
    turned = (*polygon.vertices[1:], polygon.vertices[0])
    return sum(ax * by - ay * bx for (ax, ay), (bx, by) in zip(polygon.vertices, turned, strict=True)) / 2


def _halves(body: Body) -> tuple[Body, Body]:
    """A body cut in two through its middle: bars and jars left and right, sticks above and below."""
    ends = ((0.0, -1.0), (0.0, 1.0)) if body.shape in (BAR, JAR) else ((1.0, 0.0), (-1.0, 0.0))
    halves = []
    for a, b in (ends, ends[::-1]):
        kept = [clip_polygon(list(piece.vertices), a, b) for piece in body.pieces if isinstance(piece, Polygon)]
        halves.append(replace(body, pieces=tuple(Polygon(tuple(corners)) for corners in kept if len(corners) > 2)))
    return halves[0], halves[1]


def break_body(bodies: Sequence[Body], poses: Array, seed: int = 0, number: int = 0) -> Corrupted | None:
    """A gray bar, jar or crossed sticks are drawn for 3 to 8 frames as two halves, each turned by 15 to 35 degrees the
    other way about its own middle and 4 to 12 px further out; then the body is whole again.

    None if the scene has no such body, or if in the first of these frames fewer pixels change than a quarter of the
    body's area. Raises UserError as remove_body.
    """
    _check(bodies, poses)
    draws = Draws(stream_key("corruption/broken", seed), number)
    rigid = [k for k in _movable(bodies) if bodies[k].shape in (BAR, JAR, STICKS)]
    if not rigid:
        return None
    broken = rigid[draws.integer(0, len(rigid) - 1)]
    frames = _interval(draws, len(poses), False)
    tilt = math.radians(draws.uniform(15, 35)) * (1 if draws.chance(0.5) else -1)
    apart = draws.uniform(4, 12)
    changed = poses.copy()
    changed[frames, broken, 0] = _AWAY
    halves, parts = _halves(bodies[broken]), []
    for half, side in zip(halves, (1, -1), strict=True):
        x, y = mass(half).centre
        length = math.hypot(x, y)
        # The half turns about its own middle, which moves away from the body's.
        middle = np.array([x, y]) * (1 + apart / length)
        angle = poses[:, broken, 2]
        cos, sin = np.cos(angle), np.sin(angle)
        part = np.zeros((len(poses), 3))
        part[:, 2] = angle + side * tilt
        turned_cos, turned_sin = np.cos(part[:, 2]), np.sin(part[:, 2])
        part[:, 0] = poses[:, broken, 0] + cos * middle[0] - sin * middle[1] - (turned_cos * x - turned_sin * y)
        part[:, 1] = poses[:, broken, 1] + sin * middle[0] + cos * middle[1] - (turned_sin * x + turned_cos * y)
        seen = np.zeros(len(poses), dtype=np.bool_)
        seen[frames] = True
        part[~seen] = (_AWAY, 0.0, 0.0)
        parts.append(part)
    out = Corrupted(
        (*bodies, *halves), np.concatenate([changed, np.stack(parts, axis=1)], axis=1), tuple(bodies), poses[0]
    )
    full = sum(polygon_area(piece) for piece in bodies[broken].pieces if isinstance(piece, Polygon))
    return out if _changed((bodies, poses), out, frames.start) >= LEAST_CHANGE * full else None


def teleport_ball(bodies: Sequence[Body], poses: Array, seed: int = 0, number: int = 0) -> Corrupted | None:
    """The red ball is drawn at least 77 px (15 % of the scene) from its place, from some frame on or, in half of the
    cases, for 3 to 8 frames; it still moves as it did, from there.

    The place is free in the first of these frames, if one of 200 tries is, and the ball stays inside the scene; None
    if no such place is found. Raises UserError as remove_body, or for a scene without a red ball.
    """
    _check(bodies, poses)
    red = [k for k in _movable(bodies) if bodies[k].colour == RED and bodies[k].shape == BALL]
    if not red:
        raise UserError("the scene must have a red ball to be moved, got none")
    draws = Draws(stream_key("corruption/teleported", seed), number)
    ball = red[-1]
    radius = bodies[ball].diameter / 2
    frames = _interval(draws, len(poses), draws.chance(0.5))
    others = [k for k in range(len(bodies)) if k != ball]
    obstacles = Obstacles.of([bodies[k] for k in others], poses[frames.start, others])
    path = poses[frames, ball, :2]
    chosen = None
    for _ in range(_TRIES):
        goal = np.array([draws.uniform(radius, SIDE - radius), draws.uniform(radius, SIDE - radius)])
        offset = goal - path[0]
        moved = path + offset
        if np.hypot(*offset) < LEAST_JUMP or moved.min() < radius or moved.max() > SIDE - radius:
            continue
        if chosen is None:
            chosen = offset
        if not obstacles.overlap(goal[0], goal[1], radius):
            chosen = offset
            break
    if chosen is None:
        return None
    changed = poses.copy()
    changed[frames, ball, :2] += chosen
    return Corrupted(tuple(bodies), changed, tuple(bodies), poses[0])


def reverse_time(bodies: Sequence[Body], poses: Array, seed: int = 0, number: int = 0) -> Corrupted | None:
    """The clip backwards; its first frame is then the last one.

    None if the dynamic bodies' common centre of mass never rises by 5 px above its first height. The draw is not
    used. Raises UserError as remove_body.
    """
    _check(bodies, poses)
    changed = np.ascontiguousarray(poses[::-1])
    heights = _mean_heights(bodies, changed)
    if heights.max() - heights[0] < LEAST_RISE:
        return None
    return Corrupted(tuple(bodies), changed, tuple(bodies), changed[0])


def _mirror(bodies: Sequence[Body], poses: Array) -> tuple[tuple[Body, ...], Array]:
    """Upside down: y to 512 - y, angles to their negatives."""
    mirrored = []
    for body in bodies:
        pieces = tuple(
            piece if isinstance(piece, Circle) else Polygon(tuple((x, -y) for x, y in reversed(piece.vertices)))
            for piece in body.pieces
        )
        mirrored.append(replace(body, pieces=pieces))
    out = np.array(poses, dtype=np.float64)
    out[..., 1] = SIDE - out[..., 1]
    out[..., 2] = -out[..., 2]
    return tuple(mirrored), out


def flip_gravity(bodies: Sequence[Body], poses: Array, seed: int = 0, number: int = 0) -> Corrupted | None:
    """The motion from the same first poses if things fell upwards.

    None if the dynamic bodies' common centre of mass never rises by 5 px. The draw is not used. Raises UserError as
    remove_body.
    """
    _check(bodies, poses)
    turned, start = _mirror(bodies, poses[0])
    _, changed = _mirror(turned, simulate(turned, start, len(poses)))
    changed[0] = poses[0]  # a step of the simulator later
    heights = _mean_heights(bodies, changed)
    if heights.max() - heights[0] < LEAST_RISE:
        return None
    return Corrupted(tuple(bodies), changed, tuple(bodies), poses[0])


CORRUPTIONS: dict[str, Corruption] = {
    "object_removed": remove_body,
    "bar_broken": break_body,
    "ball_teleported": teleport_ball,
    "time_reversed": reverse_time,
    "gravity_flipped": flip_gravity,
}
