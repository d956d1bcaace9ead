"""The released HDF5 layouts: shards of three datasets, or one merged file of three groups. Reading only.

Shapes and types are checked on opening and before every read; rows and videos are read on demand, in a process of
their own (data/hdf5_reader.py), so that a damaged file can only lead to an error. Opened records can be sent to other
processes and forked: every process has a reader for itself. Source: released data section 6.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from physlaw.data.hdf5_reader import BALLS
from physlaw.data.mp4 import decode_mp4
from physlaw.data.records import Array, Frames, Index, check_finite, check_shapes
from physlaw.errors import UserError
from physlaw.isolated import module_command

PATIENCE_S = 120.0  # for one answer; a slow network disk may need many seconds
MAX_ROWS_ONE_BY_ONE = 8  # beyond, a shard's whole dataset is read at once
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_hdf5(stream: BinaryIO) -> bool:
    """The signature is where the format allows it: at the start, or after a user block of 512, 1024, ... bytes."""
    size, start = stream.seek(0, os.SEEK_END), 0
    while start + len(SIGNATURE) <= size:
        stream.seek(start)
        if stream.read(len(SIGNATURE)) == SIGNATURE:
            return True
        start = 2 * start or 512
    return False


class _Failed(Exception):
    """Why the reader could not answer."""


class _Reader:
    """Asks a reader process of this process; started at the first request, and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pid, self._turn = os.getpid(), threading.Lock()

    def __call__(self, *request: object) -> NDArray[Any]:
        if self._pid != os.getpid():  # forked: the process and its pipes are the parent's
            self._process, self._pid, self._turn = None, os.getpid(), threading.Lock()
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                command, environment = module_command("physlaw.data.hdf5_reader")
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                )
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
                header, content = self._answer()
            except BaseException as error:
                self.close()
                if isinstance(error, BrokenPipeError):
                    raise _Failed("the HDF5 library crashed or hung on it") from None
                raise
        if "error" in header:
            raise _Failed(header["error"])
        return np.frombuffer(content, header["dtype"]).reshape(header["shape"])

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe, deadline, received = self._process.stdout.fileno(), time.monotonic() + PATIENCE_S, b""
        header: dict[str, Any] | None = None
        while header is None or len(received) < header.get("bytes", 0):
            if not select.select([pipe], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise _Failed(f"the HDF5 library gives no answer within {PATIENCE_S:g} s")
            block = os.read(pipe, 1 << 20)
            if not block:
                raise _Failed("the HDF5 library crashed or hung on it")
            received += block
            if header is None and b"\n" in received:
                line, received = received.split(b"\n", 1)
                header = json.loads(line)
        return header, received

    def close(self) -> None:
        if self._process is not None and self._pid == os.getpid():
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __del__(self) -> None:
        self.close()


_ask_reader = _Reader()


Shape = tuple[int, ...]


class Hdf5Shards:
    """All shards of some files in order: each file is one shard, or a merged file of several.

    Args:
        layout: "balls" or "bodies", of data/hdf5_reader.py.
        check: gets the shapes of a shard's three datasets and its name; raises UserError for bad ones.
    Raises:
        UserError: a shard is malformed; the message names file and key.
    """

    def __init__(self, paths: list[Path], layout: str, check: Callable[[Shape, Shape, Shape, str], None]) -> None:
        self._layout = layout
        self._shards: list[tuple[Path, str]] = []  # the key is "" for a file that is one shard
        self._shapes: list[tuple[Shape, Shape]] = []  # of the two datasets of numbers
        for path in paths:
            try:
                # Absolute: the reader stays in the folder in which it was started.
                keys = json.loads(_ask_reader("keys", os.path.abspath(path), layout).tobytes())
            except _Failed as error:
                raise UserError(f"{path}: not a readable HDF5 file of clips ({error})") from None
            for key in keys if keys == [""] else self.sorted_keys(path, keys):
                self._shards.append((path, key))
                number = len(self._shards) - 1
                first, second, videos = (tuple(s) for s in json.loads(self._ask(number, "shapes").tobytes()))
                check(first, second, videos, self._name(number))
                self._shapes.append((first, second))
        self._ends = np.cumsum([first[0] for first, _ in self._shapes])
        if not len(self._ends) or not self._ends[-1]:
            raise UserError(f"{paths[0]}: no clips")

    def sorted_keys(self, path: Path, keys: list[str]) -> list[str]:
        """The keys of a merged file in the order of its shards. May raise UserError."""
        return sorted(keys)

    def _name(self, shard: int) -> str:
        path, key = self._shards[shard]
        return f"{path}:{key}" if key else str(path)

    def _ask(self, shard: int, operation: str, *arguments: object) -> NDArray[Any]:
        path, key = self._shards[shard]
        try:
            return _ask_reader(operation, os.path.abspath(path), self._layout, key, *arguments)
        except _Failed as error:
            what = {"video": " clip {0}", "rows": " {0}"}.get(operation, "").format(*arguments[:1])
            raise UserError(f"{self._name(shard)}{what}: cannot be read ({error})") from None

    def _place(self, number: int) -> tuple[int, int]:
        """A clip's shard, and its row there."""
        shard = int(np.searchsorted(self._ends, number, side="right"))
        return shard, int(number) - self._start(shard)

    def _start(self, shard: int) -> int:
        return int(self._ends[shard - 1]) if shard else 0

    def _rows(self, name: str, index: Index) -> Array:
        """Rows of a numeric dataset in the order asked for."""
        which = np.searchsorted(self._ends, index, side="right")
        parts: list[tuple[Index, Array]] = []
        for shard in np.unique(which).tolist():
            mine = np.flatnonzero(which == shard)
            local = index[mine] - self._start(shard)
            some = len(local) <= MAX_ROWS_ONE_BY_ONE
            values = self._ask(shard, "rows", name, local.tolist() if some else None)
            parts.append((mine, check_finite(values if some else values[local], name, self._name(shard), local)))
        rows = np.empty((len(index), *parts[0][1].shape[1:]))
        for mine, values in parts:
            rows[mine] = values
        return rows

    def __len__(self) -> int:
        return int(self._ends[-1])

    def frames(self, number: int) -> Frames:
        shard, row = self._place(number)
        return decode_mp4(self._ask(shard, "video", row), f"{self._name(shard)} clip {row}")


class Hdf5Records(Hdf5Shards):
    """Shards of balls.

    Raises:
        UserError: a shard is malformed or unlike those before; the message names file and key.
    """

    def __init__(self, paths: list[Path]) -> None:
        super().__init__(paths, BALLS, check_shapes)
        kinds = set()
        for number, (positions, init) in enumerate(self._shapes):
            kinds.add((positions[1:], init[1:]))
            if len(kinds) > 1:
                raise UserError(f"{self._name(number)}: shapes differ from the shards before: {sorted(kinds)}")
        shape, (self._num_factors,) = kinds.pop()
        self._num_frames, self._num_balls = shape[0], 1 if len(shape) == 2 else shape[1]

    @property
    def num_balls(self) -> int:
        return int(self._num_balls)

    @property
    def num_factors(self) -> int:
        return int(self._num_factors)

    @property
    def num_frames(self) -> int:
        return int(self._num_frames)

    def positions(self, index: Index) -> Array:
        positions = self._rows("position_streams", index)
        return positions.reshape(*positions.shape[:2], -1, 2)

    def init(self, index: Index) -> Array:
        return self._rows("init_streams", index)
