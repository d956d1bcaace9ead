"""The verbs about cells: each parses its words and calls one function. No torch and no numpy until one is called."""

from __future__ import annotations

import sys
from pathlib import Path

from physlaw.errors import UserError, unknown


def train(words: list[str]) -> int:
    from physlaw.compose import compose_cell
    from physlaw.launch.cells import study_cells
    from physlaw.verbs import TrainVerbConfig
    from physlaw.words import take

    config, words = take(TrainVerbConfig, words)
    if config.stack is not None:
        cells = study_cells(words)
        from physlaw.cell.stack import train_cells

        train_cells(cells, config.stack)
        print(*(cell.folder for cell in cells if not cell.model.agent), sep="\n")
        return 0
    cell = compose_cell(words)
    from physlaw.cell.trained import train_cell
    from physlaw.training import ranks

    ranks.join()
    with ranks.leased_by_main(cell.folder, f"cell {cell.name}", say=ranks.say):
        train_cell(cell)
    print(cell.folder)
    return 0


def run(words: list[str]) -> int:
    from physlaw.compose import compose_cell
    from physlaw.launch.cells import cell_words
    from physlaw.verbs import RunConfig
    from physlaw.words import take

    config, words = take(RunConfig, words)
    cell = compose_cell(words if config.number is None else cell_words(words, config.number))
    from physlaw.cell.run import run_cell

    print(run_cell(cell))
    return 0


def evaluate(words: list[str]) -> int:
    from physlaw.compose import compose_cell

    cell = compose_cell(words)
    if not cell.model.agent and not (cell.folder / "provenance.json").exists():
        raise UserError(f"cell {cell.name} is not trained ({cell.folder}); use `physlaw run` or `physlaw train` first")
    return run(words)


def sweep_sampler(words: list[str]) -> int:
    from physlaw.compose import compose_cell
    from physlaw.evaluation.config import SweepConfig
    from physlaw.words import take

    config, rest = take(SweepConfig, words)
    cell = compose_cell(rest)
    from physlaw.cell.sweep import sweep_sampler as sweep

    enough, rows = sweep(cell, config)
    for row in rows:
        print(f"{row.steps:4d} steps: error {row.error:.4f}, {row.ratio:.3f} of the reference")
    print(f"{enough} steps are within {config.tolerance:.0%} of {max(config.steps)}")
    return 0


def launch(words: list[str]) -> int:
    from physlaw.launch.cells import each_study
    from physlaw.launch.launch import launch as submit

    for own in each_study(words):
        submit(own)
    return 0


def status(words: list[str]) -> int:
    from physlaw.launch.cells import each_study
    from physlaw.launch.status import status as states

    as_json = "--json" in words
    studies = each_study([word for word in words if word != "--json"])
    return 1 if sum(states(own, as_json) for own in studies) else 0


def logs(words: list[str]) -> int:
    from physlaw.command_line import paths_of
    from physlaw.launch.jobs import logs as show
    from physlaw.verbs import LogsConfig
    from physlaw.words import take

    names, pairs = paths_of(words)
    config, pairs = take(LogsConfig, pairs)
    if len(names) > 1:
        raise UserError(f"logs takes one cell, got {len(names)}: {', '.join(names)}")
    show(pairs, names[0] if names else "", config.follow)
    return 0


def cancel(words: list[str]) -> int:
    from physlaw.command_line import paths_of
    from physlaw.launch.cells import each_study
    from physlaw.launch.jobs import cancel as end

    names, pairs = paths_of(words)
    for own in each_study(pairs):
        end(own, names)
    return 0


def prepare(words: list[str]) -> int:
    from physlaw.compose import compose_cell
    from physlaw.verbs import PrepareConfig
    from physlaw.words import take

    config, words = take(PrepareConfig, words)
    cell = compose_cell(words)
    from physlaw.cell.trained import prepare_cell

    prepare_cell(cell, latents=config.stage != "tokenizer")
    return 0


def publish(words: list[str]) -> int:
    from physlaw.launch.cells import study_cells
    from physlaw.verbs import PublishConfig
    from physlaw.words import take

    config, words = take(PublishConfig, words)
    cells = study_cells(words)
    from physlaw.cell.published import publish as write

    for cell in cells:
        print(write(cell, Path(config.out)))
    return 0


def sample(words: list[str]) -> int:
    from physlaw.command_line import paths_of
    from physlaw.verbs import SampleConfig
    from physlaw.words import pairs_of, take

    paths, pairs = paths_of(words)
    if len(paths) != 1:
        raise UserError(f"sample needs one file of published weights, got {len(paths)}")
    config, values = take(SampleConfig, pairs)
    from physlaw.cell.published import sample as draw

    print(draw(Path(paths[0]), config.scenario, pairs_of(values), Path(config.out), config.seed, config.steps))
    return 0


def collect(words: list[str]) -> int:
    from physlaw.launch.cells import study_cells
    from physlaw.verbs import CollectConfig
    from physlaw.words import take

    config, words = take(CollectConfig, words)
    cells = study_cells(words)
    from physlaw.results.reproduce import collect_and_report

    folder = Path(config.out) if config.out else Path("results") / cells[0].study / cells[0].table
    print(collect_and_report(cells, folder, config.mixed_code))
    return 0


def reproduce(words: list[str]) -> int:
    from physlaw.launch.cells import each_study, study_cells
    from physlaw.verbs import ReproduceConfig
    from physlaw.words import take

    config, words = take(ReproduceConfig, words)
    studies = [study_cells(own) for own in each_study(words)]
    if config.out and len(studies) > 1:
        raise UserError("out= is a folder of one study; with study=all each goes to reproduced/<study>/<table>")
    from physlaw.results.hours import hours_left
    from physlaw.results.reproduce import reproduce as run_cells

    for number, cells in enumerate(studies):
        if len(studies) > 1:
            print(*hours_left(studies[number:], config.workers), sep="\n", file=sys.stderr, flush=True)
        run_cells(cells, Path(config.out) if config.out else None, config.workers, config.stack)
    return 0


def agents(words: list[str]) -> int:
    from physlaw import studies
    from physlaw.verbs import AgentsConfig
    from physlaw.words import take

    config, rest = take(AgentsConfig, words)
    chosen = config.studies or studies.NAMES
    for study in chosen:
        if study not in studies.NAMES:
            raise unknown("study", study, studies.NAMES)
    from physlaw.report.tables import markdown
    from physlaw.results.agent_verdicts import agent_rows, agents_table, write_agents, wrong_rows
    from physlaw.results.agents import run_agents
    from physlaw.studies.registry import claim_of, claims_of, deciding_studies

    needed = [also for study in chosen for claim in claims_of(study) for also in claim_of(claim).also]
    tables = run_agents(list(dict.fromkeys([*chosen, *needed])), config.clips, rest, config.workers)
    rows = [row for row in agent_rows(tables) if deciding_studies()[row.claim] in chosen]
    print(markdown(*agents_table(rows)))
    print(write_agents(rows, Path(config.out)))
    for line in (wrong := wrong_rows(rows)):
        print(f"physlaw: misjudged: {line}", file=sys.stderr)
    return 1 if wrong else 0
