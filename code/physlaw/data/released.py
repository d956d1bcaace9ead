"""Clips in the released layout: HDF5 shards, merged HDF5 files, and npz samples. Reading only.

Everything is checked on opening; frames are decoded clip by clip, on demand. Source: released data sections 6 and 10.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.discs import area_average
from physlaw.worlds.scenarios import SCENARIOS, Scenario, get_scenario

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]

NAMES = ("position_streams", "init_streams", "video_streams")


@dataclass
class ClipFile:
    """Clips with their ground truth.

    positions: (N, T, balls, 2) world units. init: (N, K). frames(i): (T', W, W, 3) uint8, row 0 on top.
    """

    positions: Array
    init: Array
    frames: Callable[[int], Frames]

    def __len__(self) -> int:
        return len(self.init)

    def scenario(self, name: str | None = None) -> Scenario:
        """The scenario named, or the one that the file's shapes and motion show.

        Raises:
            UserError: the name is unknown, or does not fit the file.
        """
        two_balls = self.positions.shape[2] == 2
        if name is None:
            falls = np.abs(np.diff(self.positions[:, :, 0, 1], axis=1)).max(initial=0) > 1e-3
            return SCENARIOS["collision" if two_balls else "parabola" if falls else "uniform"]
        known = get_scenario(name)
        if known.num_balls != self.positions.shape[2] or len(known.factors) > self.init.shape[1]:
            raise UserError(
                f"scenario {name!r} has {known.num_balls} ball(s) and {len(known.factors)} initial values; the file "
                f"has {self.positions.shape[2]} and {self.init.shape[1]}"
            )
        return known


def resize_frames(frames: Frames, side: int) -> Frames:
    """(T, W, W, 3) averaged over areas to side x side; the same frames when the size is already right.

    Raises:
        UserError: the frames are not 256 wide, or would be enlarged.
    """
    width = frames.shape[1]
    if width == side:
        return frames
    if width != 256 or not 16 <= side < width:
        raise UserError(f"cannot resize {width} x {width} frames to {side}; valid: 256 x 256 frames, 16 to 255 pixels")
    return area_average(frames, side)


def decode_mp4(data: NDArray[np.uint8], where: str) -> Frames:
    """One complete mp4 file in memory -> (T, H, W, 3) uint8. `where` names it in errors."""
    try:
        with io.BytesIO(np.asarray(data, dtype=np.uint8).tobytes()) as stream:
            return np.asarray(imageio.imread(stream, extension=".mp4", plugin="FFMPEG"))
    except Exception as error:
        raise UserError(f"{where}: not a readable mp4 ({type(error).__name__})") from None


def _check(positions: Array, init: Array, videos: int, where: str) -> Array:
    if positions.ndim == 3:
        positions = positions[:, :, None]
    if positions.ndim != 4 or positions.shape[-1] != 2 or positions.shape[2] not in (1, 2):
        raise UserError(f"{where}: positions must be (N, T, 2) or (N, T, 2, 2), got {positions.shape}")
    if init.ndim != 2 or init.shape[1] < 2 * positions.shape[2]:
        raise UserError(f"{where}: init must be (N, 2) or (N, 4), got {init.shape}")
    if not len(positions) == len(init) == videos:
        raise UserError(f"{where}: {videos} videos, {len(positions)} positions and {len(init)} init rows do not match")
    for name, values in (("positions", positions), ("init", init)):
        if not np.isfinite(values).all():
            raise UserError(f"{where}: {name} of clip {int(np.argwhere(~np.isfinite(values))[0][0])} are not finite")
    return positions


def _read_npz(path: Path) -> ClipFile:
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in ("frames", "positions", "init") if name not in archive.files]
            if missing:
                raise UserError(f"{path}: no array {missing[0]!r}; needed: frames, positions, init")
            frames, positions, init = (archive[name] for name in ("frames", "positions", "init"))
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        if isinstance(error, UserError | FileNotFoundError):
            raise
        raise UserError(f"{path}: not a readable npz file ({error})") from None
    if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or frames.shape[2] != frames.shape[3]:
        raise UserError(f"{path}: frames must be (N, T, W, W, 3) uint8, got {frames.shape} {frames.dtype}")
    positions, init = positions.astype(np.float64), init.astype(np.float64)
    return ClipFile(_check(positions, init, len(frames), str(path)), init, lambda i: frames[i])


def _read_hdf5(path: Path) -> ClipFile:
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path}: not a readable HDF5 file ({error})") from None
    missing = [name for name in NAMES if name not in file]
    if missing:
        raise UserError(f"{path}: no dataset or group {missing[0]!r}; needed: {', '.join(NAMES)}")
    merged = isinstance(file["video_streams"], h5py.Group)
    keys = sorted(file["video_streams"]) if merged else [""]
    positions, init, where = [], [], []
    for key in keys:
        place = f"{path}:{key}" if key else str(path)
        try:
            parts = [file[f"{name}/{key}" if key else name] for name in NAMES]
            p, i = np.asarray(parts[0][:], dtype=np.float64), np.asarray(parts[1][:], dtype=np.float64)
        except (KeyError, OSError, TypeError, ValueError) as error:
            raise UserError(f"{place}: cannot be read ({error})") from None
        positions.append(_check(p, i, len(parts[2]), place))
        init.append(i)
        where += [(key, row) for row in range(len(i))]
    if not where:
        raise UserError(f"{path}: no clips")

    def frames(index: int) -> Frames:
        key, row = where[index]
        try:
            data = file[f"video_streams/{key}" if key else "video_streams"][row]
        except OSError as error:
            raise UserError(f"{path}:{key} clip {row}: cannot be read ({error})") from None
        return decode_mp4(data, f"{path}:{key} clip {row}")

    return ClipFile(np.concatenate(positions), np.concatenate(init), frames)


def open_clips(path: str | Path) -> ClipFile:
    """Open a file in the released layout.

    Raises:
        UserError: not there, not readable, or malformed (the message names the file and the key).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with path.open("rb") as stream:
        magic = stream.read(8)
    if magic.startswith(b"\x89HDF\r\n\x1a\n"):
        return _read_hdf5(path)
    if magic.startswith(b"PK"):
        return _read_npz(path)
    raise UserError(f"{path}: neither an HDF5 nor an npz file")
