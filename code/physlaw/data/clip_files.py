"""Numbered clips of any world to files, streamed, on all cores, continued where a stopped call left off.

Every format is written shard by shard. A shard appears whole or not at all. HDF5 and mp4 shards in a folder are the
result; a single HDF5 or npz file is put together from shards kept in <out>.parts/ until it is whole. The card is
written last: a set without one is not finished.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from physlaw.data.card import card_of, card_path
from physlaw.data.mp4 import BLOCK_PX
from physlaw.data.shards import ENCODERS, MERGERS, SHARD_WRITERS, ClipSet, Frames, Index, Made, shard_file, write_whole
from physlaw.data.video import many_videos
from physlaw.data.video_folder import write_metadata
from physlaw.errors import UserError
from physlaw.files import visible, write_json
from physlaw.lease import leased
from physlaw.schema import read_record

FORMATS = ("released", "npz", "mp4")
_TASK_BYTES = 8 << 20  # frames that one task renders


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
    parts = {number: shard_file(work, written_as, clips, number) for number, _ in shards}
    missing = [shard for shard in shards if not parts[shard[0]].exists()]
    each = max(1, _TASK_BYTES // (clips.num_frames * config.resolution**2 * 3))
    tasks = (index[start : start + each] for _, index in missing for start in range(0, len(index), each))
    with many_videos(), ThreadPoolExecutor(workers) as pool:
        made = _ahead(pool, 2 * workers, partial(_make, clips, config.resolution, ENCODERS[written_as]), tasks)
        for done, (number, index) in enumerate(missing, 1 + len(shards) - len(missing)):
            SHARD_WRITERS[written_as](work, number, clips, index, islice(made, -(-len(index) // each)))
            seconds = time.monotonic() - began
            _say(f"shard {done} of {len(shards)}, {seconds:.0f} s")
    files = list(parts.values())
    if path.suffix:
        write_whole(path, partial(MERGERS[written_as], clips, parts))
        files = [path]
    elif written_as == "mp4":
        files.append(write_metadata(work, clips, shards, parts))
    card = card_of(clips.card(identity["count"]), identity, files)
    card |= {"seconds": round(time.monotonic() - began, 1), "workers": workers}
    write_json(card_path(path), card | {"shards_found": len(shards) - len(missing)})
    plan.unlink()


def _make(clips: ClipSet, resolution: int, encode: Callable[[Frames], bytes] | None, index: Index) -> Made:
    frames, truth = clips.make(index, resolution)
    return [encode(clip) for clip in frames] if encode else frames, truth


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
