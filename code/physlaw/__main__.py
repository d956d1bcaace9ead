"""The `physlaw` command: thin verbs; each parses its configuration and calls one function."""

from __future__ import annotations

import errno
import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from physlaw import __version__
from physlaw.errors import UserError, unknown
from physlaw.usage import HELP, verb_help


def _simulate(words: list[str]) -> int:
    from physlaw.config import parse_flat

    if "scenario=combinatorial" in words:
        if any(word.startswith("bodies=") for word in words):
            from physlaw.data.scene_file import SceneFileConfig, simulate_scene_file

            path, count = simulate_scene_file(parse_flat(SceneFileConfig, words))
            print(f"{count} scenes in {path}")
            return 0
        from physlaw.data.phyre_write import PhyreSimulateConfig, simulate_phyre

        path, count = simulate_phyre(parse_flat(PhyreSimulateConfig, words))
        print(f"{count} clips in {path}")
        return 0
    from physlaw.data.write import SimulateConfig, simulate

    path, count = simulate(parse_flat(SimulateConfig, words))
    print(f"{count} clips in {path}")
    return 0


def _score(words: list[str]) -> int:
    from physlaw.config import parse_flat
    from physlaw.data.released import open_clips
    from physlaw.evaluation.config import ScoreConfig
    from physlaw.evaluation.score import score_clips

    files = [word for word in words if "=" not in word]
    if len(files) != 1:
        raise UserError(f"score takes one path, got {len(files)}: physlaw score PATH [scenario=uniform] [resize=128]")
    config = parse_flat(ScoreConfig, [word for word in words if "=" in word])
    print(json.dumps(score_clips(open_clips(files[0], config.resize, scenario=config.scenario), config)))
    return 0


def _floors(words: list[str]) -> int:
    from physlaw.config import parse_flat
    from physlaw.evaluation.floors import FloorsConfig, floors

    print(floors(parse_flat(FloorsConfig, words)).read_text(), end="")
    return 0


def _tokenizer(words: list[str]) -> int:
    from physlaw.config import own_words, parse_flat
    from physlaw.evaluation.config import AcceptanceConfig
    from physlaw.launch.cells import study_cells

    own, rest = own_words(AcceptanceConfig, words)
    config = parse_flat(AcceptanceConfig, own)
    asked = list({cell.scenario: None for cell in study_cells(rest)})
    cells = study_cells([word for word in rest if word.partition("=")[0] != "scenario"])
    from physlaw.cell.acceptance import accept_tokenizer

    folder = Path(config.out) if config.out else Path("results") / cells[0].study / cells[0].table
    accept_tokenizer(cells, asked, folder)
    print((folder / "tokenizer.md").read_text(), end="")
    return 0


def _label(words: list[str]) -> int:
    from physlaw.config import own_words, parse_flat
    from physlaw.label.build import LabelClip
    from physlaw.label.command import LabelConfig, label
    from physlaw.launch.cells import study_cells

    own, of_cells = own_words(LabelConfig, [word for word in words if "=" in word])
    config = parse_flat(LabelConfig, own)

    def study_clips() -> list[LabelClip]:
        cells = study_cells(of_cells)
        from physlaw.cell.rating import rating_clips

        return rating_clips(cells, config.clips)

    plain = [word for word in words if "=" not in word] or [""]
    if of_cells and (plain[0] != "build" or plain[1:]):
        parse_flat(LabelConfig, of_cells)  # names what is no key of a page or of scores
    print(label(plain[0], plain[1:], config, study_clips), end="")
    return 0


def _weights(words: list[str]) -> int:
    from physlaw.weights.catalogue import list_weights

    if not words:
        print(list_weights(), end="")
        return 0
    out, words = _take("out", words)
    sha256, words = _take("sha256", words)
    if words[:1] != ["convert"] or len(words) < 3:
        raise UserError("usage: physlaw weights, or physlaw weights convert KIND FILE... [sha256=...] [out=FILE]")
    from physlaw.weights.convert import convert

    print(convert(words[1], [Path(word) for word in words[2:]], Path(out) if out else None, sha256 or ""))
    return 0


def _bench(words: list[str]) -> int:
    from physlaw.bench.command import run_benchmark

    run_benchmark(words)
    return 0


def _train(words: list[str]) -> int:
    from physlaw.config import compose_cell

    cell = compose_cell(words)
    from physlaw.cell.run import train_cell
    from physlaw.training import ranks

    ranks.join()
    with ranks.leased_by_main(cell.folder, f"cell {cell.name}", say=ranks.say):
        train_cell(cell)
    print(cell.folder)
    return 0


def _run(words: list[str]) -> int:
    from physlaw.config import compose_cell
    from physlaw.launch.cells import cell_words

    number, words = _take("number", words)
    cell = compose_cell(words if number is None else cell_words(words, number))
    from physlaw.cell.run import run_cell

    print(run_cell(cell))
    return 0


def _evaluate(words: list[str]) -> int:
    from physlaw.config import compose_cell

    cell = compose_cell(words)
    if not (cell.folder / "provenance.json").exists():
        raise UserError(f"cell {cell.name} is not trained ({cell.folder}); use `physlaw run` or `physlaw train` first")
    return _run(words)


def _sweep_sampler(words: list[str]) -> int:
    from physlaw.config import compose_cell, own_words, parse_flat
    from physlaw.evaluation.config import SweepConfig

    own, rest = own_words(SweepConfig, words)
    config, cell = parse_flat(SweepConfig, own), compose_cell(rest)
    from physlaw.cell.sweep import sweep_sampler

    enough, rows = sweep_sampler(cell, config)
    for row in rows:
        print(f"{row.steps:4d} steps: error {row.error:.4f}, {row.ratio:.3f} of the reference")
    print(f"{enough} steps are within {config.tolerance:.0%} of {max(config.steps)}")
    return 0


def _prepare(words: list[str]) -> int:
    from physlaw.config import compose_cell

    stage, words = _take("stage", words)
    if stage not in (None, "tokenizer", "latents"):
        raise unknown("stage", stage, ("tokenizer", "latents"))
    cell = compose_cell(words)
    from physlaw.cell.run import prepare_cell

    prepare_cell(cell, latents=stage != "tokenizer")
    return 0


def _launch(words: list[str]) -> int:
    from physlaw.launch.launch import launch

    launch(words)
    return 0


def _status(words: list[str]) -> int:
    from physlaw.launch.status import status

    return 1 if status(words) else 0


def _take(key: str, words: list[str]) -> tuple[str | None, list[str]]:
    """The last key=value of a verb's own key (None: absent), and the other words."""
    values = [word.partition("=")[2] for word in words if word.startswith(f"{key}=")]
    return (values[-1] if values else None), [word for word in words if not word.startswith(f"{key}=")]


def _collect(words: list[str]) -> int:
    from physlaw.launch.cells import study_cells

    out, words = _take("out", words)
    mixed, words = _take("mixed_code", words)
    if mixed not in (None, "true", "false"):
        raise unknown("mixed_code", mixed, ("true", "false"))
    cells = study_cells(words)
    from physlaw.reproduce import collect_and_report

    folder = Path(out) if out else Path("results") / cells[0].study / cells[0].table
    print(collect_and_report(cells, folder, mixed == "true"))
    return 0


def _reproduce(words: list[str]) -> int:
    from physlaw.launch.cells import study_cells

    out, words = _take("out", words)
    workers, words = _take("workers", words)
    if workers is not None and not workers.isdigit():
        raise UserError(f"workers must be a whole number, got {workers!r}")
    cells = study_cells(words)
    from physlaw.reproduce import reproduce

    reproduce(cells, Path(out) if out else None, None if workers is None else int(workers))
    return 0


def _report(words: list[str]) -> int:
    if len(words) != 1 or "=" in words[0]:
        raise UserError("report takes one results folder: physlaw report results/id_ood/smoke")
    from physlaw.reproduce import redraw

    print(redraw(Path(words[0])))
    return 0


def _claims(words: list[str]) -> int:
    results, rest = _take("results", words)
    out, rest = _take("out", rest)
    if rest:
        raise unknown("word", rest[0], ("results=FOLDER", "out=FOLDER"))
    from physlaw.report.claims import write_claims

    print(write_claims(Path(results or "results"), Path(out or ".")))
    return 0


def _index(words: list[str]) -> int:
    results, rest = _take("results", words)
    if rest:
        raise unknown("word", rest[0], ("results=FOLDER",))
    from physlaw.report.index import write_index

    print(write_index(Path(results or "results")))
    return 0


VERBS: dict[str, Callable[[list[str]], int]] = {
    "simulate": _simulate,
    "train": _train,
    "evaluate": _evaluate,
    "run": _run,
    "reproduce": _reproduce,
    "launch": _launch,
    "status": _status,
    "prepare": _prepare,
    "sweep_sampler": _sweep_sampler,
    "collect": _collect,
    "report": _report,
    "claims": _claims,
    "index": _index,
    "score": _score,
    "floors": _floors,
    "tokenizer": _tokenizer,
    "label": _label,
    "weights": _weights,
    "bench": _bench,
}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(words: list[str] | None = None) -> int:
    """Run one verb; every error a user can put right is one line on stderr."""
    words = sys.argv[1:] if words is None else words
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGUSR2, signal.SIGURG):  # a cluster's warnings; training has handlers of its own
            signal.signal(number, _interrupt)
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if words[0] in ("--version", "version"):
        print(__version__)
        return 0
    try:
        if words[0] not in VERBS:
            raise unknown("verb", words[0], VERBS)
        if any(word in ("-h", "--help") for word in words[1:]):
            print(verb_help(words[0]), end="")
            return 0
        return VERBS[words[0]](words[1:])
    except UserError as error:
        print(f"physlaw: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = " (nothing finished is lost; free space and run the same command again)" if full else ""
        print(f"physlaw: error: {error}{hint}", file=sys.stderr)
        return 75 if full else 2
    except ModuleNotFoundError as error:
        if (error.name or "physlaw").partition(".")[0] == "physlaw":
            raise
        hint = "which this Python has not: use .venv (make setup) or the image"
        print(f"physlaw: error: {words[0]} needs {error.name}, {hint}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("physlaw: interrupted; the same command continues", file=sys.stderr)
        return 130
    except Exception as error:
        # training.loop imports torch; its class is only known where it was raised.
        if type(error).__name__ == "Interrupted":
            print(f"physlaw: {error}", file=sys.stderr)
            return 130
        raise


if __name__ == "__main__":
    sys.exit(main())
