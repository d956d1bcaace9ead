"""A study's list of cells, as a pure function of the configuration."""

from __future__ import annotations

from dataclasses import replace

from physlaw.agents.config import PREFIX
from physlaw.compose import checked, compose_cell
from physlaw.config import CellConfig
from physlaw.errors import UserError, unknown
from physlaw.profiles import choices
from physlaw.studies import RUN_ORDER
from physlaw.studies.registry import agents_of
from physlaw.words import pairs_of

AXES = ("scenario", "model", "size", "seed")
ALL = "all"  # grid.agents: every agent that applies to the study; study: every one
LISTS = tuple(
    f"grid.{name}" for name in ("scenarios", "models", "agents", "sizes", "seeds", "extra")
)  # of no use to one cell


def grid_cells(base: CellConfig) -> list[dict[str, str]]:
    """The cells of the base configuration's study and profile, as overrides of scenario, model, size and seed."""
    grid = base.grid
    seeds = [str(seed) for seed in grid.seeds]
    cells = [(s, m, n, seed) for s in grid.scenarios for m in models_of(base) for n in grid.sizes for seed in seeds]
    for text in grid.extra:
        scenario, model, size, *own = text.split(":")
        cells += [(scenario, model, size, seed) for seed in own or seeds]
    return [dict(zip(AXES, cell)) for cell in cells]


def models_of(base: CellConfig) -> list[str]:
    """The models of a profile, and the reference agents beside them."""
    grid = base.grid
    agents = agents_of(base.study) if grid.agents == (ALL,) else grid.agents
    return list(dict.fromkeys([*grid.models, *(PREFIX + name for name in agents)]))


def each_study(words: list[str]) -> list[list[str]]:
    """The words of one study each: of study=all every study that has the profile.

    Raises:
        UserError: no study has the profile.
    """
    given = pairs_of(words)
    if given.get("study") != ALL:
        return [words]
    profile = given.get("profile", CellConfig.profile)
    found = [name for name in RUN_ORDER if profile in choices("profile", name)]
    if not found:
        known = dict.fromkeys(name for study in RUN_ORDER for name in choices("profile", study))
        raise unknown("profile", profile, list(known))
    return [[f"study={name}", *(word for word in words if word.partition("=")[0] != "study")] for name in found]


def study_cells(overrides: list[str]) -> list[CellConfig]:
    """Every cell of a study and profile; see study_words."""
    return compose_cells(study_words(overrides))


def compose_cells(every: list[list[str]]) -> list[CellConfig]:
    """compose_cell for many: cells that differ in size and seed alone are composed once (it takes some 20 ms)."""
    composed: dict[tuple[str, ...], CellConfig] = {}
    cells = []
    for words in every:
        plain = {key: value for key, _, value in (w.partition("=") for w in words) if key in ("size", "seed")}
        key = tuple(w for w in words if w.partition("=")[0] not in plain)
        if key not in composed:
            composed[key] = compose_cell(words)
        cells.append(checked(replace(composed[key], size=plain["size"], seed=int(plain["seed"]))))
    return cells


def study_words(overrides: list[str]) -> list[list[str]]:
    """Every cell of a study and profile, as the words that compose it.

    Args:
        overrides: key=value words; scenario=, model=, size= or seed= keep only the cells with that value, the others
            change every cell.
    Raises:
        UserError: bad override, or nothing is left.
    """
    wanted = {key: value for key, value in pairs_of(overrides).items() if key in AXES}
    common = [word for word in overrides if word.partition("=")[0] not in AXES]
    if wanted:
        asked_for = compose_cell(overrides)  # every word must be valid by itself
        if "seed" in wanted:
            wanted["seed"] = str(asked_for.seed)
    base = compose_cell(common)
    found = [c for c in grid_cells(base) if all(c[axis] == value for axis, value in wanted.items())]
    if not found and not wanted:
        raise UserError(f"study {base.study} in profile {base.profile} has no cells: a list of grid.* is empty")
    if not found:
        asked = ", ".join(f"{axis}={value}" for axis, value in wanted.items())
        raise UserError(
            f"study {base.study} in profile {base.profile} has no cell with {asked}; it has scenarios "
            f"{', '.join(base.grid.scenarios)}; models {', '.join(models_of(base))}; sizes "
            f"{', '.join(base.grid.sizes)}; seeds {', '.join(map(str, base.grid.seeds))}"
        )
    own = [word for word in common if word.partition("=")[0] not in LISTS]
    return [[*own, *(f"{axis}={value}" for axis, value in cell.items())] for cell in found]


def cell_words(overrides: list[str], number: int) -> list[str]:
    """The words that compose cell `number` of a study and profile, counted from 0 as `launch dry_run=true` lists them.

    Raises:
        UserError: there is no such cell.
    """
    every = study_words(overrides)
    if number >= len(every):
        raise UserError(f"number must be 0 to {len(every) - 1}, got {number}")
    return every[number]
