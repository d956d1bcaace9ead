"""`physlaw label build [FILE.npz|VIDEOS]` and `physlaw label score KEY.json RATINGS.json...`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.csv_file import read_csv
from physlaw.data.npz import read_arrays
from physlaw.data.video import read_video
from physlaw.data.video_folder import FILE_NAME, METADATA
from physlaw.errors import UserError
from physlaw.fields import check, random_seed, ranged
from physlaw.files import write_json
from physlaw.label.build import LabelClip, build
from physlaw.label.score import score
from physlaw.label.table import score_text

ARRAYS = ("frames", "group", "id", "is_control")
COLUMNS = (FILE_NAME, "group", "is_control")


@dataclass
class LabelConfig:
    """Where the page or the scores go, and what is on the page."""

    out: str = ""  # build: the page's folder; score: a JSON file
    seed: int = random_seed()  # build: of the order and of the controls shown
    # build: at least this share of what is shown is ground truth
    share_controls: float = ranged(0.2, at_least=0, below=1)
    clips: int = ranged(50, at_least=1)  # build from a study: of each of its cells and sets
    automatic: str = ""  # score: CSV with columns clip and abnormal, to compare with

    def __post_init__(self) -> None:
        check(self)


def read_clips(path: Path) -> list[LabelClip]:
    """The clips of an npz file: frames (N, T, H, W, 3) uint8, group and id (N,) text, is_control (N,) bool or 0 and 1;
    or those of a folder of videos, see read_videos.

    Raises:
        UserError: the file is missing or damaged, or its arrays are not these.
    """
    if path.is_dir():
        return read_videos(path)
    frames, group, names, control = read_arrays(path, ARRAYS).values()
    shapes = {group.shape, names.shape, control.shape}
    if frames.ndim != 5 or frames.dtype != np.uint8 or shapes != {frames.shape[:1]}:
        raise UserError(
            f"{path}: frames must be (N, T, H, W, 3) uint8 and the others (N,), got {frames.dtype} "
            f"{list(frames.shape)} and {list(group.shape)}, {list(names.shape)}, {list(control.shape)}"
        )
    _check_controls(path, control)
    rows = zip(frames, _texts(path, "group", group), _texts(path, "id", names), control, strict=True)
    return [LabelClip(clip, g, n, bool(c)) for clip, g, n, c in rows]


def read_videos(folder: Path) -> list[LabelClip]:
    """The videos that metadata.csv in their folder names: file_name, group, is_control, and id if it has one; without,
    a clip's id is its file's name. Every frame counts once; how fast they are shown is the page's own.

    Raises:
        UserError: metadata.csv or a video is missing or not readable, or a column is missing or holds something else.
    """
    path = folder / METADATA
    named = dict.fromkeys((FILE_NAME, "group", "id"), str)
    table = read_csv(path, f"it must have a line per video: {', '.join(COLUMNS)}", named)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise UserError(f"{path}: no column {lacking[0]!r}; needed: {', '.join(COLUMNS)}")
    _check_controls(path, table["is_control"].to_numpy())
    texts = table[[FILE_NAME, "group", "id" if "id" in table else FILE_NAME]]
    empty = texts.isna().any(axis=1)
    if empty.any():
        raise UserError(f"{path}: video {int(np.flatnonzero(empty)[0]) + 1} has an empty field")
    rows = zip(*texts.to_numpy().T.tolist(), table["is_control"], strict=True)
    return [LabelClip(read_video(folder / file), group, name, bool(control)) for file, group, name, control in rows]


def _check_controls(path: Path, control: NDArray[Any]) -> None:
    wrong = control[~np.isin(control, (0, 1))] if control.dtype.kind in "biu" else control
    if len(wrong):
        raise UserError(
            f"{path}: is_control must be true or false (or 1 or 0), got {wrong.tolist()[0]!r} ({control.dtype})"
        )


def _texts(path: Path, name: str, values: NDArray[Any]) -> list[str]:
    """(N,) text, bytes (UTF-8) or whole numbers as text."""
    if values.dtype.kind not in "USiu":
        raise UserError(f"{path}: {name} must be text, got {values.dtype}")
    try:
        return [v.decode() if isinstance(v, bytes) else str(v) for v in values.tolist()]
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {name} holds bytes that are not UTF-8 ({error})") from None


def label(verb: str, files: list[str], config: LabelConfig, study_clips: Callable[[], list[LabelClip]]) -> str:
    """Do what the words say; returns what is to be printed.

    Args:
        study_clips: gives the clips to build from where no file is named.
    Raises:
        UserError: the words do not fit, or as build and score.
    """
    if verb == "build" and len(files) <= 1 and config.out:
        clips = read_clips(Path(files[0])) if files else study_clips()
        page = build(clips, Path(config.out), config.seed, config.share_controls)
        return f"page: {page.resolve()}\n"
    if verb == "score" and len(files) >= 2:
        automatic = Path(config.automatic) if config.automatic else None
        found = score(Path(files[0]), [Path(file) for file in files[1:]], automatic)
        if config.out:
            write_json(Path(config.out), asdict(found))
        return score_text(found)
    raise UserError(
        "usage: physlaw label build [CLIPS.npz|VIDEOS] out=FOLDER [seed= share_controls=], VIDEOS a folder with "
        f"{METADATA} ({', '.join(COLUMNS)}), without either from the finished cells of a study: study=NAME "
        "[profile= clips=]; or physlaw label score KEY.json RATINGS.json... [automatic=FILE.csv out=FILE.json]"
    )
