"""The two-object worlds that ask whether events learnt apart are composed (paper, section 5.4 and A.5.3, Fig. 11, 14).

A training set shows two kinds of scenes in turn, each with its own event; the test set shows both events in a scene:

- composition_spatial: A, a blue square in uniform motion to the right and a red ball at rest; B, the red ball moves
  right and bounces off the wall, the square rests. Test: both move. They never touch each other.
- composition_temporal: A, a red and a blue ball collide away from the wall, which nothing reaches; B, one ball bounces
  off the wall and the other rests out of its way (red and blue move in turn). Test: the balls collide near the wall,
  then the blue one bounces off it.
- composition_temporal_plain: the same, but B shows the blue ball alone.

The wall, a short black bar near the right edge at the moving ball's height, stands in every scene of a study, so that
it does not tell which half a scene is from. Sizes, speeds and places are ours, within the ranges of the uniform and
collision scenarios: the paper gives none. Scenes are proposed from random numbers and kept if the engine's record of
contacts shows the case's events and no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds import laws
from physlaw.worlds.appearance import BLUE, CIRCLE, RED, SQUARE
from physlaw.worlds.grids import check_numbers
from physlaw.worlds.objects import WALL, Contact, Motion, ObjectScene, Wall, simulate_objects
from physlaw.worlds.scenes import NUM_FRAMES, Trajectory
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]
Index = NDArray[np.int64]

# Columns of the initial values, world units and world units / s. v: horizontal velocity, right is positive; r: radius,
# half side of a square, 0 for an object that is not there.
FACTORS = (
    *("red_x", "red_y", "red_r", "red_v", "red_shape"),
    *("blue_x", "blue_y", "blue_r", "blue_v", "blue_shape"),
    *("wall_x", "wall_y", "wall_half_height", "red_present", "blue_present"),
)
TRAIN_SIZES = {"300": 300, "3k": 3_000, "30k": 30_000, "300k": 300_000, "3m": 3_000_000}
TEST_SIZE = 256

RADII = (0.5, 1.2)
SPEEDS = (1.0, 4.0)
WALL_X = (9.0, 9.6)
WALL_HALF_WIDTH = 0.15
WALL_TILES = (4, 8)  # squares in a wall
MARGIN = 0.1  # between an object and the border at the start
GAP = 0.3  # between objects that do not touch; half a pixel at 16 x 16
NEAR_WALL = 2.0  # a collision is near the wall if blue is closer to it than this, and away from it if farther
CONDITION_FRAMES = 3  # frames before the first event: what a model is shown
FRAMES_BETWEEN, FRAMES_AFTER = 3, 4  # between two events; after the last one, wholly in view
FRAMES_IN_VIEW = 16  # that show all of every object at least: a fast square leaves the picture

_TILE_STEP = 0.999  # of a tile's side: an overlap far above rounding errors, so that no row stays white
_FIRST_S = (laws.STEPS_PER_FRAME * (CONDITION_FRAMES - 1) + 2) * laws.DT_S  # least and greatest time of an event
_LAST_S = (laws.STEPS_PER_FRAME * (NUM_FRAMES - FRAMES_AFTER) - 1) * laws.DT_S
_END_S = (laws.STEPS_PER_FRAME * (NUM_FRAMES - 1) + 1) * laws.DT_S
_BETWEEN_S, _AFTER_S = (FRAMES_BETWEEN + 1) * laws.FRAME_S, (FRAMES_AFTER + 1) * laws.FRAME_S
_DRAWS, _ATTEMPTS, _MAX_BLOCKS = 13, 16, 200  # numbers to an attempt; attempts drawn at once; blocks before giving up
_CACHE_SCENES = 300_000
_DIGEST_SCENES = 1024


def _between(low: Array | float, high: Array | float, unit: Array) -> Array:
    return np.asarray(low + (high - low) * unit)


class _Proposal:
    """Scenes under construction, one per row of (N, _DRAWS) random numbers: what all cases share."""

    def __init__(self, units: Array, blue_shape: int = CIRCLE) -> None:
        self.u = units.T
        self.r, self.v = _between(*RADII, self.u[:2]), _between(*SPEEDS, self.u[2:4])
        tiles = WALL_TILES[0] + np.floor(self.u[4] * (WALL_TILES[1] - WALL_TILES[0] + 1))
        self.wall_x, self.half_height = _between(*WALL_X, self.u[5]), wall_half_height(tiles)
        self.face = self.wall_x - WALL_HALF_WIDTH
        reach = np.maximum(self.half_height, self.r[0] if blue_shape == SQUARE else self.r.max(axis=0)) + MARGIN
        self.wall_y = _between(reach, laws.WORLD_SIZE - reach, self.u[6])
        self.x, self.y = np.zeros_like(self.r), np.stack([self.wall_y, self.wall_y])
        self.speed = np.zeros_like(self.r)  # signed
        self.shape = np.array([CIRCLE, blue_shape])
        self.present = np.ones((2, len(units)))
        self.keep = np.ones(len(units), dtype=bool)

    def bounce(self, ball: int) -> None:
        """Let a ball move right and reach the wall at a random time; uses number 7."""
        r, v = self.r[ball], self.v[ball]
        latest = np.minimum(_LAST_S, (self.face - 2 * r - MARGIN) / v)
        self.x[ball] = self.face - r - v * _between(_FIRST_S, latest, self.u[7])
        self.speed[ball] = v

    def rows(self) -> tuple[Array, NDArray[np.bool_]]:
        """(N, K) initial values and (N,) which of them to try."""
        r = self.r * self.present
        columns = [(self.x[k], self.y[k], r[k], self.speed[k], np.full_like(r[k], self.shape[k])) for k in (0, 1)]
        init = np.stack([*columns[0], *columns[1], self.wall_x, self.wall_y, self.half_height, *self.present], axis=-1)
        return init, self.keep


Rows = tuple[Array, NDArray[np.bool_]]


def _spatial(units: Array, red_moves: bool, blue_moves: bool) -> Rows:
    scene = _Proposal(units, SQUARE)
    if red_moves:
        scene.bounce(0)
    else:
        scene.x[0] = _between(scene.r[0] + MARGIN, scene.face - scene.r[0] - GAP, scene.u[8])
    r, v = scene.r[1], scene.v[1] * blue_moves
    way = v * FRAMES_IN_VIEW * laws.FRAME_S
    scene.x[1] = _between(r + MARGIN, laws.WORLD_SIZE - r - MARGIN - way, scene.u[9])
    scene.y[1] = _between(r + MARGIN, laws.WORLD_SIZE - r - MARGIN, scene.u[10])
    scene.speed[1] = v
    scene.keep = np.abs(scene.y[1] - scene.wall_y) >= np.maximum(scene.r[0], scene.half_height) + r + GAP
    return scene.rows()


def _bounce(units: Array, ball: int, alone: bool) -> Rows:
    """One ball bounces, the other rests anywhere that leaves the first one's path free, or is not there."""
    scene, other = _Proposal(units), 1 - ball
    scene.bounce(ball)
    if alone:
        scene.present[other], scene.x[other], scene.y[other] = 0, 0, 0
        return scene.rows()
    r = scene.r[other]
    scene.x[other] = _between(r + MARGIN, scene.face - r - GAP, scene.u[8])
    scene.y[other] = _between(r + MARGIN, laws.WORLD_SIZE - r - MARGIN, scene.u[9])
    away = scene.face - scene.r[ball]
    leftmost = np.minimum(scene.x[ball], 2 * away - scene.x[ball] - scene.v[ball] * _END_S)
    nearest = np.clip(scene.x[other], leftmost, away)
    scene.keep = (
        np.maximum(np.abs(nearest - scene.x[other]), np.abs(scene.y[other] - scene.wall_y)) >= scene.r.sum(0) + GAP
    )
    return scene.rows()


def _collide(units: Array, bounce: bool) -> Rows:
    """Red from the left and blue from the right meet at a random place and time; then blue reaches the wall or not."""
    scene = _Proposal(units)
    (r1, r2), (v1, v2), face = scene.r, scene.v, scene.face
    w1, w2 = laws.impact(np.stack([v1, -v2], axis=-1), scene.r.T**2).T
    if bounce:
        to_wall = _between(MARGIN, NEAR_WALL, scene.u[8])
        meet = face - 2 * r2 - to_wall  # where the balls touch
        way = to_wall / np.where(w2 > 0, w2, np.inf)  # time to the wall
        latest = np.minimum.reduce([_LAST_S - way, (to_wall - MARGIN) / v2, (meet - 2 * r1 - MARGIN) / v1])
        time = _between(_FIRST_S, latest, scene.u[7])
        again = way + np.where(w1 + w2 > 0, (w2 - w1) * way / np.where(w1 + w2 > 0, w1 + w2, 1), np.inf)
        scene.keep = (latest > _FIRST_S) & (w2 >= SPEEDS[0]) & (w2 <= SPEEDS[1]) & (way >= _BETWEEN_S)
        scene.keep &= (time + again > _END_S) & (meet - 2 * r1 + w1 * (way + _AFTER_S) >= 0)
    else:
        room = face - 2 * (r1 + r2) - 2 * MARGIN
        time = _between(_FIRST_S, np.minimum(_LAST_S, room / (v1 + v2)), scene.u[7])
        low = 2 * r1 + np.maximum(MARGIN + v1 * time, -w1 * _AFTER_S)
        to_wall = np.maximum.reduce([np.full_like(w2, NEAR_WALL), MARGIN + v2 * time, GAP + w2 * (_END_S - time)])
        high = face - 2 * r2 - to_wall
        meet = _between(low, high, scene.u[8])
        scene.keep = low < high
    scene.x = np.stack([meet - r1 - v1 * time, meet + r2 + v2 * time])
    scene.speed = np.stack([v1, -v2])
    return scene.rows()


@dataclass(frozen=True)
class _Case:
    """A kind of scene: how to propose one, and the contacts it must have, in order."""

    propose: Callable[[Array], Rows]
    events: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Composition:
    """A study's cases. Training scene i is of case i modulo their number; even ones are half A, odd ones half B."""

    train: tuple[_Case, ...]
    test: _Case


_COLLISION = _Case(partial(_collide, bounce=False), ((0, 1),))
_BOUNCES = tuple(_Case(partial(_bounce, ball=ball, alone=False), ((ball, WALL),)) for ball in (0, 1))
_BOUNCE_ALONE = _Case(partial(_bounce, ball=1, alone=True), ((1, WALL),))
_BOTH = _Case(partial(_collide, bounce=True), ((0, 1), (1, WALL)))
COMPOSITIONS = {
    "composition_spatial": Composition(
        (
            _Case(partial(_spatial, red_moves=False, blue_moves=True), ()),
            _Case(partial(_spatial, red_moves=True, blue_moves=False), ((0, WALL),)),
        ),
        _Case(partial(_spatial, red_moves=True, blue_moves=True), ((0, WALL),)),
    ),
    "composition_temporal": Composition((_COLLISION, _BOUNCES[0], _COLLISION, _BOUNCES[1]), _BOTH),
    "composition_temporal_plain": Composition((_COLLISION, _BOUNCE_ALONE), _BOTH),
}


def wall_half_height(tiles: Array) -> Array:
    """Half the height of a wall of that many tiles, world units."""
    return np.asarray(WALL_HALF_WIDTH * (1 + (tiles - 1) * _TILE_STEP))


def object_scene(init: Array) -> ObjectScene:
    """(K,) initial values -> the scene for the engine."""
    row = dict(zip(FACTORS, init.tolist(), strict=True))
    names = ("red", "blue")
    return ObjectScene(
        tuple(int(row[f"{name}_shape"]) for name in names),
        tuple(row[f"{name}_r"] for name in names),
        np.array([[row[f"{name}_x"], row[f"{name}_y"]] for name in names]),
        np.array([[row[f"{name}_v"], 0.0] for name in names]),
        (Wall(row["wall_x"], row["wall_y"], WALL_HALF_WIDTH, row["wall_half_height"]),),
    )


def _accepted(scene: ObjectScene, motion: Motion, events: tuple[tuple[int, int], ...]) -> bool:
    """Whether the engine's record shows the case's events alone, at good times and in view."""
    if tuple((a, b) for _, a, b in motion.contacts) != events:
        return False
    at = laws.steps_at_frame(NUM_FRAMES)
    # Frames before the first event, between events, and after the last one.
    steps = [0, *[step for step, _, _ in motion.contacts], np.inf]
    frames = [int(((at > a) & (at < b)).sum()) for a, b in pairwise(steps)]
    least = [CONDITION_FRAMES, *[FRAMES_BETWEEN] * (len(events) - 1), FRAMES_AFTER] if events else [CONDITION_FRAMES]
    if any(found < asked for found, asked in zip(frames, least, strict=True)):
        return False
    radii = np.array(scene.radii)
    for k in np.flatnonzero(radii):
        last = max((step for step, a, b in motion.contacts if k in (a, b)), default=None)
        shown = FRAMES_IN_VIEW if last is None else int((at <= last).sum()) + FRAMES_AFTER
        if np.abs(motion.positions[:shown, k] - laws.WORLD_SIZE / 2).max() > laws.WORLD_SIZE / 2 - radii[k]:
            return False
    if (0, 1) in events or not radii.all():
        return True
    apart = np.abs(motion.positions[:, 0] - motion.positions[:, 1]).max(axis=-1)
    return bool(apart.min() >= radii.sum() + GAP - 1e-9)


class CompositionScenes:
    """A set of scenes: scene i depends on (name, split, seed, i) alone. What was simulated is remembered, for up to
    300,000 scenes at a time, because training draws scenes again and again.

    Args:
        name: composition_spatial, composition_temporal or composition_temporal_plain.
        split: "train/<size>" or "eval/both".
        num_frames: of a clip, 1 to 32; the scenes are the same for any number.
    Raises:
        UserError: unknown name, split or number of frames (lists the valid ones).
    """

    def __init__(self, name: str, split: str, seed: int = 0, num_frames: int = NUM_FRAMES) -> None:
        if name not in COMPOSITIONS:
            raise unknown("composition", name, COMPOSITIONS)
        sizes = {**{f"train/{size}": count for size, count in TRAIN_SIZES.items()}, "eval/both": TEST_SIZE}
        if split not in sizes:
            raise unknown(f"split of {name}", split, sizes)
        self.name, self.split, self.seed, self.num_frames = name, split, seed, _check_frames(num_frames)
        composition = COMPOSITIONS[name]
        self._cases = (composition.test,) if split == "eval/both" else composition.train
        self._count = sizes[split]
        slots = min(self._count, _CACHE_SCENES)  # scene i is remembered in slot i % slots
        self._known = np.full(slots, -1)
        self._init = np.empty((slots, len(FACTORS)))
        self._positions = np.empty((slots, NUM_FRAMES, 2, 2), dtype=np.float32)
        self._lock = Lock()

    def __len__(self) -> int:
        return self._count

    def _frames(self, asked: int | None) -> int:
        return self.num_frames if asked is None else _check_frames(asked)

    def _find(self, number: int, case: _Case) -> tuple[Array, Motion]:
        """The first of the scene's proposals that is accepted."""
        for block in range(_MAX_BLOCKS):
            key = stream_key("composition", self.name, self.split, self.seed, block)
            units = uniforms(key, np.array([number]), _ATTEMPTS * _DRAWS).reshape(_ATTEMPTS, _DRAWS)
            init, keep = case.propose(units)
            for row in init[keep]:
                scene = object_scene(row)
                motion = simulate_objects(scene, NUM_FRAMES)
                if _accepted(scene, motion, case.events):
                    return row, motion
        raise RuntimeError(f"no scene {number} of {self.name} {self.split} in {_MAX_BLOCKS * _ATTEMPTS} attempts")

    def _scenes(self, index: Index) -> tuple[Array, Array]:
        """(N,) numbers -> (N, K) initial values and (N, 32, 2, 2) positions."""
        index = check_numbers(index, len(self), "scene")
        slots = index % len(self._known)
        with self._lock:
            init, positions = self._init[slots], self._positions[slots]
            missing = self._known[slots] != index
            new, place = np.unique(index[missing], return_inverse=True)
            found = [self._find(number, self._cases[number % len(self._cases)]) for number in new.tolist()]
            if found:
                rows, moved = np.stack([f[0] for f in found]), np.stack([f[1].positions for f in found])
                init[missing], positions[missing] = rows[place], moved[place]
                for slot, number, row, motion in zip(new % len(self._known), new, rows, moved, strict=True):
                    self._known[slot], self._init[slot], self._positions[slot] = number, row, motion
        return init, positions.astype(np.float64)

    def init(self, index: Index) -> Array:
        """(N,) scene numbers -> (N, K) initial values; FACTORS names the columns."""
        return self._scenes(index)[0]

    def positions(self, index: Index, num_frames: int | None = None) -> Array:
        """(N,) scene numbers -> (N, T, 2, 2): scene, frame, red or blue, coordinate; rounded to float32.

        Raises:
            UserError: more than 32 frames or fewer than 1.
        """
        return self._scenes(index)[1][:, : self._frames(num_frames)]

    def trajectory(self, index: Index, num_frames: int | None = None) -> Trajectory:
        """(N,) scene numbers -> trajectories of red, blue and the wall's squares from bottom to top; what a scene lacks
        has radius 0."""
        init, positions = self._scenes(index)
        return composition_trajectory(init, positions[:, : self._frames(num_frames)])

    def contacts(self, index: Index) -> list[list[Contact]]:
        """(N,) scene numbers -> each one's contacts within 32 frames (0 red, 1 blue, WALL), simulated anew."""
        return [simulate_objects(object_scene(row), NUM_FRAMES).contacts for row in self.init(index)]

    def digest(self) -> str:
        """SHA-256 of what the set consists of: name, size, and initial values and positions of (up to 1,024) scenes
        spread evenly over it, rounded to 1e-6."""
        index = np.unique(np.linspace(0, len(self) - 1, min(len(self), _DIGEST_SCENES)).astype(np.int64))
        digest = hashlib.sha256(f"{self.name} {self.split} {len(self)}".encode())
        for values in self._scenes(index):
            digest.update(np.round(values * 1e6).astype("<i8").tobytes())
        return digest.hexdigest()


def columns(init: Array, *names: str) -> Array:
    """(N, K) initial values -> (N, names) those of FACTORS, e.g. columns(init, "red_r", "blue_r")."""
    return init[:, [FACTORS.index(name) for name in names]]


def composition_trajectory(init: Array, positions: Array) -> Trajectory:
    """(N, K) initial values and (N, T, 2, 2) positions of red and blue -> what a renderer needs."""
    count, most = len(init), WALL_TILES[1]
    wall_x, wall_y, half_height = columns(init, "wall_x", "wall_y", "wall_half_height").T[..., None]
    tile = np.arange(most)
    tiles = np.rint((half_height / WALL_HALF_WIDTH - 1) / _TILE_STEP + 1)
    wall = np.empty((count, positions.shape[1], most, 2))
    wall[..., 0] = wall_x[:, None]
    wall[..., 1] = (wall_y + (tile - (tiles - 1) / 2) * (2 * WALL_HALF_WIDTH * _TILE_STEP))[:, None]
    colours = np.array([RED, BLUE, *[(0, 0, 0)] * most], dtype=np.uint8)
    squares = np.full((count, most), SQUARE)
    sides = np.where(tile < tiles, WALL_HALF_WIDTH, 0.0)
    return Trajectory(
        np.concatenate([positions, wall], axis=2),
        np.concatenate([columns(init, "red_r", "blue_r"), sides], axis=1),
        np.broadcast_to(colours, (count, *colours.shape)),
        np.concatenate([columns(init, "red_shape", "blue_shape"), squares], axis=1).astype(np.uint8),
    )


def _check_frames(num_frames: int) -> int:
    """Raises UserError unless a clip can have that many frames: events are placed for 32."""
    if not 1 <= num_frames <= NUM_FRAMES:
        raise UserError(f"num_frames must be 1 to {NUM_FRAMES}, got {num_frames}")
    return num_frames
