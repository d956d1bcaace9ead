"""What a page's numbers stand for: the key, which is read only when ratings are scored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from physlaw.errors import UserError
from physlaw.files import read_json, write_json


@dataclass(frozen=True)
class KeyClip:
    """One clip of the page. sha256 is of its frames, not of the file: encoders differ between machines."""

    number: int  # on the page, from 1
    id: str
    group: str
    is_control: bool
    sha256: str


@dataclass(frozen=True)
class Key:
    """All clips of one page in the order shown. The digest covers everything else here and is the page's name."""

    digest: str
    seed: int
    frames_per_s: int
    shape: tuple[int, int, int]  # frames, height, width
    groups: tuple[str, ...]  # in the order of tables
    clips: tuple[KeyClip, ...]


def make_key(seed: int, frames_per_s: int, shape: tuple[int, int, int], groups: list[str], clips: list[KeyClip]) -> Key:
    """The key with its digest."""
    parts: dict[str, Any] = {"seed": seed, "frames_per_s": frames_per_s, "shape": list(shape), "groups": groups}
    parts["clips"] = [asdict(clip) for clip in clips]
    return Key(_digest(parts), seed, frames_per_s, shape, tuple(groups), tuple(clips))


def write_key(path: Path, key: Key) -> None:
    """One JSON object with Key's fields."""
    write_json(path, asdict(key))


def read_key(path: Path) -> Key:
    """Raises UserError: not a key, or changed since it was written."""
    value = read_json(path)
    names = [item.name for item in fields(Key)]
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise UserError(f"{path}: not a key that `physlaw label build` wrote (its fields: {', '.join(names)})")
    if value["digest"] != _digest({name: value[name] for name in names[1:]}):
        raise UserError(f"{path}: changed since it was written: its content has not the digest {value['digest']!r}")
    clips = tuple(KeyClip(**clip) for clip in value["clips"])
    return Key(**value | {"shape": tuple(value["shape"]), "groups": tuple(value["groups"]), "clips": clips})


def _digest(parts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
