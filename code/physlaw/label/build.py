"""Write the page on which people rate clips: one static folder, and beside it the key.

The folder tells a rater nothing about a clip but its pixels: clips are numbered in a random order, all files have the
same format, shape and size, and the key is not inside.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from numpy.typing import NDArray

from physlaw.data.video import FRAMES_PER_S
from physlaw.errors import UserError
from physlaw.files import write_bytes, write_text
from physlaw.label.answer_key import Key, KeyClip, make_key, write_key
from physlaw.label.ratings import CAUSES
from physlaw.label.sprite_sheet import encode_sheet, padded, sheet_columns
from physlaw.worlds.streams import permutation, stream_key


@dataclass(frozen=True)
class LabelClip:
    """One clip that may be shown.

    frames: (T, H, W, 3) uint8. group: what its ratio is reported under, e.g. "XL-6 out-of-template". id: stable and
    unique. is_control: ground truth, mixed in to measure how often raters call a true clip abnormal. Truth must take
    the way that generated clips took (the tokenizer, too), or its sharpness gives it away.
    """

    frames: NDArray[np.uint8]
    group: str
    id: str
    is_control: bool


def key_path(out: Path) -> Path:
    """Where a page's key is: beside its folder, never inside."""
    return out.with_name(f"{out.name}.key.json")


def build(
    clips: list[LabelClip], out: Path, seed: int, share_controls: float, frames_per_s: int = FRAMES_PER_S
) -> Path:
    """Write folder `out` (index.html, clips/) and its key; returns the page's path.

    All generated clips are shown; of the controls, as many as make up at least share_controls of all, drawn at
    random. Order and draw depend on the seed and the ids alone.

    Raises:
        UserError: clips differ in shape, ids repeat, controls are too few, or the folder or its key is there.
    """
    out = Path(out)
    for path in (out, key_path(out)):
        if path.exists():
            raise UserError(f"{path} is there already; ratings may belong to it: choose another folder or remove both")
    shape = _checked(clips)
    shown = _shown(clips, seed, share_controls)
    width = max(4, len(str(len(shown))))
    hashes = [hashlib.sha256(np.ascontiguousarray(clip.frames).tobytes()).hexdigest() for clip in shown]
    entries = [
        KeyClip(number, clip.id, clip.group, clip.is_control, sha256)
        for number, (clip, sha256) in enumerate(zip(shown, hashes, strict=True), 1)
    ]
    groups = list(dict.fromkeys(clip.group for clip in clips if not clip.is_control))
    key = make_key(seed, frames_per_s, shape, groups, entries)
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    files = [unfinished / "clips" / f"{entry.number:0{width}d}.png" for entry in entries]
    for path, clip in zip(files, shown, strict=True):
        write_bytes(path, encode_sheet(clip.frames))
    largest = max(path.stat().st_size for path in files)
    for path in files:
        write_bytes(path, padded(path.read_bytes(), largest))
    write_text(unfinished / "index.html", _page(key, width))
    write_key(key_path(out), key)
    unfinished.rename(out)
    return out / "index.html"


def _checked(clips: list[LabelClip]) -> tuple[int, int, int]:
    """The clips' one (frames, height, width)."""
    if not any(not clip.is_control for clip in clips):
        raise UserError("no generated clip to show: all are controls, or there are none")
    seen: set[str] = set()
    for clip in clips:
        shape = clip.frames.shape
        if clip.frames.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or not all(shape):
            raise UserError(f"clip {clip.id!r} is {clip.frames.dtype} {shape}; a clip is uint8 (T, H, W, 3)")
        if shape != clips[0].frames.shape:  # a clip's shape would tell its source
            first = clips[0]
            raise UserError(f"clips differ in shape: {first.id!r} is {first.frames.shape}, {clip.id!r} is {shape}")
        if clip.id in seen:
            raise UserError(f"two clips have the id {clip.id!r}")
        seen.add(clip.id)
    return clips[0].frames.shape[:3]


def _shown(clips: list[LabelClip], seed: int, share_controls: float) -> list[LabelClip]:
    """The clips of the page in their order."""
    if not 0 <= share_controls < 1:
        raise UserError(f"share_controls is at least 0 and below 1, got {share_controls}")
    ordered = sorted(clips, key=lambda clip: clip.id)
    controls = [clip for clip in ordered if clip.is_control]
    shown = [clip for clip in ordered if not clip.is_control]
    wanted = math.ceil(share_controls / (1 - share_controls) * len(shown) - 1e-9)
    if wanted > len(controls):
        raise UserError(
            f"{share_controls:.0%} controls beside {len(shown)} generated clips are {wanted}, got {len(controls)}"
        )
    drawn = permutation(stream_key("label controls", seed), len(controls))[:wanted]
    shown += [controls[k] for k in drawn]
    return [shown[k] for k in permutation(stream_key("label order", seed), len(shown))]


def _page(key: Key, digits: int) -> str:
    frames, height, width = key.shape
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("physlaw.label"), autoescape=True, undefined=jinja2.StrictUndefined
    ).get_template("index.html")
    page = {"digest": key.digest, "count": len(key.clips), "digits": digits, "causes": list(CAUSES)}
    page |= {"frames": frames, "height": height, "width": width, "columns": sheet_columns(frames)}
    return template.render(page=page | {"frames_per_s": key.frames_per_s}, count=len(key.clips), causes=CAUSES)
