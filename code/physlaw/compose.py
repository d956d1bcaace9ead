"""Words to cells: plain YAML groups in configs/, composed by hydra, checked against dataclasses and studies.

No torch and no numpy: a launcher can compose and check every cell on a bare machine.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Tuple

from physlaw import studies
from physlaw.agents.config import MODALITIES, PREFIX, is_agent, suffix_of
from physlaw.config import CellConfig, GridConfig
from physlaw.errors import UserError, unknown
from physlaw.files import visible
from physlaw.profiles import choices, configs_folder
from physlaw.studies.registry import agent_settings, agents_of, scenarios_of
from physlaw.words import build, describe, merged, pairs_of

GROUPS = ("model", "tokenizer", "recipe", "profile")


def describe_cell() -> str:
    """Every key of a cell with its default, after the groups' choices."""
    lines = [f"{group}={'|'.join(choices(group))}\n" for group in GROUPS if group != "profile"]
    lines += [f"profile={'|'.join(choices('profile', study))} of study={study}\n" for study in studies.NAMES]
    lines += [f"model={PREFIX}NAME of study={study}, NAME: {'|'.join(agents_of(study))}\n" for study in studies.NAMES]
    return "".join([*lines, "\nDefaults before the groups set theirs:\n", describe(CellConfig)])


def compose_cell(words: List[str]) -> CellConfig:
    """A cell from key=value words, e.g. ["scenario=uniform", "model=dit_s", "train.steps=100"].

    Raises:
        UserError: unknown key or value (lists the valid ones), or a value of the wrong type or range.
    """
    given = pairs_of(words)
    study = given.get("study", studies.NAMES[0])
    scenarios = list(scenarios_of(study))
    files = {}
    for group in GROUPS:
        if group in given:
            files[group] = given.pop(group)
            known = choices(group, study if group == "profile" else "")
            if files[group] not in known and not (group == "model" and is_agent(files[group])):
                raise unknown(f"{group} of study {study}" if group == "profile" else group, files[group], known)
    agent = files.pop("model") if is_agent(files.get("model", "")) else ""
    if agent:
        files["tokenizer"] = "pixels"  # an agent draws pictures, whatever models beside it are trained on
    files["profile"] = f"{study}/{files.get('profile', CellConfig.profile)}"
    # The words come after hydra: its grammar would read them in its own way.
    folder = configs_folder()
    composed = _composed(folder, _stamp(folder), tuple(files.items()))
    defaults = {"study": study, "scenario": scenarios[0], **composed}
    defaults["grid"] = {"scenarios": scenarios, **(composed.get("grid") or {})}
    if agent:
        defaults["model"] = _agent_model(agent)
    values = merged(defaults, CellConfig, given, GROUPS)
    preset = build(GridConfig, values["grid"], "grid.").per_scenario.get(values["scenario"], {})
    if agent:
        preset = {**preset, **agent_settings(study, agent[len(PREFIX) :])}
    return checked(build(CellConfig, merged(values, CellConfig, {k: v for k, v in preset.items() if k not in given})))


def _agent_model(name: str) -> Dict[str, Any]:
    """The settings model.* of a reference agent: agent_told_law_text is an agent_told_law that is told a text."""
    suffix = suffix_of(name)
    return {"name": name[: -len(suffix) - 1], "modality": suffix} if suffix in MODALITIES else {"name": name}


def checked(cell: CellConfig) -> CellConfig:
    """The cell.

    Raises:
        UserError: its study has no such scenario, or that no such training set, or no such reference agent (lists the
            valid ones).
    """
    scenarios = scenarios_of(cell.study)
    for value, kind, valid in (
        (cell.scenario, f"scenario of study {cell.study}", tuple(scenarios)),
        (cell.size, f"size of scenario {cell.scenario}", scenarios.get(cell.scenario, ())),
    ):
        if value not in valid:
            raise unknown(kind, value, valid)
    agents = agents_of(cell.study)
    if is_agent(cell.model.name) and cell.model.agent not in agents:
        raise unknown(f"agent of study {cell.study}", cell.model.row, [PREFIX + name for name in agents])
    if cell.model.agent and cell.tokenizer.kind != "pixels":
        raise UserError(f"a reference agent draws pixels, got tokenizer.kind={cell.tokenizer.kind!r}; valid: pixels")
    return cell


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
