"""A folder of videos and its metadata.csv, as Hugging Face's VideoFolder and others read it: a line per video, its name
in the column file_name. What people are given, and what they give."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physlaw.files import write_atomic

if TYPE_CHECKING:
    from physlaw.data.shards import ClipSet, Index

METADATA = "metadata.csv"
FILE_NAME = "file_name"


def write_metadata(folder: Path, clips: ClipSet, shards: list[tuple[int, Index]], parts: dict[int, Path]) -> Path:
    """metadata.csv of the videos of these shards: file_name, number (the clip's in the set), and what the set says.

    Args:
        parts: a shard's number -> its npz file of ground truth.
    """

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            lines = csv.writer(stream, lineterminator="\n")
            for number, index in shards:
                with np.load(parts[number], allow_pickle=False) as archive:
                    columns = clips.described({name: archive[name] for name in archive.files})
                names = [f"{name}.mp4" for name in clips.samples(number, index)]
                columns = {FILE_NAME: names, "number": index.tolist(), **columns}
                if number == shards[0][0]:
                    lines.writerow(columns)
                lines.writerows(zip(*columns.values(), strict=True))

    write_atomic(folder / METADATA, write)
    return folder / METADATA
