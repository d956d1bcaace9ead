"""Clips in an npz file: arrays `frames`, `positions` and `init`. Reading only; `data/write.py` writes them."""

from __future__ import annotations

import lzma
import tempfile
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from physlaw.data.records import Array, Frames, Index, check_finite, check_shapes
from physlaw.errors import UserError

# What zipfile, zlib and NumPy's header parser raise on damaged files.
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tokenize.TokenError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RuntimeError,
    MemoryError,
    OverflowError,
    OSError,
)
IN_MEMORY_BYTES = 1 << 30  # decompressed frames beyond this go to a temporary file


class NpzRecords:
    """Arrays `frames`, `positions` and `init` of an npz file; frames are decompressed at first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                shapes = {name: self._shape(archive, name) for name in ("frames", "positions", "init")}
                frames, dtype = shapes["frames"]
                if dtype != np.uint8 or len(frames) != 5 or frames[-1] != 3 or frames[2] != frames[3]:
                    raise UserError(f"{path}: frames must be (N, T, W, W, 3) uint8, got {frames} {dtype}")
                check_shapes(shapes["positions"][0], shapes["init"][0], frames[:1], str(path))
                self._positions, self._init = (self._read(archive, name) for name in ("positions", "init"))
        except _ERRORS as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{path}: not a readable npz file ({error})") from None
        self._positions = self._positions.reshape(*self._positions.shape[:2], -1, 2)
        self._shape_of_frames = frames
        self._frames: Frames | None = None
        for name, values in (("positions", self._positions), ("init", self._init)):
            check_finite(values, name, str(path))

    def _member(self, archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
        if f"{name}.npy" not in archive.namelist():
            raise UserError(f"{self.path}: no array {name!r}; needed: frames, positions, init")
        return archive.getinfo(f"{name}.npy")

    def _shape(self, archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and type from the header, checked against the member's size: nothing is allocated on its word."""
        member = self._member(archive, name)
        with archive.open(member) as stream:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read(stream)
            header = stream.tell()
        if dtype.hasobject or fortran or min(shape, default=0) < 0:
            raise UserError(f"{self.path}: array {name!r} must be numbers in C order")
        if header + int(np.prod(shape, dtype=object)) * dtype.itemsize != member.file_size:
            raise UserError(f"{self.path}: array {name!r} is cut short: {member.file_size} bytes for shape {shape}")
        return shape, dtype

    def _read(self, archive: zipfile.ZipFile, name: str) -> Array:
        with archive.open(self._member(archive, name)) as stream:
            return np.asarray(npy.read_array(stream, allow_pickle=False)).astype(np.float64)

    def _all_frames(self) -> Frames:
        if self._frames is None:
            size = int(np.prod(self._shape_of_frames))
            try:
                with zipfile.ZipFile(self.path) as archive, archive.open("frames.npy") as stream:
                    npy.read_magic(stream)
                    stream.seek(archive.getinfo("frames.npy").file_size - size)
                    if size <= IN_MEMORY_BYTES:
                        flat: Frames = np.frombuffer(stream.read(), np.uint8)
                    else:
                        with tempfile.TemporaryFile() as store:
                            while block := stream.read(1 << 24):
                                store.write(block)
                            store.flush()
                            flat = np.memmap(store, np.uint8, "r")  # the file lives as long as the map
            except _ERRORS as error:
                raise UserError(f"{self.path}: array 'frames' cannot be read ({error})") from None
            self._frames = flat.reshape(self._shape_of_frames)
        return self._frames

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_frames": None}

    def __len__(self) -> int:
        return len(self._init)

    @property
    def num_balls(self) -> int:
        return int(self._positions.shape[2])

    @property
    def num_factors(self) -> int:
        return int(self._init.shape[1])

    def positions(self, index: Index) -> Array:
        return np.asarray(self._positions[index])

    def init(self, index: Index) -> Array:
        return np.asarray(self._init[index])

    def frames(self, number: int) -> Frames:
        return np.asarray(self._all_frames()[number])
