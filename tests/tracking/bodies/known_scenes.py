"""Small scenes of known bodies, their pictures, and what the compiled parts of the body tracker need of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlaw.render.bodies import render_bodies
from physlaw.tracking.bodies.colours import coverage
from physlaw.tracking.bodies.drawing import PAD
from physlaw.tracking.bodies.fit import Scratch, draw_all, new_scratch
from physlaw.tracking.bodies.shapes import Kit, Shapes, centre_poses, kit_of, shapes_of
from physlaw.worlds.bodies import RED, Body, ball, bar, jar, pack, sticks, walls

Array = NDArray[np.float64]
WIDTH = 64
SHAPES = {"ball": ball(24.5), "red ball": ball(20.5, RED), "bar": bar(120.0), "jar": jar(0.25), "sticks": sticks(0.3)}


def scene(*placed: tuple[Body, tuple[float, float, float]]) -> tuple[tuple[Body, ...], Array]:
    """Bodies with poses (x px, y px, angle) -> all bodies of a scene, its walls first, and their (B, 3) poses."""
    bodies, poses = walls()
    return (*bodies, *(body for body, _ in placed)), np.concatenate([poses, [pose for _, pose in placed]])


def motion(poses: Array, body: int, path: Array) -> Array:
    """(B, 3), (T, 2 or 3) -> (T, B, 3): the body on a path of x, y and angle, all else at rest."""
    out = np.repeat(poses[None], len(path), axis=0)
    out[:, body, : path.shape[1]] = path
    return out


def maps_of(bodies: Sequence[Body], poses: Array, width: int = WIDTH) -> Array:
    """(T, B, 3) -> (T, 3, W, W) coverage in rendered pictures; nothing black stands in these scenes."""
    return coverage(render_bodies(pack(bodies), poses, width), np.zeros((width, width)))


class Fitting(NamedTuple):
    """What fitting one picture takes.

    picture: (3, H, H) rendered and padded. poses: (D, 3) true, of centres of mass. scratches, pyramid: of 16, 32 and 64
    px pictures. active: (D,) all True.
    """

    picture: Array
    poses: Array
    active: NDArray[np.bool_]
    shapes: Shapes
    kit: Kit
    scratches: tuple[Scratch, ...]
    pyramid: tuple[Array, ...]

    @property
    def scratch(self) -> Scratch:
        """Of the finest pictures."""
        return self.scratches[-1]


def fitting(*placed: tuple[Body, tuple[float, float, float]]) -> Fitting:
    """The bodies in a picture of WIDTH pixels; drawn as they are in the finest scratch."""
    bodies, poses = scene(*placed)
    shapes = shapes_of(bodies, [number for number, body in enumerate(bodies) if body.dynamic])
    picture = np.pad(maps_of(bodies, poses[None])[0], ((0, 0), (PAD, PAD), (PAD, PAD)))
    widths = (16, 32, WIDTH)
    found = Fitting(
        picture=picture,
        poses=centre_poses(shapes, poses),
        active=np.ones(len(shapes.owners), np.bool_),
        shapes=shapes,
        kit=kit_of(shapes),
        scratches=tuple(new_scratch(shapes, width) for width in widths),
        pyramid=tuple(np.zeros((3, width + 2 * PAD, width + 2 * PAD)) for width in widths),
    )
    draw_all(found.poses, found.active, True, found.kit, found.scratch)
    return found
