"""What a file of the combinatorial world must provide, in the released HDF5 layout and as npz. Reading only.

Source: released combinatorial data, section 5.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from physlaw.data.hdf5 import Hdf5Shards, Shape
from physlaw.data.hdf5_reader import BODIES
from physlaw.data.npz import NpzFile
from physlaw.data.records import MAX_FRAMES, NUMBERS, Array, Frames, Index, check_finite
from physlaw.errors import UserError
from physlaw.render.bodies import MAX_BODIES
from physlaw.worlds.phyre.features import NUM_FEATURES

Features = NDArray[np.float32]

_KEY = re.compile(r"\d{1,9}:\d{1,9}")


class BodyRecords(Protocol):
    """Stored clips of bodies: what a file format must provide."""

    num_frames: int

    def __len__(self) -> int: ...

    def actions(self, index: Index) -> Array:
        """(N,) numbers -> (N, 3)."""

    def features(self, number: int) -> Features:
        """(T, N, 14), the red ball last."""

    def frames(self, number: int) -> Frames:
        """(T', W, W, 3) uint8, row 0 on top."""

    def key(self, number: int) -> str:
        """The scene, e.g. "10000:007"."""

    def trial(self, number: int) -> int:
        """Which red ball of the scene."""


def check_body_shapes(actions: Shape, objects: Shape, videos: Shape, where: str) -> None:
    """Raises UserError unless the three datasets of a scene fit each other."""
    if len(actions) != 2 or actions[1] != 3:
        raise UserError(f"{where}: action_streams must be (trials, 3), got {actions}")
    if (
        len(objects) != 4
        or objects[3] != NUM_FEATURES
        or not 1 <= objects[1] <= MAX_FRAMES
        or not 1 <= objects[2] <= MAX_BODIES
    ):
        raise UserError(f"{where}: object_streams must be (trials, T, N, {NUM_FEATURES}), got {objects}")
    if len(videos) != 1 or not actions[0] == objects[0] == videos[0]:
        raise UserError(f"{where}: videos {videos}, actions {actions} and objects {objects} do not match")


def check_key(key: str, where: str) -> None:
    """Raises UserError for a name that no scene can have."""
    if not _KEY.fullmatch(key):
        raise UserError(f"{where}: {key!r} is not a scene's key like 10000:007")


def by_number(key: str) -> tuple[list[int], str]:
    """Sorts 10000:000 as the release does; other names come by the numbers in them."""
    return [int(digits) for digits in re.findall(r"\d{1,9}", key)], key


class PhyreHdf5(Hdf5Shards):
    """Scene files, or merged files; each row of a scene is a video.

    Raises:
        UserError: a scene is malformed, or has another number of frames than those before; names file and key.
    """

    def __init__(self, paths: list[Path]) -> None:
        super().__init__(paths, BODIES, check_body_shapes)
        self.num_frames = self._shapes[0][1][1]
        for number, (_, objects) in enumerate(self._shapes):
            if objects[1] != self.num_frames:
                raise UserError(f"{self._name(number)}: {objects[1]} frames; the scenes before have {self.num_frames}")
        self._trials: dict[int, list[int]] = {}

    def sorted_keys(self, path: Path, keys: list[str]) -> list[str]:
        for key in keys:
            check_key(key, str(path))
        return sorted(keys, key=by_number)

    def actions(self, index: Index) -> Array:
        return self._rows("action_streams", index) if len(index) else np.empty((0, 3))

    def features(self, number: int) -> Features:
        return self._rows("object_streams", np.array([number]))[0].astype(np.float32)

    def key(self, number: int) -> str:
        path, key = self._shards[self._place(number)[0]]
        return key or path.stem

    def trial(self, number: int) -> int:
        shard, row = self._place(number)
        if shard not in self._trials:
            self._trials[shard] = self._ask(shard, "trials").tolist()
        return self._trials[shard][row]


class PhyreNpz(NpzFile):
    """Arrays `frames`, `action`, `features` and `objects`, `key` and `trial`, as data/phyre_write.py writes them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, {"action": NUMBERS, "features": NUMBERS, "objects": "iu", "key": "U", "trial": "iu"})
        self.num_frames = self.arrays["features"].shape[1]
        check_finite(self.arrays["action"], "action", str(path))
        features, objects = self.arrays["features"], self.arrays["objects"]
        if objects.min() < 1 or objects.max() > features.shape[2]:
            raise UserError(f"{path}: objects must be 1 to {features.shape[2]}")
        beyond = np.arange(features.shape[2]) >= objects[:, None]
        check_finite(np.where(beyond[:, None, :, None], 0, features), "features", str(path))
        try:
            self._keys: list[str] = self.arrays.pop("key").tolist()
        except ValueError as error:  # not characters
            raise UserError(f"{path}: array 'key' is damaged ({error})") from None
        for key in self._keys:
            check_key(key, str(path))

    def check_shapes(self, shapes: dict[str, Shape]) -> None:
        frames = shapes["frames"]
        check_body_shapes(shapes["action"], shapes["features"], frames[:1], str(self.path))
        for name in ("objects", "key", "trial"):
            if shapes[name] != frames[:1]:
                raise UserError(f"{self.path}: array {name!r} must be {frames[:1]}, got {shapes[name]}")

    def actions(self, index: Index) -> Array:
        return self.arrays["action"][index].astype(np.float64)

    def features(self, number: int) -> Features:
        values: NDArray[Any] = self.arrays["features"][number, :, : self.arrays["objects"][number]]
        return values.astype(np.float32)

    def key(self, number: int) -> str:
        return self._keys[number]

    def trial(self, number: int) -> int:
        return int(self.arrays["trial"][number])
