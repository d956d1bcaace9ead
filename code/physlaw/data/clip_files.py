"""Numbered clips of any world to files, streamed, on all cores, continued where a stopped call left off.

Every format is written shard by shard. A shard appears whole or not at all. HDF5 and mp4 shards in a folder are the
result; a single HDF5 or npz file is put together from shards kept in <out>.parts/ until it is whole. The card is
written last: a set without one is not finished.
"""

from __future__ import annotations

import errno
import math
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from physlaw.data.card import card_of, card_path
from physlaw.data.hdf5_file import open_hdf5
from physlaw.data.hdf5_reader import LAYOUTS
from physlaw.data.mp4 import BLOCK_PX, encode_mp4
from physlaw.data.npz import NpzWriter, Truth, save_npz, stored_frames
from physlaw.errors import UserError
from physlaw.files import FULL, visible, write_atomic, write_bytes, write_json
from physlaw.lease import leased
from physlaw.schema import read_record

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]
Made = tuple[Any, Truth]  # some clips, a list of mp4 files or an array of frames, and their rows

FORMATS = ("released", "npz", "mp4")
_TASK_BYTES = 8 << 20  # frames that one task renders


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

    def join(self, shards: list[Truth]) -> Truth:
        """The ground truth of several shards as one."""


class Output(Protocol):
    """What every configuration of `physlaw simulate` has; its other values only tell sets apart."""

    out: str
    format: str | None
    count: int | None
    offset: int
    resolution: int
    workers: int | None


def format_of(config: Output) -> str:
    """The format asked for, or the one that the name of the output says.

    Raises:
        UserError: unknown format, or one that does not fit the name or the resolution.
    """
    suffix = Path(config.out).suffix
    known = config.format or ("npz" if suffix == ".npz" else "released")
    fits = {"npz": (".npz",), "released": ("", ".hdf5"), "mp4": ("",)}[known]
    if not config.out or suffix not in fits:
        wanted = {"npz": "a .npz file", "released": "a folder or a .hdf5 file", "mp4": "a folder"}[known]
        raise UserError(f"format={known} needs out to name {wanted}, got {config.out!r}")
    if known != "npz" and config.resolution % BLOCK_PX:
        raise UserError(f"format={known} needs a resolution that is a multiple of {BLOCK_PX}, got {config.resolution}")
    return known


def write_set(clips: ClipSet, config: Output) -> tuple[Path, int]:
    """Write clips of a set and their card; returns the path and how many there are. What is already there is kept.

    Raises:
        UserError: bad names or sizes, another set is there, or another process writes it.
        OSError: the files cannot be written (a full disk); what is finished is kept.
    """
    written_as, path = format_of(config), Path(config.out)
    if not 0 <= config.offset < len(clips):
        raise UserError(f"offset must be 0 to {len(clips) - 1}, got {config.offset}")
    count = len(clips) - config.offset if config.count is None else config.count
    if not 1 <= count <= len(clips) - config.offset:
        raise UserError(f"count must be 1 to {len(clips) - config.offset}, got {count}")
    identity = {k: v for k, v in vars(config).items() if k not in ("out", "workers")} | {
        "format": written_as,
        "count": count,
        "scenes_digest": clips.digest(),
    }
    single = bool(path.suffix)
    work = path.with_name(path.name + ".parts") if single else path
    card = card_path(path)
    plan = work / "plan.json"
    if card.exists():
        if _is_whole(card, identity, path):
            return path, count
    elif plan.exists():
        with suppress(FileNotFoundError):  # finished this moment
            _check_identity(plan, identity, path)  # before waiting for whoever writes it
    elif single and path.exists():
        raise UserError(f"{path} is there without its card {card.name}; remove it or choose another out=")
    with leased(work, f"the clip set {path}", patience_s=math.inf, say=_say):
        if not (card.exists() and _is_whole(card, identity, path)):  # nobody has made it meanwhile
            if card.exists():  # files are gone: the rest is kept, they are made again
                write_json(plan, {"settings": identity})
                card.unlink()
            _write(config, written_as, clips, identity, work, path)
        if single:
            shutil.rmtree(work, ignore_errors=True)  # others that wait have files there
    return path, count


def _say(text: str) -> None:
    print(f"physlaw: {text}", file=sys.stderr, flush=True)


def _is_whole(card: Path, identity: dict[str, Any], path: Path) -> bool:
    """Every file of the set that the card describes is there. Raises UserError when that is another set."""
    _check_identity(card, identity, path)
    return all((card.parent / file).exists() for file in read_record(card, "files")["files"])


def _check_identity(card: Path, identity: dict[str, Any], path: Path) -> None:
    known = read_record(card).get("settings", {})
    different = [key for key, value in identity.items() if known.get(key) != value]
    if different:
        raise UserError(
            f"{path} holds another set of clips ({different[0]} is {known.get(different[0])!r}, asked for is "
            f"{identity[different[0]]!r}); remove it or choose another out="
        )


def _write(config: Output, written_as: str, clips: ClipSet, identity: dict[str, Any], work: Path, path: Path) -> None:
    for stale in [*work.glob(".*.tmp"), *path.parent.glob(f".{path.name}.*.tmp")]:
        stale.unlink()  # of a killed call; the lease says that no other is running
    plan = work / "plan.json"
    if plan.exists():
        _check_identity(plan, identity, path)
    elif visible(work, "*"):
        raise UserError(f"{work} holds other files; choose another out=")
    write_json(plan, {"settings": identity})
    began, workers = time.monotonic(), config.workers or len(os.sched_getaffinity(0))
    shards = clips.shards(np.arange(config.offset, config.offset + identity["count"]))
    parts = {number: _shard_file(work, written_as, clips, number) for number, _ in shards}
    missing = [shard for shard in shards if not parts[shard[0]].exists()]
    each = max(1, _TASK_BYTES // (clips.num_frames * config.resolution**2 * 3))
    tasks = (index[start : start + each] for _, index in missing for start in range(0, len(index), each))
    with ThreadPoolExecutor(workers) as pool:
        made = _ahead(pool, 2 * workers, partial(_make, clips, config.resolution, written_as != "npz"), tasks)
        for done, (number, index) in enumerate(missing, 1 + len(shards) - len(missing)):
            _SHARD_WRITERS[written_as](work, number, clips, index, islice(made, -(-len(index) // each)))
            seconds = time.monotonic() - began
            _say(f"shard {done} of {len(shards)}, {seconds:.0f} s")
    if path.suffix:
        _write_whole(path, partial(_merge_hdf5 if written_as == "released" else _merge_npz, clips, parts))
    card = card_of(clips.card(identity["count"]), identity, [path] if path.suffix else list(parts.values()))
    card |= {"seconds": round(time.monotonic() - began, 1), "workers": workers}
    write_json(card_path(path), card | {"shards_found": len(shards) - len(missing)})
    plan.unlink()


def _shard_file(work: Path, written_as: str, clips: ClipSet, number: int) -> Path:
    """The file whose presence says that a shard is whole."""
    released = written_as == "released"
    return work / (f"{clips.released_name(number)}.hdf5" if released else f"{clips.key(number)}.npz")


def _make(clips: ClipSet, resolution: int, encode: bool, index: Index) -> Made:
    frames, truth = clips.make(index, resolution)
    return [encode_mp4(clip) for clip in frames] if encode else frames, truth


def _ahead(
    pool: ThreadPoolExecutor, limit: int, make: Callable[[Index], Made], tasks: Iterable[Index]
) -> Iterator[Made]:
    """Results in order; a bounded number is made ahead."""
    running = deque[Future[Made]]()
    for task in tasks:
        running.append(pool.submit(make, task))
        if len(running) > limit:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


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


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
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

    _write_whole(_shard_file(work, "released", clips, number), write)


def _write_mp4_shard(work: Path, number: int, clips: ClipSet, index: Index, made: Iterable[Made]) -> None:
    """One file per clip; the ground truth closes the shard."""
    videos, truth = _gathered(made)
    for name, video in zip(clips.samples(number, index), videos, strict=True):
        write_bytes(work / f"{name}.mp4", video)
    write_atomic(_shard_file(work, "mp4", clips, number), partial(save_npz, truth))


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

    write_atomic(_shard_file(work, "npz", clips, number), write)


_SHARD_WRITERS: dict[str, Callable[[Path, int, ClipSet, Index, Iterator[Made]], None]] = {
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
