"""The process that opens HDF5 files for others: `python -m physlaw.data.hdf5_reader`.

The HDF5 library can crash, hang or ask for all memory on a damaged file. Here that costs this process, not the one
that asked. Requests are JSON lines on standard input, [operation, path, layout, arguments...]; an answer is a JSON
line on standard output, {"error": text} or {"shape", "dtype", "bytes"}, followed by that many bytes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from physlaw.data.hdf5_file import Malformed, find, open_hdf5
from physlaw.data.records import NUMBERS

BALLS, BODIES = "balls", "bodies"
LAYOUTS = {  # of a shard: two datasets of numbers, then the videos
    BALLS: ("position_streams", "init_streams", "video_streams"),
    BODIES: ("action_streams", "object_streams", "video_streams"),
}
TRIALS = "trials"  # an attribute of action_streams; without it row k is trial k
MAX_OPEN_FILES = 64
MAX_MORE_MEMORY = 1 << 30  # bytes beyond those of the start; a damaged length costs the time of filling as much
MAX_CPU_S, MAX_ROWS_CPU_S = 1.0, 5.0  # for one answer; a sound file needs milliseconds, if nothing is compressed
MAX_COMPRESSION = 64  # a dataset that claims more than this many times its file's size is damaged
MAX_VIDEO_BYTES = 256 << 20

_Version = tuple[str, int, int, int]
_open: OrderedDict[_Version, h5py.File] = OrderedDict()


def _file(path: str) -> h5py.File:
    status = os.stat(path)
    version = (path, status.st_ino, status.st_mtime_ns, status.st_size)
    if version not in _open:
        for old in [v for v in _open if v[0] == path]:  # the file has been replaced
            _open.pop(old).close()
        _open[version] = open_hdf5(path)
        if len(_open) > MAX_OPEN_FILES:
            _open.popitem(last=False)[1].close()
    _open.move_to_end(version)
    return _open[version]


def keys(path: str, layout: str) -> NDArray[np.uint8]:
    """The shard keys of a file as JSON text; [""] where it is one shard."""
    file, names = _file(path), LAYOUTS[layout]
    missing = [name for name in names if find(file, name) is None]
    if missing:
        raise Malformed(f"no dataset or group {missing[0]!r}; needed: {', '.join(names)}")
    videos = find(file, "video_streams")
    found = sorted(videos) if isinstance(videos, h5py.Group) else [""]
    return np.frombuffer(json.dumps(found).encode(), np.uint8)


def _shard(path: str, layout: str, key: str) -> list[h5py.Dataset]:
    """The three datasets of a shard, their shapes and types checked."""
    file, names, found = _file(path), LAYOUTS[layout], []
    for name in names:
        place = f"{name}/{key}" if key else name
        dataset = find(file, place)
        if not isinstance(dataset, h5py.Dataset):
            raise Malformed(f"no dataset {place!r}; needed: {', '.join(names)}")
        found.append(dataset)
    first, second, videos = found
    if first.dtype.kind not in NUMBERS or second.dtype.kind not in NUMBERS:
        raise Malformed(f"{names[0]} and {names[1]} must be numbers, got {first.dtype}, {second.dtype}")
    if h5py.check_vlen_dtype(videos.dtype) != np.uint8:
        raise Malformed(f"video_streams must be variable-length uint8, got {videos.dtype}")
    size = os.stat(path).st_size
    for name, dataset in zip(names, found, strict=True):
        row = 16 if dataset is videos else dataset.dtype.itemsize
        claimed = int(np.prod(dataset.shape, dtype=object)) * row
        if claimed > size * (1 if dataset.chunks is None else MAX_COMPRESSION):
            raise Malformed(f"{name} claims {claimed} bytes, more than the file can hold")
    return found


def shapes(path: str, layout: str, key: str) -> NDArray[np.uint8]:
    """Shapes of a shard's datasets as JSON text."""
    return np.frombuffer(json.dumps([list(d.shape) for d in _shard(path, layout, key)]).encode(), np.uint8)


def rows(path: str, layout: str, key: str, name: str, numbers: list[int] | None) -> NDArray[np.float64]:
    """Some rows of a dataset of numbers, or all."""
    dataset = _shard(path, layout, key)[LAYOUTS[layout].index(name)]
    if numbers is None:
        return np.asarray(dataset[:], dtype=np.float64)
    return np.stack([np.asarray(dataset[number], dtype=np.float64) for number in numbers])


def trials(path: str, layout: str, key: str) -> NDArray[np.int64]:
    """The trial that each row is."""
    dataset = _shard(path, layout, key)[0]
    if TRIALS not in dataset.attrs:
        return np.arange(len(dataset))
    attribute = dataset.attrs.get_id(TRIALS)
    if attribute.shape != dataset.shape[:1] or attribute.dtype.kind not in "iu":
        raise Malformed(f"{TRIALS} must be {len(dataset)} whole numbers, got {attribute.shape} {attribute.dtype}")
    found = np.asarray(dataset.attrs[TRIALS], dtype=np.int64)
    if found.min(initial=0) < 0:
        raise Malformed(f"{TRIALS} must not be negative, got {found.min()}")
    return found


def video(path: str, layout: str, key: str, number: int) -> NDArray[np.uint8]:
    """One mp4 file."""
    return np.asarray(_shard(path, layout, key)[2][number], dtype=np.uint8)


_OPERATIONS: dict[str, Callable[..., NDArray[Any]]] = {
    "keys": keys,
    "shapes": shapes,
    "rows": rows,
    "trials": trials,
    "video": video,
}


def answers(lines: Iterator[str]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """(header, content) for every request."""
    for line in lines:
        operation, *arguments = json.loads(line)
        # An endless loop ends the process; waiting for a disk does not.
        signal.setitimer(signal.ITIMER_PROF, MAX_ROWS_CPU_S if operation == "rows" else MAX_CPU_S)
        try:
            values = np.ascontiguousarray(_OPERATIONS[operation](*arguments))
            if values.nbytes > MAX_VIDEO_BYTES and operation == "video":
                raise Malformed(f"{values.nbytes} bytes")
            signal.setitimer(signal.ITIMER_PROF, 0)
        except Exception as error:  # whatever the library makes of a damaged file
            text = " ".join(str(error).split()) or type(error).__name__  # the library's may have several lines
            yield {"error": text}, b""
            continue
        yield {"shape": values.shape, "dtype": values.dtype.str, "bytes": values.nbytes}, values.tobytes()


def main() -> None:
    """Answer until standard input closes."""
    with open("/proc/self/statm", "rb") as status:
        memory = int(status.read().split()[0]) * resource.getpagesize() + MAX_MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for header, content in answers(sys.stdin):
        sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
