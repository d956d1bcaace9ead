"""Discs, squares, rings and fixed walls as rigid bodies in pymunk, one scene at a time, without gravity.

Every body keeps momentum and energy: contacts are perfectly elastic and frictionless. World units, seconds; frame k is
taken after 10 k + 1 steps of 0.01 s, as in worlds/laws.py. Between contacts the motion is uniform.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.worlds import laws
from physlaw.worlds.appearance import CIRCLE, RING, SQUARE

if TYPE_CHECKING:
    import pymunk  # otherwise in the functions that use it: a machine that only trains may lack it

Array = NDArray[np.float64]
Contact = tuple[int, int, int]  # step, object, object with a larger number or WALL

WALL = -1  # stands for any wall in a contact
HOLE = 0.6  # inner radius of a ring as a share of the outer one, as drawn


@dataclass(frozen=True)
class Wall:
    """A fixed upright rectangle: centre and half sides, world units."""

    x: float
    y: float
    half_width: float
    half_height: float


@dataclass(frozen=True)
class ObjectScene:
    """What a scene of B objects starts from.

    shapes: (B,) CIRCLE, SQUARE or RING. radii: (B,) radius, half side of a square; 0: the object is not there.
    start, velocity: (B, 2), world units and world units / s; an object may rest.

    Raises:
        UserError: lengths differ, a shape is unknown, or a number is not finite or a size not valid.
    """

    shapes: tuple[int, ...]
    radii: tuple[float, ...]
    start: Array
    velocity: Array
    walls: tuple[Wall, ...] = field(default=())

    def __post_init__(self) -> None:
        count = len(self.shapes)
        if len(self.radii) != count or self.start.shape != (count, 2) or self.velocity.shape != (count, 2):
            sizes = f"{len(self.radii)} radii, start {self.start.shape}, velocity {self.velocity.shape}"
            raise UserError(f"{count} shapes need {count} radii, start and velocity ({count}, 2); got {sizes}")
        for shape in self.shapes:
            if shape not in (CIRCLE, SQUARE, RING):
                raise UserError(f"unknown shape {shape}; valid: {CIRCLE} circle, {SQUARE} square, {RING} ring")
        for radius in self.radii:
            if not 0 <= radius < math.inf:
                raise UserError(f"a radius must be 0 (not there) or a positive number, got {radius}")
        if not (np.isfinite(self.start).all() and np.isfinite(self.velocity).all()):
            raise UserError(f"start and velocity must be finite, got {self.start.tolist()}, {self.velocity.tolist()}")
        for wall in self.walls:
            centre, sides = (wall.x, wall.y), (wall.half_width, wall.half_height)
            if not (all(map(math.isfinite, centre + sides)) and min(sides) > 0):
                raise UserError(f"a wall needs a finite centre and positive half sides, got {wall}")


@dataclass(frozen=True)
class Motion:
    """What follows from a scene.

    positions: (T, B, 2) centres. velocities: (T, B, 2). angles: (T, B) radians, 0 at the start. contacts: every contact
    once, in the order of time, at the step that ends it; the new velocities act from the next step on.
    """

    positions: Array
    velocities: Array
    angles: Array
    contacts: list[Contact]


def drawn_area(shape: int, radius: float) -> float:
    """Area of an object as drawn, world units squared: its mass."""
    if shape == SQUARE:
        return 4 * radius**2
    return math.pi * radius**2 * (1 - HOLE**2 if shape == RING else 1)


def _new_space() -> pymunk.Space:
    import pymunk

    space = pymunk.Space()
    # No overlap is tolerated or pushed apart: contacts act through restitution alone, as in the law.
    space.collision_slop, space.collision_bias, space.iterations = 0.0, 1.0, 30
    return space


def _add(space: pymunk.Space, shape: pymunk.Shape, number: int) -> None:
    """The number goes where the contact record reads it: walls 0, objects from 1."""
    shape.elasticity, shape.friction, shape.collision_type = 1.0, 0.0, number + 1
    space.add(shape)


def _add_walls(space: pymunk.Space, walls: tuple[Wall, ...]) -> None:
    import pymunk

    for wall in walls:
        left, right = wall.x - wall.half_width, wall.x + wall.half_width
        bottom, top = wall.y - wall.half_height, wall.y + wall.half_height
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
        _add(space, pymunk.Poly(space.static_body, corners), WALL)


def _add_bodies(space: pymunk.Space, scene: ObjectScene) -> list[pymunk.Body | None]:
    """The bodies, None for an object that is not there. A square's moment is infinite: it never turns."""
    import pymunk

    bodies: list[pymunk.Body | None] = []
    for k, (shape, radius) in enumerate(zip(scene.shapes, scene.radii, strict=True)):
        if radius == 0:
            bodies.append(None)
            continue
        mass = drawn_area(shape, radius)
        inner = HOLE * radius if shape == RING else 0.0
        moment = math.inf if shape == SQUARE else pymunk.moment_for_circle(mass, inner, radius)
        body = pymunk.Body(mass, moment)
        body.position, body.velocity = tuple(scene.start[k].tolist()), tuple(scene.velocity[k].tolist())
        space.add(body)
        # A ring meets others with its outer circle.
        box = pymunk.Poly.create_box(body, (2 * radius, 2 * radius))
        _add(space, box if shape == SQUARE else pymunk.Circle(body, radius), k)
        bodies.append(body)
    return bodies


def simulate_objects(scene: ObjectScene, num_frames: int) -> Motion:
    """The motion of a scene's objects; equal input gives equal bytes.

    An object of radius 0 takes no part and stays at its start. Overlaps at the start are not resolved, but recorded as
    contacts of the first step.

    Raises:
        UserError: fewer than 1 frame.
    """
    if num_frames < 1:
        raise UserError(f"num_frames must be at least 1, got {num_frames}")
    space = _new_space()
    _add_walls(space, scene.walls)
    bodies = _add_bodies(space, scene)
    contacts: list[Contact] = []
    step = 0

    def record(arbiter: pymunk.Arbiter, _space: pymunk.Space, _data: Any) -> None:
        low, high = sorted(shape.collision_type - 1 for shape in arbiter.shapes)
        contacts.append((step, high, low) if low == WALL else (step, low, high))

    space.on_collision(begin=record)
    positions = np.repeat(scene.start[None].astype(np.float64), num_frames, axis=0)
    velocities, angles = np.zeros_like(positions), np.zeros(positions.shape[:2])
    for frame in range(num_frames):
        for step in range(max(laws.STEPS_PER_FRAME * (frame - 1) + 2, 1), laws.STEPS_PER_FRAME * frame + 2):  # noqa: B007
            space.step(laws.DT_S)
        for k, body in enumerate(bodies):
            if body is not None:
                positions[frame, k], velocities[frame, k], angles[frame, k] = body.position, body.velocity, body.angle
    return Motion(positions, velocities, angles, contacts)
