"""`physlaw label build [FILE.npz]` and `physlaw label score KEY.json RATINGS.json...`."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from physlaw.errors import UserError
from physlaw.fields import check, random_seed, ranged
from physlaw.label.build import LabelClip, build
from physlaw.label.score import score
from physlaw.label.table import score_text

ARRAYS = ("frames", "group", "id", "is_control")


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
    """The clips of an npz file: frames (N, T, H, W, 3) uint8, group and id (N,) text, is_control (N,) bool.

    Raises:
        UserError: the file is missing or damaged, or its arrays are not these.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            frames, group, names, control = (archive[name] for name in ARRAYS)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not an npz file with {', '.join(ARRAYS)} ({error})") from None
    if frames.ndim != 5 or frames.dtype != np.uint8 or not {len(group), len(names), len(control)} == {len(frames)}:
        raise UserError(
            f"{path}: frames must be (N, T, H, W, 3) uint8 and the others (N,), got {frames.dtype} "
            f"{list(frames.shape)} and {len(group)}, {len(names)}, {len(control)}"
        )
    rows = zip(frames, group, names, control, strict=True)
    return [LabelClip(clip, str(g), str(n), bool(c)) for clip, g, n, c in rows]


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
            Path(config.out).write_text(json.dumps(asdict(found), indent=1) + "\n")
        return score_text(found)
    raise UserError(
        "usage: physlaw label build [CLIPS.npz] out=FOLDER [seed= share_controls=], without a file from the finished "
        "cells of a study: study=combinatorial [profile= clips=]; or physlaw label score KEY.json RATINGS.json... "
        "[automatic=FILE.csv out=FILE.json]"
    )
