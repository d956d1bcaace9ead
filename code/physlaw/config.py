"""The configuration of one cell: plain YAML groups in configs/, composed by hydra, checked against dataclasses.

No torch and no numpy: a launcher can compose and check every cell on a bare machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Tuple

from physlaw.data.config import (
    ATTRIBUTES,
    COMBINATORIAL,
    COMPOSITION,
    GAPS,
    HOLES,
    MEMORIZATION,
    RESOLUTION_AND_LENGTH,
    RING,
    SCENARIO_NAMES,
    SIZES,
    DataConfig,
)
from physlaw.diffusion.config import DiffusionConfig
from physlaw.errors import UserError, unknown
from physlaw.evaluation.config import EvalConfig
from physlaw.fields import check, random_seed, ranged
from physlaw.files import visible
from physlaw.models.config import ModelConfig, TokenizerConfig
from physlaw.training.config import MachineConfig, TrainConfig
from physlaw.words import build, describe, merged, pairs_of

REPOSITORY = Path(__file__).resolve().parents[2]
GROUPS = ("model", "tokenizer", "recipe", "profile")
STUDIES = {  # and their scenarios
    "id_ood": SCENARIO_NAMES,
    "combinatorial": (COMBINATORIAL,),
    "velocity_gap": GAPS,
    "square_out": HOLES,
    "memorization": MEMORIZATION,
    "attributes": ATTRIBUTES,
    "ring": RING,
    "composition": COMPOSITION,
    "modality": ("collision",),
    "resolution_and_length": RESOLUTION_AND_LENGTH,
}
FAILURE = "failure.txt"  # in a run folder: why the last run failed
CELL_NAME = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*")


@dataclass
class GridConfig:
    """Which cells a study has in this profile: the product of these lists."""

    scenarios: Tuple[str, ...] = SCENARIO_NAMES
    models: Tuple[str, ...] = ("dit_s",)
    sizes: Tuple[str, ...] = ("30k",)
    seeds: Tuple[int, ...] = random_seed((0,))
    per_scenario: Dict[str, Dict[str, Any]] = field(default_factory=dict)  # scenario -> key -> value, where unset
    extra: Tuple[str, ...] = ()  # further scenario:model:size combinations
    # how far a model error may be from the committed one on another machine, as a fraction
    tolerance: float = ranged(0.5, at_least=0)
    notes: str = ""  # what the profile's scale is and is not worth, for the report

    def __post_init__(self) -> None:
        check(self, "grid.")
        for text in self.extra:
            if text.count(":") != 2:
                raise UserError(f"grid.extra are combinations scenario:model:size, got {text!r}")


@dataclass
class CellConfig:
    """One cell: scenario x model x data size x seed, in a profile (scale) and a recipe (method)."""

    study: str = "id_ood"
    profile: str = "smoke"
    recipe: str = "fast"
    scenario: str = "uniform"
    size: str = "3k"  # training set: 300, 3k, 30k, 300k, 3m clips; combinatorial: 6, 30, 60 templates
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
        for value, kind, valid in (
            (self.study, "study", STUDIES),
            (self.scenario, f"scenario of study {self.study}", STUDIES.get(self.study, ())),
            (self.size, f"size of scenario {self.scenario}", SIZES.get(self.scenario, ())),
        ):
            if value not in valid:
                raise unknown(kind, value, valid)
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
        parts = {name: getattr(self, name).identity() for name in ("model", "tokenizer", "diffusion", "eval")}
        return digest_of({**values, **parts})


def digest_of(values: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=list).encode()).hexdigest()


def configs_folder() -> Path:
    """configs/ of this checkout, or the folder that PHYSLAW_CONFIGS names.

    Raises:
        UserError: it is not there.
    """
    folder = Path(os.environ.get("PHYSLAW_CONFIGS", REPOSITORY / "configs"))
    if not (folder / "cell.yaml").is_file():
        raise UserError(f"no configuration in {folder}; run from a checkout or set PHYSLAW_CONFIGS to its configs/")
    return folder


def choices(group: str, study: str = "") -> List[str]:
    """The files of a group: valid values of e.g. model=...; every study has profiles of its own."""
    return [path.stem for path in visible(configs_folder() / group / study, "*.yaml")]


def profile_recipe(study: str, profile: str) -> str:
    """The recipe that a study's profile uses unless told otherwise: its `override /recipe:` line."""
    path = configs_folder() / "profile" / study / f"{profile}.yaml"
    found = re.search(r"override /recipe: (\w+)", path.read_text(encoding="utf-8"))
    if not found:
        raise UserError(f"{path} names no recipe")
    return found.group(1)


def describe_cell() -> str:
    """Every key of a cell with its default, after the groups' choices."""
    lines = [f"{group}={'|'.join(choices(group))}\n" for group in GROUPS if group != "profile"]
    lines += [f"profile={'|'.join(choices('profile', study))} of study={study}\n" for study in STUDIES]
    return "".join([*lines, "\nDefaults before the groups set theirs:\n", describe(CellConfig)])


def compose_cell(words: List[str]) -> CellConfig:
    """A cell from key=value words, e.g. ["scenario=uniform", "model=dit_s", "train.steps=100"].

    Raises:
        UserError: unknown key or value (lists the valid ones), or a value of the wrong type or range.
    """
    given = pairs_of(words)
    study = given.get("study", CellConfig.study)
    if study not in STUDIES:
        raise unknown("study", study, STUDIES)
    files = {}
    for group in GROUPS:
        if group in given:
            files[group] = given.pop(group)
            known = choices(group, study if group == "profile" else "")
            if files[group] not in known:
                raise unknown(f"{group} of study {study}" if group == "profile" else group, files[group], known)
    files["profile"] = f"{study}/{files.get('profile', CellConfig.profile)}"
    # The words come after hydra: its grammar would read them in its own way.
    folder = configs_folder()
    values = merged(_composed(folder, _stamp(folder), tuple(files.items())), CellConfig, given, GROUPS)
    per_scenario = build(GridConfig, values.get("grid", {}), "grid.").per_scenario
    preset = per_scenario.get(values.get("scenario", CellConfig.scenario), {})
    return build(CellConfig, merged(values, CellConfig, {k: v for k, v in preset.items() if k not in given}))


def _stamp(folder: Path) -> Tuple[float, int]:
    """Changes with the files of a configuration."""
    times = [path.stat().st_mtime for path in visible(folder, "**/*.yaml")]
    return max(times), len(times)


@lru_cache(maxsize=None)
def _composed(folder: Path, stamp: Tuple[float, int], files: Tuple[Tuple[str, str], ...]) -> Dict[str, Any]:
    """The groups' YAML files, one over the other: hydra's part."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(folder.resolve()), version_base="1.3"):
            composed = compose("cell", [f"{group}={name}" for group, name in files])
        return dict(OmegaConf.to_container(composed, resolve=True))  # type: ignore[arg-type]
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise UserError(f"{folder}: {' '.join(str(error).split())}") from None
