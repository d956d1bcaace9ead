"""A taker's answers on disk: which items there are, read one by one. Whatever is wrong with a file is said by its name,
and nothing that it holds is believed: no objects of Python, no links, no sizes that the file itself does not have.

A folder has a file per item; an .npz or .hdf5 file has `items` (N,) text and `frames` (N, T, H, W, 3).
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from physlaw.data.hdf5_file import Malformed, find, open_hdf5
from physlaw.data.npz import READ_ERRORS
from physlaw.errors import UserError
from physlaw.exam.frames import Clip, as_bytes, check_shape, resized, size_note
from physlaw.exam.video import CONTAINERS, read_video
from physlaw.files import sha256_file

ITEM_BYTES = 1 << 30  # of one clip's frames, before they are made small
FILE_BYTES = 1 << 35  # of all frames of a file with many
IN_MEMORY = 1 << 29
NAME_BYTES = 1 << 26
HEADER_BYTES = 1 << 13
SUFFIXES = (*CONTAINERS, ".npz")
Load = Callable[[int, str], Clip]  # side in pixels, fit -> frames of that side


@dataclass
class Answers:
    """path: where they are. found: item -> how it is read. refused: item -> why it is not. extra: files and items that
    nobody asked for. sha256: of all that was found. keep: what must stay open."""

    path: Path
    found: dict[str, Load] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    sha256: str = ""
    suffixes: set[str] = field(default_factory=set)  # of the items' files
    keep: list[Any] = field(default_factory=list)


def open_answers(path: Path, items: tuple[str, ...]) -> Answers:
    """Answers of these items.

    Raises:
        UserError: nothing is there, none of it answers an item, or a file with many items is not readable.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder of answers")
    answers = Answers(path)
    if path.is_dir():
        _open_folder(answers, frozenset(items))
    elif path.suffix.lower() == ".npz":
        _open_npz(answers, frozenset(items))
    elif path.suffix.lower() in (".h5", ".hdf5"):
        _open_hdf5(answers, frozenset(items))
    else:
        raise UserError(f"{path}: answers are a folder, an .npz or an .hdf5 file")
    if not answers.found:
        why = next(iter(answers.refused.values()), f"items are called like {items[0]}")
        raise UserError(f"{path}: answers none of the exam's {len(items)} items ({why})")
    return answers


def _open_folder(answers: Answers, items: frozenset[str]) -> None:
    digest = hashlib.sha256()
    for path in sorted(answers.path.iterdir()):
        if path.name.startswith("."):
            continue
        item, suffix = path.stem, path.suffix.lower()
        if item not in items or suffix not in SUFFIXES:
            answers.extra.append(path.name)
            continue
        if path.is_symlink() or not path.is_file():
            answers.refused[item] = f"{path.name}: a link or no plain file; copy the clip there"
            continue
        if item in answers.found:
            raise UserError(f"{answers.path}: two files answer {item}, one of them {path.name}; remove one")
        digest.update(f"{path.name} {sha256_file(path)}\n".encode())
        answers.found[item] = partial(_from_video if suffix in CONTAINERS else _from_npz, path)
        answers.suffixes.add(suffix)
    answers.sha256 = digest.hexdigest()


def _from_video(path: Path, side: int, fit: str) -> Clip:
    frames, rate, shape = read_video(path, partial(resized, side=side, fit=fit))
    return Clip(frames, rate, size_note(shape, side, fit), min(shape))


def _from_npz(path: Path, side: int, fit: str) -> Clip:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            name = "frames.npy" if "frames.npy" in names else names[0] if len(names) == 1 else ""
            if not name:
                raise UserError(f"{path.name}: no array 'frames'")
            shape, dtype, fortran, start = header(archive, name, path.name, ITEM_BYTES)
            values = np.frombuffer(archive.read(name), dtype, offset=start)
            values = values.reshape(shape, order="F" if fortran else "C")
    except READ_ERRORS as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name}: not a readable npz file ({error})") from None
    if values.ndim == 5 and len(values) == 1:
        values = values[0]
    return clip_of(values, path.name, side, fit)


def clip_of(values: NDArray[Any], where: str, side: int, fit: str) -> Clip:
    """Frames in any of the forms of exam/frames.py, as a clip of that side."""
    frames, notes = as_bytes(values, where)
    return Clip(
        resized(frames, side, fit), None, [*notes, *size_note(frames.shape[1:3], side, fit)], min(frames.shape[1:3])
    )


def header(
    archive: zipfile.ZipFile, name: str, where: str, limit: int
) -> tuple[tuple[int, ...], np.dtype[Any], bool, int]:
    """Shape, type, order (Fortran's?) and length of the header of an array in an npz file, checked against the member's
    size before anything is allocated.

    Raises:
        UserError: no numbers or text, more than `limit` bytes, or not as many as it says.
    """
    member = archive.getinfo(name)
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        length = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
        if length > HEADER_BYTES:  # NumPy would read it all before it looks
            raise UserError(f"{where}: array {name!r} has a header of {length} bytes; valid: up to {HEADER_BYTES}")
    with archive.open(member) as stream:
        npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        start = stream.tell()
    if dtype.hasobject or min(shape, default=0) < 0:
        raise UserError(f"{where}: array {name!r} holds objects of Python, which are never loaded; valid: numbers")
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size > limit:
        raise UserError(f"{where}: array {name!r} says it has {size} bytes; valid: up to {limit}")
    if start + size != member.file_size:
        raise UserError(f"{where}: array {name!r} has {member.file_size} bytes and says {start + size}")
    return shape, dtype, fortran, start


def _open_npz(answers: Answers, items: frozenset[str]) -> None:
    path = answers.path
    try:
        with zipfile.ZipFile(path) as archive:
            lacking = [name for name in ("items", "frames") if f"{name}.npy" not in archive.namelist()]
            if lacking:
                raise UserError(f"{path}: no array {lacking[0]!r}; needed: items, frames")
            _, kind, _, _ = header(archive, "items.npy", path.name, NAME_BYTES)
            if kind.kind not in "US":
                raise UserError(f"{path}: items must be text, got {kind}")
            with archive.open("items.npy") as stream:
                names = npy.read_array(stream, allow_pickle=False)
            shape, dtype, fortran, start = header(archive, "frames.npy", path.name, FILE_BYTES)
            _check_many(path, shape, dtype, names.shape)
            with archive.open("frames.npy") as stream:
                stream.read(start)
                flat = _spooled(stream, int(np.prod(shape)) * dtype.itemsize)
    except READ_ERRORS as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not a readable npz file ({error})") from None
    frames = flat.view(dtype).reshape(shape, order="F" if fortran else "C")
    _name_rows(answers, items, [str(name) for name in names.astype(str)], frames)


def _spooled(stream: Any, size: int) -> NDArray[np.uint8]:
    """The bytes, in memory or in a temporary file that lives as long as they do."""
    if size <= IN_MEMORY:
        return np.frombuffer(stream.read(), np.uint8)
    with tempfile.TemporaryFile() as store:
        while block := stream.read(1 << 24):
            store.write(block)
        store.flush()
        return np.memmap(store, np.uint8, "r")


def _open_hdf5(answers: Answers, items: frozenset[str]) -> None:
    path = answers.path
    try:
        file = open_hdf5(path)
        answers.keep.append(file)
        names, frames = (find(file, name) for name in ("items", "frames"))
        if names is None or frames is None or not hasattr(names, "shape") or not hasattr(frames, "shape"):
            raise UserError(f"{path}: no datasets items and frames")
        if names.nbytes > NAME_BYTES or frames.dtype.kind not in "uif":
            raise UserError(f"{path}: items must be text and frames numbers, got {names.dtype} and {frames.dtype}")
        if frames.chunks and int(np.prod(frames.chunks, dtype=object)) * frames.dtype.itemsize > ITEM_BYTES:
            raise UserError(f"{path}: frames are in chunks of {list(frames.chunks)}; write a clip a chunk")
        _check_many(path, frames.shape, frames.dtype, names.shape)
        texts = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in names[:]]
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, Malformed) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not a readable HDF5 file of answers ({error})") from None
    _name_rows(answers, items, texts, frames)


def _check_many(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], names: tuple[int, ...]) -> None:
    if len(names) != 1 or len(shape) not in (4, 5) or shape[0] != names[0]:
        raise UserError(f"{path}: items must be (N,) and frames (N, T, H, W, 3), got {list(names)} and {list(shape)}")
    check_shape(shape[1:], dtype, str(path))
    if int(np.prod(shape[1:], dtype=object)) * dtype.itemsize > ITEM_BYTES:
        raise UserError(f"{path}: a clip of shape {list(shape[1:])} has more than {ITEM_BYTES} bytes")


def _name_rows(answers: Answers, items: frozenset[str], names: list[str], frames: Any) -> None:
    for row, item in enumerate(names):
        if item not in items:
            answers.extra.append(item[:80])
        elif item in answers.found:
            raise UserError(f"{answers.path}: {item} is answered twice")
        else:
            answers.found[item] = partial(_from_row, frames, row, f"{answers.path.name}: {item}")
    answers.suffixes.add(answers.path.suffix.lower())
    answers.sha256 = sha256_file(answers.path)


def _from_row(frames: Any, row: int, where: str, side: int, fit: str) -> Clip:
    try:
        values = np.asarray(frames[row])
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{where}: not readable ({error})") from None
    return clip_of(values, where, side, fit)
