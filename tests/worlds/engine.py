"""The same worlds in a rigid-body engine (pymunk), one scene at a time: the check on the closed-form laws.

The closed form is the reference and what data is made of; the engine shows that an independent integrator of the same
equations agrees, and is the base for worlds that have no closed form.
"""

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds import laws
from physlaw.worlds.scenarios import Scenario

Array = NDArray[np.float64]


def simulate_engine(
    scenario: Scenario, init: Array, start: Array, num_frames: int, contact: laws.Contact = "elastic"
) -> tuple[Array, Array]:
    """Simulate one scene step by step.

    Args:
        init: (K,) initial values; start: (balls, 2).
    Returns:
        positions (T, balls, 2) and velocities (T, balls, 2), both after 1, 11, 21, ... steps.
    """
    import pymunk  # here, not above: a machine that only trains may lack it

    space = pymunk.Space()
    # No overlap is tolerated or pushed apart: contacts act through restitution alone, as in the law.
    space.collision_slop, space.collision_bias, space.iterations = 0.0, 1.0, 30
    space.gravity = (0.0, -laws.GRAVITY if scenario.name == "parabola" else 0.0)
    radii, speeds = scenario.radii(init[None])[0], scenario.velocities(init[None])[0]
    elasticity = float(np.sqrt(laws.restitution(np.array([np.abs(speeds).sum()]), contact)[0]))
    bodies = []
    for radius, speed, centre in zip(radii, speeds, start, strict=True):
        mass = float(np.pi * radius**2)
        body = pymunk.Body(mass, pymunk.moment_for_circle(mass, 0, float(radius)))
        body.position, body.velocity = tuple(centre), (float(speed), 0.0)
        disc = pymunk.Circle(body, float(radius))
        disc.elasticity, disc.friction = elasticity, 0.0
        space.add(body, disc)
        bodies.append(body)
    positions = np.empty((num_frames, len(bodies), 2))
    velocities = np.empty_like(positions)
    frame = 0
    for step in range(1, laws.STEPS_PER_FRAME * (num_frames - 1) + 2):
        # Chipmunk moves before it applies forces; the release's order (velocity first) is semi-implicit Euler.
        if scenario.name == "parabola":
            for body in bodies:
                body.velocity += pymunk.Vec2d(*space.gravity) * laws.DT_S
        space.step(laws.DT_S)
        if scenario.name == "parabola":
            for body in bodies:
                body.velocity -= pymunk.Vec2d(*space.gravity) * laws.DT_S
        if step % laws.STEPS_PER_FRAME == 1:
            positions[frame] = [body.position for body in bodies]
            velocities[frame] = [body.velocity for body in bodies]
            frame += 1
    return positions, velocities
