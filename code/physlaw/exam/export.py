"""`physlaw exam export`: condition frames to files, in a format that the taker reads. No truth is among them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from physlaw.data.hdf5_file import open_hdf5
from physlaw.data.npz import write_arrays
from physlaw.data.video import encode_png, many_videos
from physlaw.data.video_folder import FILE_NAME, METADATA
from physlaw.errors import UserError
from physlaw.exam.config import ExportConfig
from physlaw.exam.paper import FILE, KIND, Frames, Paper
from physlaw.exam.video import encode
from physlaw.files import visible, write_atomic, write_bytes, write_json, write_text
from physlaw.schema import read_record

ONE_FILE = "condition.hdf5"
_AT_ONCE = 16


def export(paper: Paper, config: ExportConfig) -> Path:
    """Write the exam's folder; exam.json comes last. Returns its path. What is there already of the same exam stays.

    Raises:
        UserError: the folder is not named, or holds something else.
    """
    if not config.out:
        raise UserError("out= is missing: the folder for the exam, e.g. out=exam")
    folder = Path(config.out)
    _check_folder(folder, paper)
    if config.format == "hdf5":
        _write_hdf5(folder / ONE_FILE, paper)
        names = dict.fromkeys(paper.items, ONE_FILE)
    else:
        names = _write_items(folder, paper, config)
    write_text(folder / METADATA, _metadata(paper, names))
    write_json(folder / FILE, paper.record())
    return folder / FILE


def _check_folder(folder: Path, paper: Paper) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"out={folder} is a file; name a folder")
    if (folder / FILE).exists():
        known = read_record(folder / FILE)
        if known.get("kind") != KIND or known.get("digest") != paper.digest:
            raise UserError(f"{folder} holds another exam; remove it or choose another out=")
        return
    known_names = {*paper.items, ONE_FILE.partition(".")[0]}
    other = [path for path in visible(folder, "*") if path.stem not in known_names and path.name != METADATA]
    if other:  # what is left of an interrupted export is not
        raise UserError(f"{folder} holds other files ({other[0].name}); choose another out=")


def _write_items(folder: Path, paper: Paper, config: ExportConfig) -> dict[str, str]:
    """A file per item, or a folder of pictures: item -> its name."""
    names: dict[str, str] = {}
    with many_videos():
        for part in paper.batches(_AT_ONCE):
            for item, frames in zip(part.items, paper.shown(part), strict=True):
                names[item] = WRITERS[config.format](folder, item, frames, config.fps)
    return names


def _mp4(folder: Path, item: str, frames: Frames, fps: int) -> str:
    write_bytes(folder / f"{item}.mp4", encode(frames, fps))
    return f"{item}.mp4"


def _npz(folder: Path, item: str, frames: Frames, fps: int) -> str:
    write_arrays(folder / f"{item}.npz", {"frames": frames})
    return f"{item}.npz"


def _png(folder: Path, item: str, frames: Frames, fps: int) -> str:
    for number, picture in enumerate(frames):
        write_bytes(folder / item / f"{number}.png", encode_png(picture))
    return item


WRITERS: dict[str, Callable[[Path, str, Frames, int], str]] = {"mp4": _mp4, "npz": _npz, "png": _png}


def _write_hdf5(path: Path, paper: Paper) -> None:
    """Datasets items and prompts (N,) text, frames (N, c, W, W, 3) uint8."""
    config = paper.config
    shape = (len(paper.items), config.cond_frames, config.resolution, config.resolution, 3)

    def write(temporary: Path) -> None:
        with open_hdf5(temporary, "w") as file:
            text = h5py.string_dtype()
            frames = file.create_dataset("frames", shape, np.uint8, chunks=(1, *shape[1:]), compression="gzip")
            file.create_dataset("items", data=np.array(paper.items, dtype=object), dtype=text)
            prompts = [paper.prompt(part.scenario) for part in paper.parts for _ in part.items]
            file.create_dataset("prompts", data=np.array(prompts, dtype=object), dtype=text)
            start = 0
            for part in paper.batches(_AT_ONCE):
                frames[start : start + len(part.numbers)] = paper.shown(part)
                start += len(part.numbers)

    write_atomic(path, write)


def _metadata(paper: Paper, names: dict[str, str]) -> str:
    """metadata.csv as video folders have it: file_name, item, prompt."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([FILE_NAME, "item", "prompt"])
    lines.writerows([names[item], item, paper.prompt(part.scenario)] for part in paper.parts for item in part.items)
    return text.getvalue()
