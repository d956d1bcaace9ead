"""Clips in npz files: an array `frames`, and arrays of ground truth; those of the balls are `positions` and `init`."""

from __future__ import annotations

import lzma
import re
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from physlaw.data.records import NUMBERS, Array, Frames, Index, check_finite, check_shapes
from physlaw.errors import UserError
from physlaw.files import write_atomic

# What zipfile, zlib and NumPy's header parser raise on damaged files.
READ_ERRORS = (
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
Truth = dict[str, NDArray[Any]]  # ground truth arrays, a row per clip
IN_MEMORY_BYTES = 1 << 30  # decompressed frames beyond this go to a temporary file


def read_arrays(path: Path, wanted: Sequence[str] | re.Pattern[str], remedy: str = "") -> dict[str, NDArray[Any]]:
    """Arrays of an npz file that fits into memory: those of these names, or those whose names match.

    Args:
        remedy: what to do where they cannot be read.
    Raises:
        UserError: the file is missing or damaged, or lacks one of the names, or has none that matches.
    """
    names = wanted.pattern if isinstance(wanted, re.Pattern) else ", ".join(wanted)
    remedy = remedy and f"; {remedy}"
    try:
        with np.load(path, allow_pickle=False) as archive:
            chosen = filter(wanted.fullmatch, archive.files) if isinstance(wanted, re.Pattern) else wanted
            found = {name: archive[name] for name in chosen}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{remedy}") from None
    except READ_ERRORS as error:
        kind = type(error).__name__
        raise UserError(f"{path}: not a readable npz file with {names} ({kind}: {error}){remedy}") from None
    if not found:
        raise UserError(f"{path}: no array named like {names}{remedy}")
    return found


class NpzFile:
    """Some arrays of an npz file. All but the frames, which are decompressed at first use, are read on opening.

    Args:
        kinds: array -> the kinds of number (letters as in NumPy) that it may hold; `frames` aside.
    Raises:
        UserError: not readable, or an array is missing or of another kind or shape (names file and array).
    """

    def __init__(self, path: Path, kinds: Mapping[str, str]) -> None:
        self.path, self._names = path, ("frames", *kinds)
        try:
            with zipfile.ZipFile(path) as archive:
                found = {name: self._shape(archive, name) for name in self._names}
                frames, dtype, self._order = found["frames"]
                if dtype != np.uint8 or len(frames) != 5 or frames[-1] != 3 or frames[2] != frames[3]:
                    raise UserError(f"{path}: frames must be (N, T, W, W, 3) uint8, got {frames} {dtype}")
                if not frames[0]:
                    raise UserError(f"{path}: no clips")
                if not all(frames):
                    raise UserError(f"{path}: frames of shape {frames} have no pixels")
                for name, valid in kinds.items():
                    if found[name][1].kind not in valid:
                        raise UserError(f"{path}: array {name!r} cannot be {found[name][1]}")
                self.check_shapes({name: shape for name, (shape, _, _) in found.items()})
                self.arrays = {name: self._read(archive, name) for name in kinds}
        except READ_ERRORS as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{path}: not a readable npz file ({error})") from None
        self._shape_of_frames = frames
        self._frames: Frames | None = None

    def check_shapes(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Raises UserError unless the arrays fit each other."""
        raise NotImplementedError

    def _member(self, archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
        if f"{name}.npy" not in archive.namelist():
            raise UserError(f"{self.path}: no array {name!r}; needed: {', '.join(self._names)}")
        return archive.getinfo(f"{name}.npy")

    def _shape(self, archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any], Literal["C", "F"]]:
        """Shape, type and order by the header, checked against the member's size: nothing is allocated on its word."""
        member = self._member(archive, name)
        with archive.open(member) as stream:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read(stream)
            header = stream.tell()
        if dtype.hasobject or min(shape, default=0) < 0:
            raise UserError(f"{self.path}: array {name!r} must be numbers")
        if header + int(np.prod(shape, dtype=object)) * dtype.itemsize != member.file_size:
            raise UserError(f"{self.path}: array {name!r} is cut short: {member.file_size} bytes for shape {shape}")
        return shape, dtype, "F" if fortran else "C"

    def _read(self, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
        with archive.open(self._member(archive, name)) as stream:
            return np.asarray(npy.read_array(stream, allow_pickle=False))

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
            except READ_ERRORS as error:
                raise UserError(f"{self.path}: array 'frames' cannot be read ({error})") from None
            self._frames = flat.reshape(self._shape_of_frames, order=self._order)
        return self._frames

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_frames": None}

    def __len__(self) -> int:
        return self._shape_of_frames[0]

    def frames(self, number: int) -> Frames:
        return np.ascontiguousarray(self._all_frames()[number])


class NpzRecords(NpzFile):
    """Arrays `frames`, `positions` and `init`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, {"positions": NUMBERS, "init": NUMBERS})
        positions, self._init = (self.arrays.pop(name).astype(np.float64) for name in ("positions", "init"))
        self._positions = positions.reshape(*positions.shape[:2], -1, 2)
        for name, values in (("positions", self._positions), ("init", self._init)):
            check_finite(values, name, str(path))

    def check_shapes(self, shapes: dict[str, tuple[int, ...]]) -> None:
        check_shapes(shapes["positions"], shapes["init"], shapes["frames"][:1], str(self.path))

    @property
    def num_balls(self) -> int:
        return int(self._positions.shape[2])

    @property
    def num_factors(self) -> int:
        return int(self._init.shape[1])

    @property
    def num_frames(self) -> int:
        return int(self._positions.shape[1])

    def positions(self, index: Index) -> Array:
        return np.asarray(self._positions[index])

    def init(self, index: Index) -> Array:
        return np.asarray(self._init[index])


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An npz file of these arrays, compressed; it appears whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:  # savez would add a suffix to a name
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]

    write_atomic(path, write)


def save_npz(arrays: Truth, path: Path) -> None:
    with path.open("wb") as stream:  # savez would add a suffix to a name
        np.savez(stream, **arrays)  # type: ignore[arg-type]


class NpzWriter:
    """Arrays into an npz file, the frames piece by piece."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.archive.close()

    def arrays(self, arrays: Truth) -> None:
        for name, values in arrays.items():
            with self.archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                npy.write_array(stream, np.ascontiguousarray(values), allow_pickle=False)

    @contextmanager
    def frames(self, shape: tuple[int, ...]) -> Iterator[IO[bytes]]:
        """Where to write the (N, T, W, W, 3) uint8."""
        with self.archive.open("frames.npy", "w", force_zip64=True) as stream:
            npy.write_array_header_2_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
            yield stream


@contextmanager
def stored_frames(part: Path) -> Iterator[tuple[tuple[int, ...], IO[bytes]]]:
    """The shape of an npz file's frames, and a stream of their bytes."""
    with zipfile.ZipFile(part) as archive, archive.open("frames.npy") as stream:
        npy.read_magic(stream)
        yield npy.read_array_header_2_0(stream)[0], stream
