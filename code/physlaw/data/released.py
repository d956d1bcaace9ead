"""Clips in the released layout: HDF5 shards, folders of them, merged HDF5 files, and npz samples. Reading only.

Source: released data sections 6 and 10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from physlaw.data.hdf5 import Hdf5Records, is_hdf5
from physlaw.data.npz import NpzRecords
from physlaw.data.records import DIGEST_CLIPS, Array, ClipCounts, Frames, Index, Reading, Records
from physlaw.errors import UserError
from physlaw.files import visible
from physlaw.render.averaging import NATIVE, area_average
from physlaw.worlds.grids import check_numbers, spread
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import DIGEST_SCENES, Trajectory, ball_trajectory


class ClipFile:
    """Clips with their ground truth, of any format; a source of training clips like a rendered set.

    Args:
        resolution: side that `clips` gives; frames of 256 pixels are averaged over areas. None: as stored.
        num_frames: that `clips` and `trajectory` give, from the start. None: all.
        scenario: None: what the first clips show.
    Raises:
        UserError: the scenario does not fit the file, or it has not so many frames; later, reading what is damaged,
            naming file and key.
    """

    def __init__(
        self,
        records: Records,
        name: str,
        resolution: int | None = None,
        num_frames: int | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        if num_frames is not None and not 1 <= num_frames <= records.num_frames:
            raise UserError(f"{name}: num_frames must be 1 to {records.num_frames}, got {num_frames}")
        self.records, self.name = records, name
        self.resolution, self.num_frames = resolution, num_frames
        self.reading = Reading(records.num_frames, num_frames)
        self._scenario = None if scenario is None else self._fitting(scenario)

    def __len__(self) -> int:
        return len(self.records)

    def init(self, index: Index) -> Array:
        """(N,) numbers -> (N, K) initial values."""
        return self.records.init(self._check(index))

    def positions(self, index: Index) -> Array:
        """(N,) numbers -> (N, T, balls, 2)."""
        return self.records.positions(self._check(index))

    def frames(self, number: int) -> Frames:
        """(T', W, W, 3) uint8 of one clip, row 0 on top."""
        self._check(np.array([number]))
        return self.records.frames(number)

    def clip(self, number: int) -> Frames:
        """(T', W, W, 3) uint8 of one clip at the wanted length and resolution; see Reading for the length."""
        frames = self.reading.frames(self.frames(number), number, f"{self.name}: clip {number}")
        if self.resolution is None or self.resolution == frames.shape[1]:
            return frames
        self.reading.resized.add(number)
        return resize_frames(frames, self.resolution)

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T', W, W, 3) uint8 at the wanted length and resolution."""
        frames = [self.clip(int(number)) for number in index]
        for number, f in zip(index, frames, strict=True):
            if f.shape != frames[0].shape:
                raise UserError(
                    f"{self.name}: clip {number} has frames of shape {f.shape}, clip {index[0]} of {frames[0].shape}"
                )
        return np.stack(frames)

    def trajectory(self, index: Index, num_frames: int | None = None) -> Trajectory:
        """(N,) numbers -> trajectories of the balls, over the first num_frames frames."""
        positions = self.positions(index)[:, : num_frames or self.num_frames]
        return ball_trajectory(positions, self.scenario.radii(self.init(index)))

    @property
    def scenario(self) -> Scenario:
        """The scenario named, or the one that the first clips show."""
        if self._scenario is None:
            some = self.positions(np.arange(min(len(self), 16)))
            falls = np.abs(np.diff(some[:, :, 0, 1], axis=1)).max(initial=0) > 1e-3
            two_balls = self.records.num_balls == 2
            self._scenario = SCENARIOS["collision" if two_balls else "parabola" if falls else "uniform"]
        return self._scenario

    def digest(self) -> str:
        """SHA-256 of the content as read: its size, initial values and positions of (up to 4,096) clips spread evenly
        over it, and all pixels of (up to 64)."""
        digest = hashlib.sha256(f"{self.scenario.name} {len(self)}".encode())
        index = spread(len(self), DIGEST_SCENES)
        for values in (self.init(index), self.positions(index)):
            digest.update(np.round(values * 1e9).astype("<i8").tobytes())
        for number in spread(len(self), DIGEST_CLIPS):
            digest.update(self.frames(int(number)).tobytes())
        return digest.hexdigest()

    def counts(self) -> ClipCounts:
        """What became of the clips that were read."""
        return self.reading.counts(len(self))

    def _fitting(self, known: Scenario) -> Scenario:
        balls, factors = self.records.num_balls, self.records.num_factors
        if known.num_balls != balls or len(known.factors) > factors:
            raise UserError(
                f"{self.name}: scenario {known.name!r} has {known.num_balls} ball(s) and {len(known.factors)} initial "
                f"values; the file has {balls} and {factors}"
            )
        return known

    def _check(self, index: Index) -> Index:
        return check_numbers(index, len(self), f"{self.name}: clip")


def resize_frames(frames: Frames, side: int) -> Frames:
    """(T, W, W, 3) averaged over areas to side x side; the same frames when the size is already right.

    Raises:
        UserError: the frames are not 256 wide, or would be enlarged.
    """
    width = frames.shape[1]
    if width == side:
        return frames
    if width != NATIVE or not 16 <= side < width:
        raise UserError(f"cannot resize {width} x {width} frames to {side}; valid: 256 x 256 frames, 16 to 255 pixels")
    return area_average(frames, side)


def open_clips(
    path: str | Path, resolution: int | None = None, num_frames: int | None = None, scenario: Scenario | None = None
) -> ClipFile:
    """Open clips in the released layout: an HDF5 file (shard or merged), a folder of shards, or an npz file.

    The other arguments are ClipFile's.

    Raises:
        UserError: not there, not readable, or malformed (the message names the file and the key).
    """
    records: Records = open_with(Path(path), Hdf5Records, NpzRecords, lambda file: (len(file.stem), file.stem))
    return ClipFile(records, str(path), resolution, num_frames, scenario)


def open_with(
    path: Path, hdf5: Callable[[list[Path]], Any], npz: Callable[[Path], Any], order: Callable[[Path], Any]
) -> Any:
    """A file, or a folder of HDF5 files sorted by `order`, opened by the reader for its format.

    Raises:
        UserError: it is not there or neither of the two.
    """
    if path.is_dir():
        shards = sorted(visible(path, "*.hdf5"), key=order)
        if not shards:
            raise UserError(f"{path}: no *.hdf5 files in this folder")
        return hdf5(shards)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder")
    with path.open("rb") as stream:
        if stream.read(2) == b"PK":
            return npz(path)
        if is_hdf5(stream):
            return hdf5([path])
    raise UserError(f"{path}: neither an HDF5 nor an npz file")
