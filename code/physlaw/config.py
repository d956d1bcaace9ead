"""The configuration of one cell, as dataclasses. No torch and no numpy. compose.py makes cells from words."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Dict, Tuple

from physlaw.data.config import DataConfig
from physlaw.diffusion.config import DiffusionConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import EvalConfig
from physlaw.fields import check, random_seed, ranged
from physlaw.models.config import ModelConfig, TokenizerConfig
from physlaw.profiles import profile_recipe
from physlaw.training.config import MachineConfig, TrainConfig

SEEDS_APART = 1000  # draws of training clips; studies take data.seed and the next one for clips to score
FAILURE = "failure.txt"  # in a run folder: why the last run failed
CELL_NAME = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*")


@dataclass
class GridConfig:
    """Which cells a study has in this profile: the product of these lists."""

    scenarios: Tuple[str, ...] = ()  # compose.py: all of the study, where a profile names none
    models: Tuple[str, ...] = ("dit_s",)
    sizes: Tuple[str, ...] = ("30k",)
    agents: Tuple[str, ...] = ()  # reference agents beside the models, without "agent_"; or all: those of the study
    seeds: Tuple[int, ...] = random_seed((0,))
    per_scenario: Dict[str, Dict[str, Any]] = field(default_factory=dict)  # scenario -> key -> value, where unset
    # further combinations scenario:model:size, or scenario:model:size:seed for one seed alone
    extra: Tuple[str, ...] = ()
    # data sizes that belong on one line; cells of others are shown apart and decide nothing; none named: all
    regime: Tuple[str, ...] = ()
    # how far a model error may be from the committed one on another machine, as a fraction
    tolerance: float = ranged(0.5, at_least=0)
    notes: str = ""  # what the profile's scale is and is not worth, for the report

    def __post_init__(self) -> None:
        check(self, "grid.")
        for text in self.extra:
            if text.count(":") not in (2, 3) or not (text + ":0").split(":")[3].isdecimal():
                raise UserError(
                    f"grid.extra are combinations scenario:model:size or scenario:model:size:seed, got {text!r}"
                )


@dataclass
class CellConfig:
    """One cell: scenario x model x data size x seed, in a profile (scale) and a recipe (method)."""

    study: str = ""  # see compose.py for the first one, and its first scenario
    profile: str = "smoke"
    recipe: str = "fast"
    scenario: str = ""
    size: str = "3k"  # training set: 300, 3k, 30k, 300k, 3m clips; or 6, 30, 60 templates
    seed: int = random_seed()  # training: initial weights, order, noise
    runs: str = "runs"  # folder of run folders
    scratch: str = ""  # folder on the node's own disk; cached latents are copied there before training. Shell variables
    # in it are expanded there, e.g. $SLURM_TMPDIR
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    grid: GridConfig = field(default_factory=GridConfig)

    def __post_init__(self) -> None:
        check(self)
        for key, name in (("model.name", self.name), ("tokenizer.name", self.tokenizer.name)):
            if not CELL_NAME.fullmatch(name):
                raise UserError(
                    f"not a cell name: {name!r}; use lower-case letters, digits and _ in {key}, - between them"
                )

    @property
    def name(self) -> str:
        """What differs between cells; it is the folder, the row key and the job name."""
        return f"{self.scenario}-{self.model.row}-n{self.size.replace('.', '_')}-seed{self.seed}"

    @property
    def training_draw(self) -> int:
        """The seed of the training clips' draw; of evaluation clips it is data.seed, the same for every cell."""
        return self.data.seed + (SEEDS_APART * self.seed if self.data.draw == "by_seed" else 0)

    @property
    def table(self) -> str:
        """Cells that share a table: the profile, and the recipe where it is not the profile's own."""
        own = profile_recipe(self.study, self.profile)
        return self.profile if self.recipe == own else f"{self.profile}-{self.recipe}"

    @property
    def folder(self) -> Path:
        """The run folder: <runs>/<study>/<table>/<cell>."""
        return Path(self.runs) / self.study / self.table / self.name

    def tokenizer_run(self) -> tuple[str, Path]:
        """Digest and folder of the tokenizer's training, <runs>/tokenizers/<name>-<side>px-<digest>: one for every
        cell of the same tokenizer and clip settings."""
        digest = digest_of(
            {
                "tokenizer": self.tokenizer.identity(),
                "resolution": self.data.resolution,
                "precision": self.train.precision,
            }
        )
        name = f"{self.tokenizer.name}-{self.data.resolution}px-{digest[:12]}"
        return digest, Path(self.runs) / "tokenizers" / name

    def resolved(self) -> dict[str, Any]:
        """The cell as plain data, without the other cells of its grid."""
        values = ((item.name, getattr(self, item.name)) for item in fields(self) if item.name != "grid")
        return {name: asdict(value) if is_dataclass(value) else value for name, value in values}  # type: ignore[arg-type]

    def digest(self) -> str:
        """SHA-256 of all that can change a result; not of where it is kept or how it is run, nor of the other cells."""
        values = {k: v for k, v in self.resolved().items() if k not in ("runs", "scratch", "machine")}
        parts = {name: getattr(self, name).identity() for name in ("data", "model", "tokenizer", "diffusion", "eval")}
        return digest_of({**values, **parts})


def digest_of(values: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=list).encode()).hexdigest()
