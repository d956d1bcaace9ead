"""The settings of the verbs that have no package of their own, beside those of a cell. No torch, no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from physlaw.fields import MOST_CLIPS, MOST_WORKERS, choice, random_seed, ranged

STAGES = ("tokenizer", "latents")


@dataclass
class TrainVerbConfig:
    """`physlaw train`."""

    # null: one cell, as the words say. A number: every cell of the study that is not trained yet, those whose models
    # have one shape as one, so many at most
    stack: Optional[int] = ranged(None, at_least=1, at_most=MOST_WORKERS)


@dataclass
class RunConfig:
    """`physlaw run`."""

    number: Optional[int] = ranged(None, at_least=0)  # the number-th cell of a study, from 0 as dry_run=true lists them


@dataclass
class PrepareConfig:
    """`physlaw prepare`."""

    stage: Optional[str] = choice(None, STAGES)  # null: both


@dataclass
class LogsConfig:
    """`physlaw logs`."""

    follow: bool = False  # go on with what comes, until no job is left


@dataclass
class CollectConfig:
    """`physlaw collect`."""

    out: str = ""  # a folder; results/<study>/<table> unless named
    mixed_code: bool = False  # also cells that were run by different code


@dataclass
class ReproduceConfig:
    """`physlaw reproduce`."""

    out: str = ""  # a folder; reproduced/<study>/<table> unless named
    # cells at once; null: as many as the cores hold
    workers: Optional[int] = ranged(None, at_least=1, at_most=MOST_WORKERS)
    # cells trained as one, before they are evaluated one by one; null: as many as fill a GPU, 1 on a CPU
    stack: Optional[int] = ranged(None, at_least=1, at_most=MOST_WORKERS)


@dataclass
class AgentsConfig:
    """`physlaw agents`."""

    studies: Tuple[str, ...] = ()  # all that there are, if none is named
    clips: int = ranged(256, at_least=1, at_most=MOST_CLIPS)  # a set of clips has about so many
    workers: Optional[int] = ranged(None, at_least=1, at_most=MOST_WORKERS)  # cells at once, as reproduce
    out: str = "results"  # folder of agents.csv


@dataclass
class ClaimsConfig:
    """`physlaw claims`; writes into out, and fills in what is marked in its README.md and ARTIFACT.md."""

    results: str = "results"
    out: str = "."
    json: bool = False  # print every row as JSON, and write nothing; also --json


@dataclass
class IndexConfig:
    """`physlaw index`; writes results/index.html."""

    results: str = "results"


@dataclass
class WeightsConfig:
    """`physlaw weights convert KIND FILE...`."""

    sha256: str = ""  # digests of the files, with commas between
    out: str = ""


@dataclass
class PublishConfig:
    """`physlaw publish`."""

    out: str = "results/weights"  # a folder


@dataclass
class SampleConfig:
    """`physlaw sample`; every other word is an initial value, e.g. r=1.2."""

    scenario: str = ""  # the one that it was trained on unless named
    seed: int = random_seed()  # of the noise, and of where the scene begins
    steps: Optional[int] = ranged(None, above=0)  # of denoising; null: as the cell was evaluated
    out: str = "clip.gif"  # .gif, .mp4 (true left, drawn right), or .npz (true, drawn: (T, W, W, 3) uint8)


@dataclass
class WhereConfig:
    """`physlaw where`; every other word is an initial value, e.g. r=1.2."""

    scenario: str = "uniform"
    size: str = ""  # of the training set; the first one of the scenario unless named
    json: bool = False
