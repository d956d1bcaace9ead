"""Tensors as a file describes them, before any library takes them for tensors, and writing them as safetensors.

Belongs to reader.py's process: standard library and numpy only.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

OUTPUT = 6 << 30  # bytes
TENSORS = 20_000
NODES = 1_000_000  # objects looked at when names are given
DEPTH = 64
# PyTorch's storage class -> numpy type and the name in safetensors; bfloat16 is copied as bits.
TYPES = {
    "DoubleStorage": ("<f8", "F64"),
    "FloatStorage": ("<f4", "F32"),
    "HalfStorage": ("<f2", "F16"),
    "BFloat16Storage": ("<u2", "BF16"),
    "LongStorage": ("<i8", "I64"),
    "IntStorage": ("<i4", "I32"),
    "ShortStorage": ("<i2", "I16"),
    "CharStorage": ("<i1", "I8"),
    "ByteStorage": ("<u1", "U8"),
    "BoolStorage": ("<u1", "BOOL"),
}


class Refused(Exception):
    """The file is not what it should be; the message says what was found."""


@dataclass(frozen=True)
class Storage:
    """Where a tensor's numbers lie; the stand-in for PyTorch's storages."""

    kind: str
    key: str
    size: int  # numbers

    @property
    def item(self) -> int:
        """Bytes of a number."""
        return np.dtype(TYPES[self.kind][0]).itemsize


@dataclass(frozen=True)
class Stored:
    """The stand-in for a tensor: a view of a storage, all of it inside. offset and strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(type(n) is not int or n < 0 for n in (self.offset, *self.shape, *self.strides)):
            raise Refused("a tensor's sizes are no whole numbers")
        if len(self.shape) != len(self.strides):
            raise Refused(f"a tensor has {len(self.shape)} sizes and {len(self.strides)} strides")
        count = math.prod(self.shape)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if count > self.storage.size or (count and last >= self.storage.size):
            raise Refused(f"a tensor of shape {self.shape} reaches beyond its {self.storage.size} numbers")


@dataclass
class Contents:
    """The tensors of a file by name, a way to their bytes, and what is known of it besides."""

    tensors: dict[str, Stored]
    read: Callable[[Storage], bytes]
    known: dict[str, str] = field(default_factory=dict)


def named_tensors(found: Any) -> dict[str, Stored]:
    """Every tensor in nested dictionaries, lists and tuples, named by the keys on its way, in their order."""
    tensors: dict[str, Stored] = {}
    seen = 0

    def visit(value: Any, path: tuple[str, ...]) -> None:
        nonlocal seen
        seen += 1
        if seen > NODES or len(path) > DEPTH or len(tensors) > TENSORS:
            raise Refused("it is nested too deeply or holds too much")
        if isinstance(value, Stored):
            name = ".".join(path)
            if name in tensors:
                raise Refused(f"two tensors are named {name!r}")
            tensors[name] = value
        elif isinstance(value, dict):
            for key, item in value.items():
                visit(item, (*path, str(key)))
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                visit(item, (*path, str(number)))

    visit(found, ())
    if not tensors:
        raise Refused("it holds no tensors")
    return tensors


def numbers(stored: Stored, raw: bytes) -> bytes:
    """A tensor's numbers in the order of its axes, out of its whole storage's bytes."""
    storage = stored.storage
    if len(raw) != storage.size * storage.item:
        raise Refused(f"storage {storage.key!r} is cut off")
    flat = np.frombuffer(raw, TYPES[storage.kind][0])[stored.offset :]
    steps = [step * storage.item for step in stored.strides]
    return np.lib.stride_tricks.as_strided(flat, stored.shape, steps, writeable=False).tobytes()


def write_safetensors(contents: Contents, stream: BinaryIO) -> None:
    """The file; its metadata are what is known besides, and "order": the names as JSON, in the order of the source."""
    header: dict[str, Any] = {"__metadata__": contents.known | {"order": json.dumps(list(contents.tensors))}}
    end = 0
    for name, stored in contents.tensors.items():
        start, end = end, end + math.prod(stored.shape) * stored.storage.item
        kind = TYPES[stored.storage.kind][1]
        header[name] = {"dtype": kind, "shape": stored.shape, "data_offsets": [start, end]}
    if end > OUTPUT:
        raise Refused(f"its tensors have {end} bytes, more than {OUTPUT}")
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    stream.write(struct.pack("<Q", len(text)) + text)
    for stored in contents.tensors.values():
        stream.write(numbers(stored, contents.read(stored.storage)))
    stream.flush()
