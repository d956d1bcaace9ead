"""`physlaw simulate`: clips of a scene set to files, streamed, on all cores, continued where a stopped call left off.

Every format is written shard by shard of 1000 scenes. A shard appears whole or not at all. HDF5 and mp4 shards in a
folder are the result; a single HDF5 or npz file is put together from shards kept in <out>.parts/ until it is whole.
The card is written last: a set without one is not finished.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from physlaw.data.card import card_of, card_path
from physlaw.data.clips import scenes_digest
from physlaw.data.config import SCENARIO_NAMES
from physlaw.data.hdf5_reader import NAMES
from physlaw.data.mp4 import BLOCK_PX, encode_mp4
from physlaw.errors import UserError, unknown
from physlaw.files import read_json, write_atomic, write_bytes, write_json
from physlaw.lease import leased
from physlaw.render.config import check_resolution
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.released_order import TRAINING_SHARD
from physlaw.worlds.scenes import SceneSet, eval_scenes, training_scenes

Index = NDArray[np.int64]

SHARD = TRAINING_SHARD
FORMATS = ("released", "npz", "mp4")
_TASK_BYTES = 8 << 20  # frames that one task renders


@dataclass
class SimulateConfig:
    """What `physlaw simulate` writes."""

    out: str = ""  # a folder (released shards, mp4 files), or a single .hdf5 or .npz file
    format: str | None = None  # released, npz or mp4; None: npz for a .npz file, else released
    scenario: str = "uniform"
    split: str = "train"  # or an evaluation block: id, level1_r1, ..., paper_id, ...
    size: str = "30k"  # of the training set
    count: int | None = None  # None: all from offset on
    offset: int = 0
    resolution: int = 256
    num_frames: int = 32
    contact: str = "elastic"  # or released: inelastic below closing speed 1.0
    placement: str = "per_sample"  # or released: the release's order and random numbers
    seed: int = 0
    workers: int | None = None  # None: every core


def scenes_of(config: SimulateConfig) -> SceneSet:
    """The scene set that is asked for."""
    if config.scenario not in SCENARIO_NAMES:
        raise unknown("scenario", config.scenario, SCENARIO_NAMES)
    contact = laws.as_contact(config.contact)
    if config.split == "train":
        scenes = training_scenes(config.scenario, config.size, config.seed, contact, config.placement)
    else:
        scenes = eval_scenes(config.scenario, config.split, config.seed, contact, config.placement)
    return replace(scenes, num_frames=config.num_frames)


def format_of(config: SimulateConfig) -> str:
    """The format asked for, or the one that the name of the output says.

    Raises:
        UserError: unknown format, or one that does not fit the name or the resolution.
    """
    suffix = Path(config.out).suffix
    known = config.format or ("npz" if suffix == ".npz" else "released")
    if known not in FORMATS:
        raise unknown("format", known, FORMATS)
    fits = {"npz": (".npz",), "released": ("", ".hdf5"), "mp4": ("",)}[known]
    if not config.out or suffix not in fits:
        wanted = {"npz": "a .npz file", "released": "a folder or a .hdf5 file", "mp4": "a folder"}[known]
        raise UserError(f"format={known} needs out to name {wanted}, got {config.out!r}")
    if known != "npz" and config.resolution % BLOCK_PX:
        raise UserError(f"format={known} needs a resolution that is a multiple of {BLOCK_PX}, got {config.resolution}")
    return known


def simulate(config: SimulateConfig) -> tuple[Path, int]:
    """Write the clips and their card; returns the path and how many clips there are. What is already there is kept.

    Raises:
        UserError: bad names or sizes, another set is there, or another process writes it.
        OSError: the files cannot be written (a full disk); what is finished is kept.
    """
    written_as, path = format_of(config), Path(config.out)
    check_resolution(config.resolution)
    scenes = scenes_of(config)
    if not 0 <= config.offset < len(scenes):
        raise UserError(f"offset must be 0 to {len(scenes) - 1}, got {config.offset}")
    count = len(scenes) - config.offset if config.count is None else config.count
    if not 1 <= count <= len(scenes) - config.offset:
        raise UserError(f"count must be 1 to {len(scenes) - config.offset}, got {count}")
    if config.workers is not None and config.workers < 1:
        raise UserError(f"workers must be at least 1, got {config.workers}")
    identity = {k: v for k, v in asdict(config).items() if k not in ("out", "workers")} | {
        "format": written_as,
        "count": count,
        "scenes_digest": scenes_digest(scenes),
    }
    single = bool(path.suffix)
    work = path.with_name(path.name + ".parts") if single else path
    card = card_path(path)
    if card.exists():
        _check_identity(card, identity, path)
        if all((card.parent / file).exists() for file in read_json(card)["files"]):
            return path, count
        write_json(work / "plan.json", {"settings": identity})  # files are gone: the rest is kept, they are made again
        card.unlink()
    elif single and path.exists() and not (work / "plan.json").exists():
        raise UserError(f"{path} is there without its card {card_path(path).name}; remove it or choose another out=")
    with leased(work, f"the clip set {path}"):
        _write(config, written_as, scenes, identity, work, path)
        if single:
            shutil.rmtree(work)
    return path, count


def _check_identity(card: Path, identity: dict[str, Any], path: Path) -> None:
    known = read_json(card).get("settings", {})
    different = [key for key, value in identity.items() if known.get(key) != value]
    if different:
        raise UserError(
            f"{path} holds another set of clips ({different[0]} is {known.get(different[0])!r}, asked for is "
            f"{identity[different[0]]!r}); remove it or choose another out="
        )


def _write(
    config: SimulateConfig, written_as: str, scenes: SceneSet, identity: dict[str, Any], work: Path, path: Path
) -> None:
    for stale in [*work.glob(".*.tmp"), *path.parent.glob(f".{path.name}.*.tmp")]:
        stale.unlink()  # of a killed call; the lease says that no other is running
    plan = work / "plan.json"
    if plan.exists():
        _check_identity(plan, identity, path)
    elif any(not p.name.startswith(".lease-") for p in work.iterdir()):
        raise UserError(f"{work} holds other files; choose another out=")
    write_json(plan, {"settings": identity})
    start, workers = time.monotonic(), config.workers or len(os.sched_getaffinity(0))
    shards = shards_of(scenes, np.arange(config.offset, config.offset + identity["count"]))
    resumed = 0
    with ThreadPoolExecutor(workers) as pool:
        for done, (number, index) in enumerate(shards, 1):
            if _shard_file(work, written_as, number).exists():
                resumed += 1
                continue
            clips = _clips(pool, workers, scenes, index, config.resolution, encode=written_as != "npz")
            _SHARD_WRITERS[written_as](work, number, scenes, index, clips)
            seconds = time.monotonic() - start
            print(f"physlaw: shard {done} of {len(shards)}, {seconds:.0f} s", file=sys.stderr, flush=True)
    parts = [_shard_file(work, written_as, number) for number, _ in shards]
    if path.suffix:
        _write_whole(path, partial(_merge_hdf5 if written_as == "released" else _merge_npz, parts))
    card = card_of(scenes, identity, [path] if path.suffix else parts)
    card |= {"seconds": round(time.monotonic() - start, 1), "workers": workers, "shards_found": resumed}
    write_json(card_path(path), card)
    plan.unlink()


def shards_of(scenes: SceneSet, index: Index) -> list[tuple[int, Index]]:
    """(shard number, scene numbers) of every shard: 1000 scenes each, or with the release's order its own shards,
    which count the dropped scenes too."""
    shard = (index - index[0]) // SHARD
    if scenes.order is not None and scenes.order.shard == SHARD:
        shard = scenes.order.position[index] // SHARD
    starts = np.flatnonzero(np.diff(shard, prepend=-1))
    return [(int(shard[part[0]]), index[part]) for part in np.split(np.arange(len(index)), starts[1:])]


def _shard_file(work: Path, written_as: str, number: int) -> Path:
    """The file whose presence says that a shard is whole."""
    return work / {"released": f"{number}.hdf5", "npz": f"{number:05d}.npz", "mp4": f"{number:05d}.npz"}[written_as]


def _render(scenes: SceneSet, index: Index, resolution: int, encode: bool) -> list[Any]:
    frames = render_clips(scenes.trajectory(index), resolution)
    return [encode_mp4(clip) for clip in frames] if encode else list(frames)


def _clips(
    pool: ThreadPoolExecutor, workers: int, scenes: SceneSet, index: Index, resolution: int, encode: bool
) -> Iterator[Any]:
    """Clips in order, as mp4 bytes or frames; a bounded number is rendered ahead."""
    each = max(1, _TASK_BYTES // (scenes.num_frames * resolution**2 * 3))
    starts, running = iter(range(0, len(index), each)), deque[Future[list[Any]]]()
    for start in starts:
        running.append(pool.submit(_render, scenes, index[start : start + each], resolution, encode))
        if len(running) > 2 * workers:
            yield from running.popleft().result()
    while running:
        yield from running.popleft().result()


def _truth(scenes: SceneSet, index: Index) -> dict[str, NDArray[np.float64]]:
    """positions, one ball's as (N, T, 2), and init: as released."""
    positions = scenes.positions(index)
    return {"positions": positions[:, :, 0] if positions.shape[2] == 1 else positions, "init": scenes.init(index)}


def _full_disk(error: Exception) -> OSError | None:
    """The plain error behind one of HDF5's, which reports a full disk in words only."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
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


def write_hdf5_shard(work: Path, number: int, scenes: SceneSet, index: Index, clips: Iterator[bytes]) -> None:
    truth, videos = _truth(scenes, index), list(clips)

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            file["position_streams"], file["init_streams"] = truth["positions"], truth["init"]
            stored = file.create_dataset("video_streams", (len(videos),), h5py.vlen_dtype(np.uint8))
            for row, video in enumerate(videos):
                stored[row] = np.frombuffer(video, np.uint8)

    _write_whole(_shard_file(work, "released", number), write)


def _write_mp4_shard(work: Path, number: int, scenes: SceneSet, index: Index, clips: Iterator[bytes]) -> None:
    """<shard>-<local number>.mp4, the release's sample names; the ground truth closes the shard."""
    for local, video in enumerate(clips):
        write_bytes(work / f"{number:05d}-{local:05d}.mp4", video)
    write_atomic(_shard_file(work, "mp4", number), partial(_save_npz, _truth(scenes, index)))


def _save_npz(arrays: dict[str, NDArray[np.float64]], path: Path) -> None:
    with path.open("wb") as stream:  # savez would add a suffix to a name
        np.savez(stream, **arrays)  # type: ignore[arg-type]


class _NpzWriter:
    """positions, init and frames of an npz file, the frames one clip at a time."""

    def __init__(self, path: Path, truth: dict[str, NDArray[np.float64]], frames_shape: tuple[int, ...]) -> None:
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        for name, values in truth.items():
            with self.archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                npy.write_array(stream, np.ascontiguousarray(values))
        self.stream = self.archive.open("frames.npy", "w", force_zip64=True)
        npy.write_array_header_2_0(self.stream, {"descr": "|u1", "fortran_order": False, "shape": frames_shape})

    def __enter__(self) -> _NpzWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()
        self.archive.close()


def _write_npz_shard(
    work: Path, number: int, scenes: SceneSet, index: Index, clips: Iterator[NDArray[np.uint8]]
) -> None:
    def write(temporary: Path) -> None:
        first = next(clips)
        with _NpzWriter(temporary, _truth(scenes, index), (len(index), *first.shape)) as archive:
            archive.stream.write(first.tobytes())
            for clip in clips:
                archive.stream.write(clip.tobytes())

    write_atomic(_shard_file(work, "npz", number), write)


_SHARD_WRITERS: dict[str, Callable[[Path, int, SceneSet, Index, Iterator[Any]], None]] = {
    "released": write_hdf5_shard,
    "npz": _write_npz_shard,
    "mp4": _write_mp4_shard,
}


def _merge_hdf5(parts: list[Path], path: Path) -> None:
    """One group per dataset, one dataset per shard, named by the shard's number with five digits."""
    with h5py.File(path, "w") as merged:
        for name in NAMES:
            merged.create_group(name)
        for part in parts:
            with h5py.File(part, "r") as shard:
                for name in NAMES:
                    shard.copy(name, merged[name], f"{int(part.stem):05d}")


def _merge_npz(parts: list[Path], path: Path) -> None:
    truth: dict[str, list[NDArray[np.float64]]] = {"positions": [], "init": []}
    for part in parts:
        with np.load(part, allow_pickle=False) as archive:
            for name in truth:
                truth[name].append(archive[name])
    with zipfile.ZipFile(parts[0]) as archive, archive.open("frames.npy") as stream:
        npy.read_magic(stream)
        clip_shape = npy.read_array_header_2_0(stream)[0][1:]
    whole = {name: np.concatenate(values) for name, values in truth.items()}
    with _NpzWriter(path, whole, (len(whole["init"]), *clip_shape)) as merged:
        for part in parts:
            with zipfile.ZipFile(part) as archive, archive.open("frames.npy") as stream:
                npy.read_magic(stream)
                npy.read_array_header_2_0(stream)
                shutil.copyfileobj(stream, merged.stream, 1 << 22)
