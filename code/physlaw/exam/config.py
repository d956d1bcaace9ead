"""Settings of `physlaw exam`: plain data, no numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Tuple

from physlaw import studies
from physlaw.errors import UserError
from physlaw.fields import MOST_CLIPS, MOST_FRAMES, check, choice, random_seed, ranged

FORMATS = ("mp4", "npz", "png", "hdf5")
TRAIN_FORMATS = ("mp4", "hdf5", "webdataset")
FITS = ("crop", "stretch")
SMALLEST_SIDE, LARGEST_SIDE = 16, 1024
FEWEST_FRAMES = 6  # to measure a velocity


@dataclass
class PaperConfig:
    """What is asked: which study's scenes, and what pictures of them a model gets."""

    study: str = studies.NAMES[0]
    scenarios: Tuple[str, ...] = ()  # all of the study, if none is named
    resolution: int = ranged(128, at_least=SMALLEST_SIDE, at_most=LARGEST_SIDE)  # side of the pictures, pixels
    frames: int = ranged(32, at_least=FEWEST_FRAMES, at_most=MOST_FRAMES)  # of a whole clip, 0.1 s apart
    cond_frames: int = ranged(3, at_least=1)  # of them, those that are shown
    count: Optional[int] = ranged(None, at_least=1, at_most=MOST_CLIPS)  # clips of each block; null: all
    # training set that scores look up nearest cases in; null: the scenario's smallest
    size: Optional[str] = None
    seed: int = random_seed()  # of where the objects start

    def __post_init__(self) -> None:
        check(self)
        if not self.cond_frames < self.frames - 1:
            raise UserError(f"cond_frames must be 1 to frames - 2 = {self.frames - 2}, got {self.cond_frames}")


@dataclass
class ExportConfig:
    """Where `exam export` writes, and as what."""

    out: str = ""  # a folder
    format: str = choice("mp4", FORMATS)
    fps: int = ranged(10, at_least=1, at_most=240)  # what mp4 files say of themselves; the frames stay the same


@dataclass
class ScoreConfig:
    """How `exam score` reads answers."""

    exam: str = "exam"  # the folder of `exam export`
    out: str = ""  # a folder for report.html and card.json; <answers>.scored unless named
    name: str = ""  # of the model, for people; the answers' folder or file unless named
    # frames a second of answers that have another number of frames than was asked for; null: what mp4 files say
    fps: Optional[float] = ranged(None, above=0, at_most=1000)
    # the answers' first frame is this one of the clip: 0, or cond_frames; null: told by their length, else by the look
    counted_from: Optional[int] = ranged(None, at_least=0)
    fit: str = choice("crop", FITS)  # of pictures that are not square: their centre, or all of them squeezed

    def __post_init__(self) -> None:
        check(self)


@dataclass
class RunConfig:
    """How `exam run` asks a model."""

    model: str = ""  # package.module:generate, or a name of the entry point group physlaw.models
    out: str = ""  # a folder for answers, report.html and card.json
    name: str = ""  # of the model, for people; that of model= unless named
    batch: int = ranged(8, at_least=1, at_most=4096)  # clips at once
    seeds: Tuple[int, ...] = random_seed((0,))
    # K/N: ask every N-th batch alone, from the K-th on, and score nothing: for N jobs at once. The same command without
    # it asks what is left, and scores
    part: str = ""

    def __post_init__(self) -> None:
        check(self)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UserError(f"seeds must be at least one, and each once, got {list(self.seeds)}")
        if self.part and not (re.fullmatch(r"\d{1,6}/\d{1,6}", self.part) and self.share[0] < self.share[1]):
            raise UserError(f"part must be K/N with K from 0 to N - 1, e.g. 0/8, got {self.part!r}")

    @property
    def share(self) -> Tuple[int, int]:
        """K and N of part; 0, 1 where all is asked."""
        first, _, of = (self.part or "0/1").partition("/")
        return int(first), int(of)


@dataclass
class TrainConfig:
    """What `exam train` writes: the training sets that the exam's scenes are in or out of the distribution of."""

    study: str = studies.NAMES[0]
    scenarios: Tuple[str, ...] = ()  # all of the study, if none is named
    size: Optional[str] = None  # null: the scenario's smallest
    count: Optional[int] = ranged(None, at_least=1)  # clips of each scenario, a random choice; null: all
    resolution: int = ranged(256, at_least=SMALLEST_SIDE, at_most=512)
    frames: int = ranged(32, at_least=FEWEST_FRAMES, at_most=MOST_FRAMES)
    seed: int = random_seed()
    format: str = choice("mp4", TRAIN_FORMATS)
    out: str = ""  # a folder

    def __post_init__(self) -> None:
        check(self)


@dataclass
class LeaksConfig:
    """What `exam leaks` looks for, in an HDF5 file or folder, an .npz file, or a table of initial values (.csv)."""

    study: str = studies.NAMES[0]
    scenario: Optional[str] = None  # null: read off the file
    seed: int = random_seed()  # of the exam
    out: str = ""  # a CSV file of all that was found

    def __post_init__(self) -> None:
        check(self)


@dataclass
class CompareConfig:
    """Where `exam compare` writes."""

    out: str = "compared"  # a folder for compared.md, compared.csv and compared.svg
