"""Clips of the combinatorial world in files: scene files, folders of them, merged HDF5 files, npz. Reading only."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from physlaw.data.phyre_records import BodyRecords, Features, PhyreHdf5, PhyreNpz, by_number
from physlaw.data.records import DIGEST_CLIPS, Array, Frames, Index, Reading
from physlaw.data.released import open_with
from physlaw.errors import UserError
from physlaw.render.config import MIN_RESOLUTION, check_resolution
from physlaw.worlds.grids import check_numbers, spread
from physlaw.worlds.phyre import WORLD
from physlaw.worlds.scenes import DIGEST_SCENES


class PhyreFile:
    """Clips with their ground truth, of any format; a source of training clips like RenderedBodies.

    Args:
        resolution: side that `clips` gives; larger frames are averaged over blocks. None: as stored.
        num_frames: that `clips` and `features` give, from the start. None: all.
    Raises:
        UserError: not so many frames; later, reading what is damaged or does not fit, naming file and key.
    """

    def __init__(
        self, records: BodyRecords, name: str, resolution: int | None = None, num_frames: int | None = None
    ) -> None:
        if resolution is not None:
            check_resolution(resolution)
        if num_frames is not None and not 1 <= num_frames <= records.num_frames:
            raise UserError(f"{name}: num_frames must be 1 to {records.num_frames}, got {num_frames}")
        self.records, self.name, self.resolution = records, name, resolution
        self.num_frames = num_frames or records.num_frames
        self.reading = Reading(records.num_frames, num_frames)

    def __len__(self) -> int:
        return len(self.records)

    def actions(self, index: Index) -> Array:
        """(N,) numbers -> (N, 3) red balls (ax, ay, ar) in [0, 1]."""
        return self.records.actions(check_numbers(index, len(self), f"{self.name}: clip"))

    def features(self, number: int) -> Features:
        """(T, N, 14) of one clip's objects, as worlds/phyre/features.py explains, the red ball last."""
        return self.records.features(self._check(number))[: self.num_frames]

    def key(self, number: int) -> str:
        """The scene that a clip shows, e.g. "10000:007"; of a single scene file its name."""
        return self.records.key(self._check(number))

    def trial(self, number: int) -> int:
        """Which red ball of the scene a clip shows."""
        return self.records.trial(self._check(number))

    def frames(self, number: int) -> Frames:
        """(T, W, W, 3) uint8 of one clip as stored, row 0 on top, only the frames that are wanted (see Reading)."""
        return self.reading.frames(self.records.frames(self._check(number)), number, self._where(number))

    def clips(self, index: Index) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3) uint8 at the wanted length and resolution."""
        clips: Frames | None = None
        for row, number in enumerate(np.asarray(index).tolist()):
            frames = self.frames(number)
            if self.resolution not in (None, frames.shape[1]):
                self.reading.resized.add(number)
                frames = average_blocks(frames, self.resolution, self._where(number))
            if clips is None:
                clips = np.empty((len(index), *frames.shape), np.uint8)
            elif frames.shape != clips.shape[1:]:
                raise UserError(f"{self._where(number)}: frames of shape {frames.shape}, wanted are {clips.shape[1:]}")
            clips[row] = frames
        if clips is None:
            raise ValueError("no clips asked for")
        return clips

    def digest(self) -> str:
        """SHA-256 of the content as read: its size, the red balls of (up to 4,096) clips spread evenly over it, and
        scene, trial, features and all pixels of (up to 64)."""
        digest = hashlib.sha256(f"{WORLD} {len(self)} {self.num_frames}".encode())
        digest.update(np.round(self.actions(spread(len(self), DIGEST_SCENES)) * 1e9).astype("<i8").tobytes())
        for number in spread(len(self), DIGEST_CLIPS).tolist():
            digest.update(f"{self.key(number)} {self.trial(number)}".encode())
            digest.update(np.round(self.features(number).astype(np.float64) * 1e6).astype("<i8").tobytes())
            digest.update(self.frames(number).tobytes())
        return digest.hexdigest()

    def _where(self, number: int) -> str:
        return f"{self.name}: clip {number} of scene {self.records.key(number)}"

    def _check(self, number: int) -> int:
        return int(check_numbers(np.array([number]), len(self), f"{self.name}: clip")[0])


def average_blocks(frames: Frames, side: int, where: str) -> Frames:
    """(T, W, W, 3) averaged over whole blocks to side x side, rounded half up, as the renderer makes small pictures.

    Raises:
        UserError: W is no multiple of side; `where` names the clip.
    """
    count, width = frames.shape[:2]
    if width == side:
        return frames
    if width % side:
        valid = [str(s) for s in range(MIN_RESOLUTION, width + 1) if width % s == 0]
        raise UserError(
            f"{where}: frames of {width} x {width} pixels cannot be averaged down to {side}; valid: {', '.join(valid)}"
        )
    block = width // side
    lines = frames.reshape(count, side, block, width * 3)
    total = lines[:, :, 0].astype(np.uint16)  # at most 32 lines of 255
    for k in range(1, block):
        total += lines[:, :, k]
    columns = total.reshape(count, side, side, block, 3)
    whole = columns[:, :, :, 0].astype(np.uint32)
    for k in range(1, block):
        whole += columns[:, :, :, k]
    return ((whole + block * block // 2) // (block * block)).astype(np.uint8)


def open_phyre_clips(path: str | Path, resolution: int | None = None, num_frames: int | None = None) -> PhyreFile:
    """Open clips in the released layout: a scene file, a folder of them, a merged HDF5 file, or an npz file.

    The other arguments are PhyreFile's.

    Raises:
        UserError: not there, not readable, or malformed (the message names the file and the key).
    """
    records: BodyRecords = open_with(Path(path), PhyreHdf5, PhyreNpz, lambda file: by_number(file.stem))
    return PhyreFile(records, str(path), resolution, num_frames)
