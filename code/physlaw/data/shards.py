"""The shards of a set of clips as files, in every format, and a set's shards as one file.

A shard appears whole or not at all.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from physlaw.data.hdf5_file import open_hdf5
from physlaw.data.hdf5_reader import LAYOUTS
from physlaw.data.mp4 import encode_mp4
from physlaw.data.npz import NpzWriter, Truth, save_npz, stored_frames
from physlaw.data.video import encode_video
from physlaw.files import FULL, write_atomic, write_bytes

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]
Made = tuple[Any, Truth]  # some clips, a list of mp4 files or an array of frames, and their rows


class ClipSet(Protocol):
    """What a world provides to have its numbered clips written."""

    @property
    def layout(self) -> str:
        """Of its HDF5 files; one of LAYOUTS."""

    @property
    def num_frames(self) -> int: ...

    def __len__(self) -> int: ...

    def digest(self) -> str:
        """SHA-256 of what the set consists of."""

    def card(self, written: int) -> dict[str, Any]:
        """The card's part on the world; `written` is how many clips are."""

    def shards(self, index: Index) -> list[tuple[int, Index]]:
        """(N,) ascending clip numbers -> (shard number, clip numbers) of every shard."""

    def key(self, shard: int) -> str:
        """A shard's name in a merged file, and of its file in every format but the released."""

    def released_name(self, shard: int) -> str:
        """A shard's HDF5 file, without the suffix."""

    def samples(self, shard: int, index: Index) -> list[str]:
        """The mp4 files of a shard's clips, without the suffix."""

    def make(self, index: Index, resolution: int) -> tuple[Frames, Truth]:
        """(N,) numbers of one shard -> (N, T, W, W, 3) uint8 and their ground truth. Called from several threads."""

    def write_truth(self, file: h5py.File, truth: Truth) -> None:
        """A shard's datasets, all but video_streams."""

    def described(self, truth: Truth) -> dict[str, list[Any]]:
        """A shard's clips in columns of plain numbers and text, a row per clip: what metadata.csv says of each."""

    def join(self, shards: list[Truth]) -> Truth:
        """The ground truth of several shards as one."""


# What makes a clip an mp4 file, by format; None: frames are stored. The release's files are what its readers expect,
# single ones are for people.
ENCODERS: dict[str, Callable[[Frames], bytes] | None] = {"released": encode_mp4, "npz": None, "mp4": encode_video}


def shard_file(work: Path, written_as: str, clips: ClipSet, number: int) -> Path:
    """The file whose presence says that a shard is whole."""
    released = written_as == "released"
    return work / (f"{clips.released_name(number)}.hdf5" if released else f"{clips.key(number)}.npz")


def concatenated(parts: Sequence[Truth]) -> Truth:
    """Rows of several parts, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _gathered(made: Iterable[Made]) -> tuple[list[bytes], Truth]:
    videos, truths = zip(*made, strict=True)
    return [video for part in videos for video in part], concatenated(truths)


def _full_disk(error: Exception) -> OSError | None:
    """The plain error behind one of HDF5's, which reports a full disk in words only."""
    for number in (*FULL, errno.EFBIG):
        if f"errno = {number}," in str(error) or getattr(error, "errno", None) == number:
            return OSError(number, os.strerror(number))
    return None


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """write_atomic with plain errors."""
    try:
        write_atomic(path, write)
    except (OSError, RuntimeError) as error:
        plain = _full_disk(error)
        if plain is None:
            raise
        raise OSError(plain.errno, plain.strerror, str(path)) from None


def write_hdf5_shard(work: Path, number: int, clips: ClipSet, index: Index, made: Iterable[Made]) -> None:
    videos, truth = _gathered(made)

    def write(temporary: Path) -> None:
        with open_hdf5(temporary, "w") as file:
            clips.write_truth(file, truth)
            stored = file.create_dataset("video_streams", (len(videos),), h5py.vlen_dtype(np.uint8))
            for row, video in enumerate(videos):
                stored[row] = np.frombuffer(video, np.uint8)

    write_whole(shard_file(work, "released", clips, number), write)


def _write_mp4_shard(work: Path, number: int, clips: ClipSet, index: Index, made: Iterable[Made]) -> None:
    """One file per clip; the ground truth closes the shard."""
    videos, truth = _gathered(made)
    for name, video in zip(clips.samples(number, index), videos, strict=True):
        write_bytes(work / f"{name}.mp4", video)
    write_atomic(shard_file(work, "mp4", clips, number), partial(save_npz, truth))


def _write_npz_shard(work: Path, number: int, clips: ClipSet, index: Index, made: Iterator[Made]) -> None:
    def write(temporary: Path) -> None:
        frames, truth = next(made)
        truths = [truth]
        with NpzWriter(temporary) as archive:
            with archive.frames((len(index), *frames[0].shape)) as stream:
                stream.write(frames)
                for frames, truth in made:
                    stream.write(frames)
                    truths.append(truth)
            archive.arrays(concatenated(truths))

    write_atomic(shard_file(work, "npz", clips, number), write)


SHARD_WRITERS: dict[str, Callable[[Path, int, ClipSet, Index, Iterator[Made]], None]] = {
    "released": write_hdf5_shard,
    "npz": _write_npz_shard,
    "mp4": _write_mp4_shard,
}


def _merge_hdf5(clips: ClipSet, parts: dict[int, Path], path: Path) -> None:
    """One group per dataset, one dataset per shard, named by the shard's key."""
    names = LAYOUTS[clips.layout]
    with open_hdf5(path, "w") as merged:
        for name in names:
            merged.create_group(name)
        for number, part in parts.items():
            with open_hdf5(part) as shard:
                for name in names:
                    shard.copy(name, merged[name], clips.key(number))


def _merge_npz(clips: ClipSet, parts: dict[int, Path], path: Path) -> None:
    truths = []
    for part in parts.values():
        with np.load(part, allow_pickle=False) as archive:
            truths.append({name: archive[name] for name in archive.files if name != "frames"})
    with stored_frames(next(iter(parts.values()))) as (shape, _):
        clip_shape = shape[1:]
    count = sum(len(next(iter(truth.values()))) for truth in truths)
    with NpzWriter(path) as merged:
        merged.arrays(clips.join(truths))
        with merged.frames((count, *clip_shape)) as whole:
            for part in parts.values():
                with stored_frames(part) as (_, stream):
                    shutil.copyfileobj(stream, whole, 1 << 22)


# Shards of a folder into one file.
MERGERS: dict[str, Callable[[ClipSet, dict[int, Path], Path], None]] = {"released": _merge_hdf5, "npz": _merge_npz}
