"""All reference agents in small, and what each makes of a study: a results folder in which the agent is every model.

An agent's cells are profile=agents of its study. What a claim compares across models and data sizes an agent that draws
the same for all of them has run once; its rows then stand for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from physlaw.agents.config import PREFIX, base_name, parameters_of, suffix_of
from physlaw.config import CellConfig
from physlaw.files import write_text
from physlaw.launch.cells import study_cells
from physlaw.report.metrics import read_metrics
from physlaw.results.collect import collect
from physlaw.results.reproduce import run_cells
from physlaw.schema import read_record
from physlaw.studies import registry

PROFILE = "agents"
CLIPS = 256  # that the profiles' numbers of clips are meant for
TABLES = "tables"  # beside a profile's run folders, a results folder per agent


@dataclass(frozen=True)
class AgentTable:
    """A study as if one agent were all of its models.

    agent: without size and modality. metrics: as a study's metrics.csv, models named agent_NAME; its tokenizer is the
    agent's own. folder: a results folder, metrics.csv and what the study gathers. evaluations: cell,
    as in metrics -> the folder with its per-clip tables.
    """

    study: str
    agent: str
    metrics: pd.DataFrame
    folder: Path
    evaluations: dict[str, Path]


def agent_cells(study: str, clips: int = CLIPS, words: Sequence[str] = ()) -> list[CellConfig]:
    """The cells of a study's agents, with about that many clips a set; words: further ones, e.g. runs=FOLDER."""
    own = [f"study={study}", f"profile={PROFILE}"]
    plain = study_cells([*own, *words])
    if clips == CLIPS:
        return plain
    known = plain[0].eval
    scaled = {
        key: max(1, round(getattr(known, key) * clips / CLIPS)) for key in ("id_clips", "ood_clips", "detector_clips")
    }
    return study_cells([*own, *(f"eval.{key}={count}" for key, count in scaled.items()), *words])


def run_agents(
    studies: Sequence[str], clips: int = CLIPS, words: Sequence[str] = (), workers: int | None = None
) -> dict[str, dict[str, AgentTable]]:
    """Run every agent of these studies: study -> agent -> its table. What has finished is kept."""
    found: dict[str, dict[str, AgentTable]] = {}
    for study in studies:
        cells = agent_cells(study, clips, words)
        run_cells(cells, workers)
        found[study] = agent_tables(cells)
    return found


def agent_tables(cells: list[CellConfig]) -> dict[str, AgentTable]:
    """The tables of one study's agents, in the study's order, from their finished cells."""
    agents = dict.fromkeys(base_name(cell.model.agent) for cell in cells)
    known = {(cell.scenario, cell.size): cell for cell in cells}
    return {agent: _table(agent, [c for c in cells if base_name(c.model.agent) == agent], known) for agent in agents}


def _table(agent: str, cells: list[CellConfig], known: dict[tuple[str, str], CellConfig]) -> AgentTable:
    folder = cells[0].folder.parent / TABLES / agent
    collect(cells, folder)
    metrics = read_metrics(folder).assign(tokenizer=agent, tokenizer_digest=agent)
    study = cells[0].study
    models = registry.agent_models(study) if not any(suffix_of(cell.model.agent) for cell in cells) else ()
    parts, evaluations = [], {}
    for cell in cells:
        rows, own = metrics[metrics["cell"] == cell.name], cell.model.agent
        names = [f"{PREFIX}{own}_{model}" if model else PREFIX + own for model in models] or [PREFIX + own]
        for size in _stands_for(cell, cells, known):
            card = read_record(known[cell.scenario, size].folder / "provenance.json", "training_clips")
            for name in names:
                called = cell.name.replace(PREFIX + own, name).replace(f"-n{cell.size}-", f"-n{size}-")
                parts.append(
                    rows.assign(
                        cell=called,
                        model=name,
                        size=size,
                        parameters=parameters_of(name),
                        training_clips=card["training_clips"],
                    )
                )
                evaluations[called] = cell.folder / "eval"
    whole = pd.concat(parts, ignore_index=True)
    write_text(folder / "metrics.csv", whole.to_csv(index=False, lineterminator="\n"))
    return AgentTable(study, agent, whole, folder, evaluations)


def _stands_for(cell: CellConfig, cells: list[CellConfig], known: dict[tuple[str, str], CellConfig]) -> list[str]:
    """The training sets that a cell's rows stand for: its own, or all that other agents have of its scenario, where
    this agent was run with one of them."""
    mine = {c.size for c in cells if (c.scenario, c.model.row) == (cell.scenario, cell.model.row)}
    every = [size for scenario, size in known if scenario == cell.scenario]
    return every if len(mine) == 1 and not suffix_of(cell.model.agent) else [cell.size]
