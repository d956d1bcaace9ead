"""Durable files: written to a temporary name, flushed to disk, renamed. A reader never sees half a file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from physlaw.errors import UserError


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Create `path` by `write(temporary path)`; on any failure nothing is left and an older file stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_leftovers(folder: Path) -> None:
    """Delete what killed writes left in a folder and below it; for its one writer."""
    for path in [*folder.rglob(".*.tmp"), *folder.rglob(".tmp*")]:  # ours, and those of safetensors
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """write_atomic for text."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """write_atomic for bytes."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomic(path, write)


def write_json(path: Path, value: Any) -> None:
    """write_atomic for JSON, keys in the given order."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Raises UserError for a file that is not JSON."""
    return read_json_text(path)[0]


def read_json_text(path: Path) -> tuple[Any, str]:
    """A JSON file's value, and its text.

    Raises:
        UserError: it is not JSON.
    """
    try:
        text = path.read_text()
        return json.loads(text), text
    except (ValueError, RecursionError) as error:  # huge numbers and deep nesting raise these
        raise UserError(f"{path}: not readable JSON ({error})") from None


def sha256_file(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
