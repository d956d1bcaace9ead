"""Clips of random bodies of the combinatorial world in random motion, and their mix with random objects: all looks of
all studies and no law, to train a tokenizer.

A clip holds 1 to 8 things of the kinds below, each one body or a group that moves as one. Sizes are the release's with
a margin, colours mostly its own. Things lie anywhere, partly outside too, over and under each other, and move and turn
along smooth random paths or rest, whatever they are: black ones move and gray ones hang in the air.
Source: released combinatorial data, sections 2 (shapes), 4 (red ball) and 6 (floor bar; green and purple).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from physlaw.data.clips import Frames, Index
from physlaw.data.random_objects import (
    KNOTS,
    PIECES,
    EndlessClips,
    RandomObjectClips,
    between,
    fold,
    spline_paths,
)
from physlaw.render.bodies import render_bodies
from physlaw.worlds.bodies import (
    BLACK,
    GRAY,
    GREEN,
    PURPLE,
    RED,
    SIDE,
    THICKNESS,
    Body,
    ball,
    bar,
    extent,
    jar,
    pack,
    standing_bars,
    sticks,
)
from physlaw.worlds.streams import uniforms

Array = NDArray[np.float64]
Group = list[tuple[Body, tuple[float, float, float]]]  # bodies and their poses in the group's frame

MAX_THINGS = 8
COLOURS = (GRAY, BLACK, RED, GREEN, PURPLE)  # what the studies use
OWN_COLOUR = 0.7  # share of things in their kind's own colour; the rest have any of COLOURS
REST = 0.35  # share of things that rest
UPRIGHT = 0.3  # share of things that do not turn and stand as in the release: bars level, a group's bars upright
MAX_SPEED = 80.0  # px / frame along each axis; a fall through a whole released scene ends with 82
MAX_TURN = 0.6  # radians / frame
MARGIN = 64.0  # px beyond the picture that a thing's origin may reach
_DRAWS = 10  # that a kind's sizes take
_PATH = 5 + 3 * KNOTS  # draws that place and move a thing


def _alone(body: Body) -> Group:
    return [(body, (0.0, 0.0, 0.0))]


def _length(u: float, low: float, high: float) -> float:
    """A uniform number -> a length in px within bounds given as shares of the scene's side."""
    return SIDE * (low + (high - low) * u)


def _any_bar(u: Array, low: float, high: float, colour: int) -> Group:
    return _alone(bar(_length(u[0], low, high), THICKNESS * (0.8 + 0.4 * u[1]), colour))


def _ball(u: Array) -> Group:
    return _alone(ball(_length(u[0], 0.025, 0.07), GRAY))


def _static_balls(u: Array) -> Group:
    """A curved chain of 3 to 7 equal balls."""
    count, one = 3 + int(5 * u[0]), ball(_length(u[1], 0.016, 0.025), BLACK)
    turns = 2 * math.pi * (u[2] + 0.1 * u[3] * np.arange(count - 1))
    steps = SIDE * between(u[4 : 3 + count], (0.05, 0.2))
    xs, ys = np.cumsum(steps * np.cos(turns)).tolist(), np.cumsum(steps * np.sin(turns)).tolist()
    return [(one, (x, y, 0.0)) for x, y in zip([0.0, *xs], [0.0, *ys], strict=True)]


def _standing_bars(u: Array) -> Group:
    """1 to 4 upright bars on one level, growing to the right or to the left."""
    pitch = _length(u[1], 0.1, 0.2) * (1 if u[2] < 0.5 else -1)
    bars = standing_bars(1 + int(4 * u[0]))
    return [(one, (pitch * i, -extent(one, math.pi / 2)[1], math.pi / 2)) for i, one in enumerate(bars)]


KINDS: dict[str, Callable[[Array], Group]] = {
    "dynamic_ball_1": _ball,
    "dynamic_ball_2": _ball,
    "static_ball": _static_balls,
    "dynamic_bar": lambda u: _any_bar(u, 0.12, 0.6, GRAY),
    "dynamic_standing_bars": _standing_bars,
    "static_bar": lambda u: _any_bar(u, 0.16, 0.6, BLACK),
    "dynamic_jar": lambda u: _alone(jar(0.065 + 0.285 * u[0])),
    "dynamic_standingsticks": lambda u: _alone(sticks(0.24 + 0.46 * u[0])),
    "red_ball": lambda u: _alone(ball(1.5 + 64.5 * u[0], RED)),
    "floor_bar": lambda u: _any_bar(u, 0.6, 1.1, PURPLE),
}


@dataclass(frozen=True)
class BodyScene:
    """One clip's bodies: kinds, the name of each body's kind; things, (B,) which thing a body is part of; poses,
    (T, B, 3) px and radians, as render_bodies takes them."""

    kinds: tuple[str, ...]
    things: NDArray[np.int64]
    bodies: tuple[Body, ...]
    poses: Array


class RandomBodyClips(EndlessClips):
    """Clips of random bodies. The resolution must divide 512."""

    stream = "random bodies"

    def _paths(self, u: Array) -> Array:
        """(..., _PATH) uniform numbers -> (..., T, 3) poses of the things' frames. Half of those that move are slow."""
        low, high = -MARGIN, SIDE + MARGIN
        pace = np.where(u[..., 0] < REST, 0.0, np.where(u[..., 1] < 0.5, 0.2, 1.0))
        upright = u[..., 2] < UPRIGHT
        reach = np.stack([pace * MAX_SPEED, pace * MAX_SPEED, np.where(upright, 0.0, pace * MAX_TURN)], axis=-1)
        steps = u[..., 5:].reshape(*u.shape[:-1], KNOTS, 3)
        moves = (2 * steps - 1) * (reach * (self.num_frames - 1) / PIECES)[..., None, :]
        moves[..., 0, :2] = between(steps[..., 0, :2], (low, high))
        moves[..., 0, 2] = np.where(upright, 0.0, 2 * math.pi * steps[..., 0, 2])
        points = np.cumsum(moves, axis=-2)
        points[..., :2] = fold(points[..., :2], low, high)
        return spline_paths(points, self.num_frames)

    def scenes(self, index: Index) -> list[BodyScene]:
        """(N,) numbers -> their bodies and poses."""
        u = uniforms(self.key, index, 1 + MAX_THINGS * (_PATH + 3 + _DRAWS))
        each = u[:, 1:].reshape(len(index), MAX_THINGS, _PATH + 3 + _DRAWS)
        counts = 1 + np.floor(u[:, 0] * MAX_THINGS).astype(np.int64)
        paths = self._paths(each[..., :_PATH])
        return [
            _scene(draws[:count, _PATH:], path[:count])
            for draws, path, count in zip(each, paths, counts.tolist(), strict=True)
        ]

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8.

        Raises:
            UserError: the resolution does not divide 512 or is out of range.
        """
        index = np.asarray(index)
        out = np.empty((len(index), self.num_frames, self.resolution, self.resolution, 3), np.uint8)
        for frames, scene in zip(out, self.scenes(index), strict=True):
            render_bodies(pack(scene.bodies), scene.poses, self.resolution, out=frames)
        return out


def _scene(draws: Array, paths: Array) -> BodyScene:
    """(things, 3 + _DRAWS) uniform numbers, (things, T, 3) poses of the things -> their bodies."""
    names = list(KINDS)
    kinds: list[str] = []
    things: list[int] = []
    bodies: list[Body] = []
    places: list[tuple[float, float, float]] = []
    for thing, u in enumerate(draws):
        kind = names[int(u[0] * len(names))]
        recoloured = COLOURS[int(u[2] * len(COLOURS))] if u[1] >= OWN_COLOUR else None
        for body, place in KINDS[kind](u[3:]):
            kinds.append(kind)
            things.append(thing)
            bodies.append(body if recoloured is None else replace(body, colour=recoloured))
            places.append(place)
    part, within = np.array(things), np.array(places)
    cos, sin = np.cos(paths[..., 2])[part], np.sin(paths[..., 2])[part]
    x, y = within[:, :1], within[:, 1:2]
    poses = paths[part] + within[:, None, 2:] * np.array([0.0, 0.0, 1.0])
    poses[..., 0] += cos * x - sin * y
    poses[..., 1] += sin * x + cos * y
    return BodyScene(tuple(kinds), part, tuple(bodies), np.ascontiguousarray(poses.transpose(1, 0, 2)))


class RandomScenes(EndlessClips):
    """Random objects and random bodies, half of each."""

    stream = "random scenes"

    def __init__(self, resolution: int, num_frames: int, seed: int = 0, count: int = 1 << 40) -> None:
        super().__init__(resolution, num_frames, seed, count)
        self.objects = RandomObjectClips(resolution, num_frames, seed, count)
        self.bodies = RandomBodyClips(resolution, num_frames, seed, count)

    def has_bodies(self, index: Index) -> NDArray[np.bool_]:
        """(N,) numbers -> (N,) whether a clip shows bodies; else it shows objects."""
        return uniforms(self.key, index, 1)[:, 0] < 0.5

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8.

        Raises:
            UserError: the resolution does not divide 512 or is out of range.
        """
        index = np.asarray(index)
        bodies = self.has_bodies(index)
        out = np.empty((len(index), self.num_frames, self.resolution, self.resolution, 3), np.uint8)
        out[bodies] = self.bodies.clips(index[bodies])
        out[~bodies] = self.objects.clips(index[~bodies])
        return out
