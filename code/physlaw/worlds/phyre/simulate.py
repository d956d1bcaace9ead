"""How a scene's bodies move: Chipmunk (pymunk) set up to match the release's engine, Box2D.

Source: released combinatorial data, sections 1 (world, solver, time) and 8 (what to match in Chipmunk).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.worlds.bodies import SIDE, WALL, Body, Circle
from physlaw.worlds.phyre.mass import mass

if TYPE_CHECKING:
    import pymunk  # otherwise in the functions that use it: a machine that only trains may lack it

STORED_FRAMES = 50  # of the release; the models see the first 32
STEPS_PER_FRAME = 20

_PX_PER_METRE = 6
_GRAVITY = 9.8 * _PX_PER_METRE  # px/s^2
_STEP = 1 / 60  # s
_FRICTION, _ELASTICITY = math.sqrt(0.5), math.sqrt(0.2)  # Chipmunk multiplies the two bodies' values
_ITERATIONS = 15
_SLOP = 0.005 * _PX_PER_METRE  # px of overlap that is left alone
_SKIN = 0.01 * _PX_PER_METRE  # px around polygons
_BIAS = 0.8**60  # of an overlap is left after a second, so 20 % go in a step
# Box2D removes overlaps in its first step, in 20 rounds of 20 %, and gives no velocity for it. We take as many steps
# without gravity first: frame 0 then shows the bodies apart (0.15 % off instead of 0.3 %) and later frames do not
# change. Chipmunk keeps these pushes apart from velocities, so everything is still at rest afterwards.
_SEPARATING_STEPS = 20
_ANGULAR_DAMPING = 0.01  # 1/s
_DAMPING = (1 + _STEP * _ANGULAR_DAMPING) ** -STEPS_PER_FRAME  # once a frame: Python in every step costs too much
_PERSISTENCE = 1  # steps; like Box2D, forget the impulses of a contact that is over
# Chipmunk moves first and accelerates after, so that one more step puts free fall where Box2D has it.
_EXTRA_STEPS = 1
_WALL_DEPTH = float(SIDE)  # px; nothing tunnels through, and what sticks out is pushed back inside


def _outwards(value: float) -> float:
    """A wall's coordinate, far outside if it was outside the picture."""
    if value < 0:
        return -_WALL_DEPTH
    return SIDE + _WALL_DEPTH if value > SIDE else value


def _add_static(space: pymunk.Space, body: Body, x: float, y: float, angle: float) -> None:
    """Its pieces where they stand in the scene; a wall's outer side is moved outwards."""
    cos, sin = math.cos(angle), math.sin(angle)
    import pymunk

    for piece in body.pieces:
        if isinstance(piece, Circle):
            _add(space, pymunk.Circle(space.static_body, piece.radius, (x, y)))
            continue
        corners = [(x + (cos * a - sin * b), y + (sin * a + cos * b)) for a, b in piece.vertices]
        if body.shape == WALL:
            corners = [(_outwards(a), _outwards(b)) for a, b in corners]
        _add(space, pymunk.Poly(space.static_body, corners, radius=_SKIN))


def _add_dynamic(space: pymunk.Space, body: Body, x: float, y: float, angle: float) -> pymunk.Body:
    """The mass is that of the exact shapes; Chipmunk's own would count the skin."""
    import pymunk

    area, centre, inertia = mass(body)
    mover = pymunk.Body(area, inertia)
    mover.center_of_gravity = centre
    mover.angle = angle  # before the position: it turns about the centre of mass
    mover.position = x, y
    space.add(mover)
    for piece in body.pieces:
        if isinstance(piece, Circle):
            _add(space, pymunk.Circle(mover, piece.radius))
        else:
            _add(space, pymunk.Poly(mover, piece.vertices, radius=_SKIN))
    return mover


def _add(space: pymunk.Space, shape: pymunk.Shape) -> None:
    shape.friction, shape.elasticity = _FRICTION, _ELASTICITY
    space.add(shape)


def _chipmunk() -> Any:
    """The library under pymunk; None where another pymunk keeps it elsewhere."""
    import pymunk

    return getattr(pymunk.space, "lib", None)


def _advance(space: pymunk.Space, steps: int) -> None:
    """Space.step, where possible without what it does for objects that come and go: a tenth of the time of a video."""
    chipmunk = _chipmunk()
    if chipmunk is None:
        for _ in range(steps):
            space.step(_STEP)
        return
    step, inner = chipmunk.cpSpaceStep, space._space
    for _ in range(steps):
        step(inner, _STEP)


def _new_space() -> pymunk.Space:
    import pymunk

    space = pymunk.Space()
    space.iterations = _ITERATIONS
    space.collision_slop = _SLOP
    space.collision_bias = _BIAS
    space.collision_persistence = _PERSISTENCE
    return space


def simulate(bodies: Sequence[Body], poses: NDArray[np.floating], frames: int = STORED_FRAMES) -> NDArray[np.float64]:
    """The motion of bodies that start at rest.

    Equal input gives equal bytes. Frame k is the state 20 k + 1 steps of 1/60 s after the start.

    Args:
        bodies: B bodies, walls included, in drawing order.
        poses: (B, 3) x, y (px) and angle (radians) of each body's frame at the start. Bodies may overlap.
        frames: how many stored frames.
    Returns:
        (frames, B, 3) poses; static bodies stay where they are.
    Raises:
        UserError: poses have the wrong shape or are not finite (names the body), or fewer than 1 frame.
    """
    poses = np.asarray(poses, dtype=np.float64)
    if poses.shape != (len(bodies), 3):
        raise UserError(f"poses must be ({len(bodies)} bodies, 3), got {poses.shape}")
    if not np.isfinite(poses).all():
        row = int(np.flatnonzero(~np.isfinite(poses).all(axis=1))[0])
        raise UserError(f"the pose of body {row} is not finite: {poses[row]}")
    if frames < 1:
        raise UserError(f"frames must be at least 1, got {frames}")
    space, movers, moving = _new_space(), [], []
    for row, (body, (x, y, angle)) in enumerate(zip(bodies, poses.tolist(), strict=True)):
        if body.dynamic:
            movers.append(_add_dynamic(space, body, x, y, angle))
            moving.append(row)
        else:
            _add_static(space, body, x, y, angle)
    _advance(space, _SEPARATING_STEPS)
    space.gravity = 0.0, -_GRAVITY
    out = np.repeat(poses[None], frames, axis=0)
    for frame in range(frames):
        _advance(space, STEPS_PER_FRAME if frame else 1 + _EXTRA_STEPS)
        state = []
        for mover in movers:
            state.append((*mover.position, mover.angle))
            mover.angular_velocity *= _DAMPING
        out[frame, moving] = np.array(state).reshape(-1, 3)
    return out
