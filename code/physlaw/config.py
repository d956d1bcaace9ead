"""The configuration of one cell: plain YAML groups in configs/, composed by hydra, checked against dataclasses.

No torch and no numpy: a launcher can compose and check every cell on a bare machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Dict, Tuple

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
from physlaw.models.config import ModelConfig, TokenizerConfig
from physlaw.training.config import MachineConfig, TrainConfig

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
    seeds: Tuple[int, ...] = (0,)
    per_scenario: Dict[str, Dict[str, Any]] = field(default_factory=dict)  # scenario -> key -> value, where unset
    extra: Tuple[str, ...] = ()  # further scenario:model:size combinations
    tolerance: float = 0.5  # how far a model error may be from the committed one on another machine, as a fraction
    notes: str = ""  # what the profile's scale is and is not worth, for the report


@dataclass
class CellConfig:
    """One cell: scenario x model x data size x seed, in a profile (scale) and a recipe (method)."""

    study: str = "id_ood"
    profile: str = "smoke"
    recipe: str = "fast"
    scenario: str = "uniform"
    size: str = "3k"  # training set: 300, 3k, 30k, 300k, 3m clips; combinatorial: 6, 30, 60 templates
    seed: int = 0  # training: initial weights, order, noise
    runs: str = "runs"  # folder of run folders
    scratch: str = ""  # folder on the node's own disk; cached latents are copied there before training
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    grid: GridConfig = field(default_factory=GridConfig)

    def __post_init__(self) -> None:
        for value, kind, valid in (
            (self.study, "study", STUDIES),
            (self.scenario, f"scenario of study {self.study}", STUDIES.get(self.study, ())),
            (self.size, f"size of scenario {self.scenario}", SIZES.get(self.scenario, ())),
        ):
            if value not in valid:
                raise unknown(kind, value, valid)
        if not CELL_NAME.fullmatch(self.name):
            raise UserError(f"not a cell name: {self.name!r}; use lower-case letters, digits and _ in names")

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
        return digest_of(values | parts)


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


def choices(group: str, study: str = "") -> list[str]:
    """The files of a group: valid values of e.g. model=...; every study has profiles of its own."""
    return sorted(path.stem for path in (configs_folder() / group / study).glob("*.yaml"))


def profile_recipe(study: str, profile: str) -> str:
    """The recipe that a study's profile uses unless told otherwise: its `override /recipe:` line."""
    path = configs_folder() / "profile" / study / f"{profile}.yaml"
    found = re.search(r"override /recipe: (\w+)", path.read_text())
    if not found:
        raise UserError(f"{path} names no recipe")
    return found.group(1)


def _keys(kind: Any, prefix: str = "") -> list[str]:
    """Every valid dotted key of a dataclass."""
    found = []
    for item in fields(kind):
        default = item.default_factory() if callable(item.default_factory) else None
        found += _keys(type(default), f"{prefix}{item.name}.") if is_dataclass(default) else [prefix + item.name]
    return found


def describe(kind: Any, prefix: str = "") -> str:
    """Every valid key with its default, one a line; of a cell also the groups' choices."""
    lines = []
    if kind is CellConfig:
        lines = [f"{group}={'|'.join(choices(group))}\n" for group in GROUPS if group != "profile"]
        lines += [f"profile={'|'.join(choices('profile', study))} of study={study}\n" for study in STUDIES]
        lines.append("\nDefaults before the groups set theirs:\n")
    for item in fields(kind):
        default = item.default_factory() if callable(item.default_factory) else item.default
        if is_dataclass(default):
            lines.append(describe(type(default), f"{prefix}{item.name}."))
        else:
            shown = list(default) if isinstance(default, tuple) else default
            lines.append(f"{prefix}{item.name}={shown}\n")
    return "".join(lines)


def check_keys(overrides: list[str], kind: Any, groups: tuple[str, ...] = ()) -> None:
    """Raises UserError for an override that is not key=value, or whose key is unknown (lists the valid ones)."""
    valid = _keys(kind)
    study = _last(overrides, "study", CellConfig.study)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"not key=value: {override!r}")
        if key in groups:
            known = choices(key, study if key == "profile" else "")
            if value not in known:
                raise unknown(f"{key} of study {study}" if key == "profile" else key, value, known)
        elif key not in valid:
            near = [k for k in valid if k.split(".")[-1] == key.split(".")[-1] or k.split(".")[0] == key.split(".")[0]]
            tops = [k for k in valid if "." not in k]
            sections = sorted({k.split(".")[0] + ".*" for k in valid if "." in k})
            valid = near or [*groups, *(k for k in tops if k not in groups), *sections]
            raise unknown("key", key, valid)


def _last(overrides: list[str], key: str, default: str) -> str:
    """The value that counts: a key's last one."""
    return [default, *(word.partition("=")[2] for word in overrides if word.partition("=")[0] == key)][-1]


def compose_cell(overrides: list[str]) -> CellConfig:
    """A cell from key=value overrides, e.g. ["scenario=uniform", "model=dit_s", "train.steps=100"].

    Raises:
        UserError: unknown key or value (lists the valid ones), or a value of the wrong type.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    study = _last(overrides, "study", CellConfig.study)
    if study not in STUDIES:
        raise unknown("study", study, STUDIES)
    check_keys(overrides, CellConfig, GROUPS)
    profile = _last(overrides, "profile", CellConfig.profile)
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(configs_folder().resolve()), version_base="1.3"):
            # ++: keys that only have a default beside the code are not in the YAML yet.
            plain = [w for w in overrides if w.partition("=")[0] != "profile"]
            words = [w if w.partition("=")[0] in GROUPS else f"++{w}" for w in plain]
            composed = compose("cell", [f"profile={study}/{profile}", *words])
        given = {word.partition("=")[0] for word in overrides}
        scenario = composed.get("scenario", CellConfig.scenario)
        for key, value in composed.get("grid", {}).get("per_scenario", {}).get(scenario, {}).items():
            check_keys([f"{key}={value}"], CellConfig)
            if key not in given:
                OmegaConf.update(composed, key, value, force_add=True)
        return build(CellConfig, OmegaConf.to_container(composed, resolve=True))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def build(kind: Any, values: Any) -> Any:
    """A checked dataclass from plain data: types by omegaconf's structured configs, values by __post_init__."""
    from omegaconf import OmegaConf
    from omegaconf.errors import ConfigKeyError, OmegaConfBaseException, ValidationError

    try:
        merged = OmegaConf.merge(OmegaConf.structured(kind), values)
        plain = OmegaConf.to_container(merged, resolve=True)
    except ConfigKeyError as error:
        raise unknown("key", error.full_key, _keys(kind)) from None
    except (ValidationError, OmegaConfBaseException) as error:
        raise UserError(f"{getattr(error, 'full_key', '')}: {_first_line(error)}") from None
    return _construct(kind, plain)


def _construct(kind: Any, values: Any) -> Any:
    """Dataclasses from nested plain data, lists as tuples; runs every __post_init__."""
    arguments = {}
    for item in fields(kind):
        default = item.default_factory() if callable(item.default_factory) else item.default
        value = values[item.name]
        arguments[item.name] = _construct(type(default), value) if is_dataclass(default) else _tupled(value)
    return kind(**arguments)


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def parse_flat(kind: Any, overrides: list[str]) -> Any:
    """A verb's own small configuration from key=value words."""
    from omegaconf import OmegaConf

    check_keys(overrides, kind)
    return build(kind, OmegaConf.from_dotlist(overrides))


def own_words(kind: Any, words: list[str]) -> tuple[list[str], list[str]]:
    """The words of a verb's own configuration, and those of the cell."""
    own = {item.name for item in fields(kind)}
    return [w for w in words if w.partition("=")[0] in own], [w for w in words if w.partition("=")[0] not in own]
