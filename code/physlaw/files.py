"""Durable files: written to a temporary name, flushed to disk, renamed. A reader never sees half a file.

Text is UTF-8 whatever the locale. What file systems and desktops leave beside our files (._name, .nfs...) is not read.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, List

from physlaw.errors import UserError

SPARE_BYTES = 1 << 20  # headers, manifests, logs
FULL = (errno.ENOSPC, errno.EDQUOT)  # of the errors of a full disk, or a full quota


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


def visible(folder: Path, pattern: str) -> List[Path]:
    """The files of a folder that match, sorted by name; hidden ones and what lies in hidden folders are left out."""
    found = folder.glob(pattern)
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def check_room(folder: Path, needed: int) -> None:
    """Raises OSError (no space) when fewer bytes are free than a file and its directory entries need.

    A quota is not seen here: there the write itself fails, with the same consequences. Nor is a file system that does
    not tell its size, as some network ones do.
    """
    usage = shutil.disk_usage(folder)
    if usage.total and usage.free < needed + SPARE_BYTES:
        text = f"No space left on device: {needed} bytes are needed and {usage.free} are free"
        raise OSError(errno.ENOSPC, text, str(folder))


def write_text(path: Path, text: str) -> None:
    """write_atomic for text. Names of files that are no text (bytes as Python escapes them) are written as \\udc.."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """write_atomic for bytes."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomic(path, write)


def write_json(path: Path, value: Any) -> None:
    """write_atomic for JSON, keys in the given order."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_text(path: Path) -> str:
    """A text file, with or without a byte order mark.

    Raises:
        UserError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error})") from None


def read_json(path: Path) -> Any:
    """Raises UserError for a file that is not JSON."""
    return read_json_text(path)[0]


def read_json_text(path: Path) -> tuple[Any, str]:
    """A JSON file's value, and its text.

    Raises:
        UserError: it is not JSON.
    """
    text = read_text(path)
    try:
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
