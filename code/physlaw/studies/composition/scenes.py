"""Composed scenes: a red and a blue object and a wall, proposed from random numbers and kept if the engine's record of
contacts shows the case's events and no others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.studies.composition.proposals import (
    CONDITION_FRAMES,
    DRAWS,
    FRAMES_AFTER,
    FRAMES_BETWEEN,
    FRAMES_IN_VIEW,
    GAP,
    TILE_STEP,
    WALL_HALF_WIDTH,
    WALL_TILES,
    Array,
    Rows,
)
from physlaw.worlds import laws
from physlaw.worlds.appearance import BLUE, RED, SQUARE
from physlaw.worlds.grids import check_numbers, spread
from physlaw.worlds.objects import Contact, Motion, ObjectScene, Wall, simulate_objects
from physlaw.worlds.scenes import NUM_FRAMES, Trajectory
from physlaw.worlds.streams import stream_key, uniforms

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

_ATTEMPTS, _MAX_BLOCKS = 16, 200  # proposals drawn at once; blocks of them before giving up
_CACHE_SCENES = 300_000
_DIGEST_SCENES = 1024


@dataclass(frozen=True)
class Case:
    """A kind of scene: how to propose one, and the contacts it must have, in order."""

    propose: Callable[[Array], Rows]
    events: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Composition:
    """A scenario's cases. Training scene i is of case i modulo their number; even ones are half A, odd ones half B."""

    name: str
    train: tuple[Case, ...]
    test: Case


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
        split: "train/<size>" or "eval/both".
        num_frames: of a clip, 1 to 32; the scenes are the same for any number.
    Raises:
        UserError: unknown split or number of frames (lists the valid ones).
    """

    def __init__(self, composition: Composition, split: str, seed: int = 0, num_frames: int = NUM_FRAMES) -> None:
        sizes = {**{f"train/{size}": count for size, count in TRAIN_SIZES.items()}, "eval/both": TEST_SIZE}
        if split not in sizes:
            raise unknown(f"split of {composition.name}", split, sizes)
        self.name, self.split, self.seed = composition.name, split, seed
        self.num_frames = _check_frames(num_frames)
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

    def _find(self, number: int, case: Case) -> tuple[Array, Motion]:
        """The first of the scene's proposals that is accepted."""
        for block in range(_MAX_BLOCKS):
            key = stream_key("composition", self.name, self.split, self.seed, block)
            units = uniforms(key, np.array([number]), _ATTEMPTS * DRAWS).reshape(_ATTEMPTS, DRAWS)
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
        index = spread(len(self), _DIGEST_SCENES)
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
    tiles = np.rint((half_height / WALL_HALF_WIDTH - 1) / TILE_STEP + 1)
    wall = np.empty((count, positions.shape[1], most, 2))
    wall[..., 0] = wall_x[:, None]
    wall[..., 1] = (wall_y + (tile - (tiles - 1) / 2) * (2 * WALL_HALF_WIDTH * TILE_STEP))[:, None]
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
