"""The laws of motion in closed form, step by step as the released engine integrates them: the reference.

World units: a square of side 10, origin bottom-left, x right, y up; seconds. Frame k is taken after 10 k + 1 steps of
0.01 s, so the first frame is at 0.01 s (released data, sections 1 and 1.3). Arrays are batched over N scenes.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import unknown

Array = NDArray[np.float64]
Contact = Literal["elastic", "released"]
CONTACTS: tuple[Contact, ...] = ("elastic", "released")

WORLD_SIZE = 10.0
DT_S = 0.01
STEPS_PER_FRAME = 10
FRAME_S = DT_S * STEPS_PER_FRAME
GRAVITY = 2.5  # world units / s^2, downwards, parabola only; the paper does not state it
INELASTIC_CLOSING_SPEED = 1.0  # Box2D applies restitution only above this closing speed


def as_contact(name: str) -> Contact:
    """The collision law of that name.

    Raises:
        UserError: unknown name (lists the valid ones).
    """
    for contact in CONTACTS:
        if contact == name:
            return contact
    raise unknown("contact", name, CONTACTS)


def steps_at_frame(num_frames: int) -> Array:
    """(T,) number of integration steps before each frame: 1, 11, 21, ..."""
    return STEPS_PER_FRAME * np.arange(num_frames, dtype=np.float64) + 1


def uniform_motion(start: Array, velocity: Array, num_frames: int) -> Array:
    """Positions under no force: x0 + v n dt.

    Args:
        start, velocity: (N, 2), world units and world units / s.
    Returns:
        (N, T, 2).
    Source: inertia; released data section 1.3.
    """
    steps = steps_at_frame(num_frames)
    return start[:, None] + velocity[:, None] * (steps * DT_S)[None, :, None]


def parabola(start: Array, velocity: Array, num_frames: int, gravity: float = GRAVITY) -> Array:
    """Positions under constant gravity, integrated by semi-implicit Euler: y0 + vy n dt - g dt^2 n (n+1) / 2.

    Args:
        start, velocity: (N, 2).
    Returns:
        (N, T, 2).
    Source: Newton's second law; released data section 1.3.
    """
    steps = steps_at_frame(num_frames)
    positions = uniform_motion(start, velocity, num_frames)
    positions[..., 1] -= gravity * DT_S**2 * steps * (steps + 1) / 2
    return positions


def impact(velocity: Array, mass: Array, restitution: Array | float = 1.0) -> Array:
    """Velocities after a head-on impact of two discs.

    Args:
        velocity: (N, 2) signed speeds along the line of centres before impact.
        mass: (N, 2), strictly positive.
        restitution: (N,) or scalar in [0, 1]; 1 is perfectly elastic.
    Returns:
        (N, 2) after impact; momentum is kept, and kinetic energy when restitution is 1.
    Raises:
        ValueError: a mass is not positive (the message gives its row).
    Source: textbook formula; released data section 1.3.
    """
    if not (mass > 0).all():
        row = int(np.flatnonzero(~(mass > 0).all(axis=-1))[0])
        raise ValueError(f"masses must be positive, got {mass[row].tolist()} in row {row}")
    (u1, u2), (m1, m2) = velocity.T, mass.T
    momentum, exchange = m1 * u1 + m2 * u2, restitution * (u1 - u2)
    return np.stack([momentum - m2 * exchange, momentum + m1 * exchange], axis=-1) / (m1 + m2)[:, None]


def restitution(closing_speed: Array, contact: Contact) -> Array:
    """(N,) restitution: 1, or for contact="released" 0 at closing speeds up to 1.0 as in Box2D."""
    if contact not in CONTACTS:
        raise unknown("contact", contact, CONTACTS)
    elastic = np.ones_like(closing_speed)
    return elastic if contact == "elastic" else np.where(closing_speed <= INELASTIC_CLOSING_SPEED, 0.0, elastic)


def contact_step(gap: Array, closing_speed: Array) -> Array:
    """(N,) number of steps at the old velocities: the first step at which the discs overlap (inf: they never do)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.floor(gap / (closing_speed * DT_S)) + 1
    return np.where(closing_speed > 0, steps, np.inf)


def collision(start: Array, velocity: Array, radii: Array, num_frames: int, contact: Contact = "elastic") -> Array:
    """Two discs on one horizontal line that meet head-on, once.

    Args:
        start: (N, 2, 2) centres, ball 1 left of ball 2, same y.
        velocity: (N, 2) signed horizontal speeds; radii: (N, 2), masses are r^2.
        contact: "elastic" is the paper's law at every speed; "released" is inelastic below closing speed 1.0.
    Returns:
        (N, T, 2, 2) positions: scene, frame, ball, coordinate.
    Source: conservation of momentum and energy; step-discrete contact of released data section 1.3.
    """
    closing = velocity[:, 0] - velocity[:, 1]
    gap = start[:, 1, 0] - start[:, 0, 0] - radii.sum(axis=-1)
    before = contact_step(gap, closing)[:, None]
    after = impact(velocity, radii**2, restitution(closing, contact))
    steps = steps_at_frame(num_frames)[None, :]
    moved_before, moved_after = np.minimum(steps, before), np.maximum(steps - before, 0.0)
    positions = np.repeat(start[:, None], num_frames, axis=1)
    positions[..., 0] += DT_S * (velocity[:, None] * moved_before[..., None] + after[:, None] * moved_after[..., None])
    return positions
