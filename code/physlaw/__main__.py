"""The `physlaw` command: thin verbs; each parses its configuration and calls one function."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # python -m puts the current folder first: what lies there is data, not code
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]

import json
from collections.abc import Callable
from pathlib import Path

from physlaw import __version__, cell_verbs, terminal
from physlaw.command_line import asks_for_help, with_files
from physlaw.errors import UserError, unknown
from physlaw.extras import missing
from physlaw.files import FULL
from physlaw.signals import interrupt, stopping
from physlaw.training.stopping import Interrupted
from physlaw.usage import HELP, verb_help


def _simulate(words: list[str]) -> int:
    from physlaw.studies import registry
    from physlaw.words import pairs_of, read

    given = pairs_of(words)
    offered = registry.world(given.get("scenario", registry.scenario_names()[0])).simulations
    simulation = next((one for one in offered if one.key in given), offered[-1])
    path, count = simulation.run(read(simulation.config, words))
    print(f"{count} {simulation.counted} in {path}")
    return 0


def _where(words: list[str]) -> int:
    from physlaw.verbs import WhereConfig
    from physlaw.words import pairs_of, take

    config, values = take(WhereConfig, ["json=true" if word == "--json" else word for word in words])
    from physlaw.where import where

    print(where(config, pairs_of(values)), end="")
    return 0


def _score(words: list[str]) -> int:
    from physlaw.command_line import paths_of
    from physlaw.data.released import open_clips
    from physlaw.evaluation.config import ScoreConfig
    from physlaw.evaluation.score import score_clips
    from physlaw.studies import registry
    from physlaw.words import read

    paths, rest = paths_of(words)
    config = read(ScoreConfig, rest)
    if len(paths) != 1:
        raise UserError(f"score takes one path, got {len(paths)}: physlaw score PATH [scenario=uniform] [resize=128]")
    scenario = None if config.scenario is None else registry.scenario(config.scenario)
    print(json.dumps(score_clips(open_clips(paths[0], config.resize, scenario=scenario), config)))
    return 0


def _floors(words: list[str]) -> int:
    from physlaw.evaluation.floors import FloorsConfig, floors
    from physlaw.files import read_text
    from physlaw.words import read

    print(read_text(floors(read(FloorsConfig, words))), end="")
    return 0


def _tokenizer(words: list[str]) -> int:
    from physlaw.evaluation.config import AcceptanceConfig
    from physlaw.launch.cells import study_cells
    from physlaw.words import take

    config, rest = take(AcceptanceConfig, words)
    asked = list({cell.scenario: None for cell in study_cells(rest)})
    cells = study_cells([word for word in rest if word.partition("=")[0] != "scenario"])
    from physlaw.cell.acceptance import accept_tokenizer
    from physlaw.files import read_text

    folder = Path(config.out) if config.out else Path("results") / cells[0].study / cells[0].table
    accept_tokenizer(cells, asked, folder)
    print(read_text(folder / "tokenizer.md"), end="")
    return 0


def _label(words: list[str]) -> int:
    from physlaw.command_line import paths_of
    from physlaw.label.build import LabelClip
    from physlaw.label.command import LabelConfig, label
    from physlaw.launch.cells import study_cells
    from physlaw.words import read, take

    subverb, *words = words or [""]
    paths, pairs = paths_of(words)
    config, of_cells = take(LabelConfig, pairs)

    def study_clips() -> list[LabelClip]:
        cells = study_cells(of_cells)
        from physlaw.studies.registry import part, with_part

        if cells[0].study not in with_part("clips_to_rate"):
            raise UserError(
                f"clips to rate come from study={'|'.join(with_part('rating'))}, got {cells[0].study!r}; "
                "or name a .npz file"
            )
        return part(cells[0].study, "clips_to_rate").rating_clips(cells, config.clips)  # type: ignore[no-any-return]

    if of_cells and (subverb != "build" or paths):
        read(LabelConfig, of_cells)  # names what is no key of a page or of scores
    print(label(subverb, paths, config, study_clips), end="")
    return 0


def _weights(words: list[str]) -> int:
    from physlaw.command_line import paths_of
    from physlaw.verbs import WeightsConfig
    from physlaw.weights.catalogue import list_weights
    from physlaw.words import read

    if not words:
        print(list_weights(), end="")
        return 0
    paths, pairs = paths_of(words)
    config = read(WeightsConfig, pairs)
    if paths[:1] != ["convert"] or len(paths) < 3:
        raise UserError("usage: physlaw weights, or physlaw weights convert KIND FILE... [sha256=...] [out=FILE]")
    from physlaw.weights.convert import convert

    out = Path(config.out) if config.out else None
    print(convert(paths[1], [Path(path) for path in paths[2:]], out, config.sha256))
    return 0


def _exam(words: list[str]) -> int:
    from physlaw.exam.command import exam

    return exam(words)


def _bench(words: list[str]) -> int:
    from physlaw.bench.command import run_benchmark

    run_benchmark(words)
    return 0


def _report(words: list[str]) -> int:
    from physlaw.command_line import paths_of

    paths, pairs = paths_of(words)
    if len(paths) != 1 or pairs:
        raise UserError("report takes one results folder: physlaw report results/<study>/<profile>")
    from physlaw.results.reproduce import redraw

    print(redraw(Path(paths[0])))
    return 0


def _claims(words: list[str]) -> int:
    from physlaw.verbs import ClaimsConfig
    from physlaw.words import read

    config = read(ClaimsConfig, ["json=true" if word == "--json" else word for word in words])
    from physlaw.results.claims import claims_json, write_claims

    if config.json:
        print(claims_json(Path(config.results)), end="")
        return 0
    print(write_claims(Path(config.results), Path(config.out)))
    return 0


def _index(words: list[str]) -> int:
    from physlaw.verbs import IndexConfig
    from physlaw.words import read

    config = read(IndexConfig, words)
    from physlaw.results.index import write_index

    print(write_index(Path(config.results)))
    return 0


VERBS: dict[str, Callable[[list[str]], int]] = {
    "simulate": _simulate,
    "where": _where,
    "train": cell_verbs.train,
    "evaluate": cell_verbs.evaluate,
    "run": cell_verbs.run,
    "reproduce": cell_verbs.reproduce,
    "launch": cell_verbs.launch,
    "status": cell_verbs.status,
    "logs": cell_verbs.logs,
    "cancel": cell_verbs.cancel,
    "prepare": cell_verbs.prepare,
    "sweep_sampler": cell_verbs.sweep_sampler,
    "publish": cell_verbs.publish,
    "sample": cell_verbs.sample,
    "collect": cell_verbs.collect,
    "report": _report,
    "agents": cell_verbs.agents,
    "claims": _claims,
    "index": _index,
    "exam": _exam,
    "score": _score,
    "floors": _floors,
    "tokenizer": _tokenizer,
    "label": _label,
    "weights": _weights,
    "bench": _bench,
}


def main(words: list[str] | None = None) -> int:
    """Run one verb; every error a user can put right is one line on stderr. Without words, as a process of its own."""
    if words is None:
        os.environ["PYTHONSAFEPATH"] = "1"  # the processes that this one starts
        terminal.prepare()
        words = sys.argv[1:]
    status = _answer(words)
    try:
        terminal.finish_printing()
    except OSError as error:
        terminal.give_up_printing()
        status = status or _explain(error)
    return status


def _run_verb(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if words[0] in ("--version", "version"):
        print(__version__)
        return 0
    if words[0] not in VERBS:
        raise unknown("verb", words[0], VERBS)
    if asks_for_help(words[1:]):
        print(verb_help(words[0]), end="")
        return 0
    return VERBS[words[0]](with_files(words[1:]))


def _answer(words: list[str]) -> int:
    """The exit status."""
    try:
        with stopping(interrupt):  # training answers by itself
            return _run_verb(words)
    except UserError as error:
        print(f"physlaw: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        return _explain(error)
    except MemoryError as error:
        print(f"physlaw: error: not enough memory ({error or 'for these settings'})", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "physlaw").partition(".")[0] == "physlaw":
            raise
        print(f"physlaw: error: {missing(error, words[0])}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Interrupted) as stopped:
        print(f"physlaw: {str(stopped) or 'interrupted; the same command continues'}", file=sys.stderr)
        return 130
    except Exception as error:
        if "out of memory" in str(error) or "can't allocate memory" in str(error):  # torch's RuntimeErrors
            print(f"physlaw: error: not enough memory ({str(error).splitlines()[0]})", file=sys.stderr)
            return 2
        raise


def _explain(error: OSError) -> int:
    """One line on what the system refused; the exit status. A reader of standard output that has had enough is none."""
    if isinstance(error, BrokenPipeError):
        return terminal.CLOSED_PIPE
    full = error.errno in FULL
    hint = " (nothing finished is lost; free space and run the same command again)" if full else ""
    print(f"physlaw: error: {error}{hint}", file=sys.stderr)
    return 75 if full else 2


if __name__ == "__main__":
    sys.exit(main())
