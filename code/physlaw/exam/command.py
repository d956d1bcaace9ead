"""`physlaw exam train | leaks | export | run | score | compare`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from physlaw.command_line import paths_of
from physlaw.errors import UserError, unknown
from physlaw.exam.config import (
    CompareConfig,
    ExportConfig,
    LeaksConfig,
    PaperConfig,
    RunConfig,
    ScoreConfig,
    TrainConfig,
)
from physlaw.words import describe, read, take


def exam(words: list[str]) -> int:
    """Run one of the subverbs; the exit status."""
    subverb, *rest = words or [""]
    if subverb not in SUBVERBS:
        raise unknown("part of exam", subverb, SUBVERBS)
    return SUBVERBS[subverb](rest) or 0


def _export(words: list[str]) -> None:
    own, rest = take(ExportConfig, words)
    config = read(PaperConfig, rest)
    from physlaw.exam.export import export
    from physlaw.exam.page import TRUST
    from physlaw.exam.paper import Paper

    paper = Paper(config)
    path = export(paper, own)
    print(f"{len(paper.items)} items in {path.parent}, exam {paper.digest[:10]}. {TRUST}")


def _score(words: list[str]) -> None:
    paths, pairs = paths_of(words)
    config = read(ScoreConfig, pairs)
    if len(paths) != 1:
        raise UserError(f"exam score takes one folder or file of answers, got {len(paths)}: physlaw exam score ANSWERS")
    from physlaw.exam.page import finish
    from physlaw.exam.paper import read_paper
    from physlaw.exam.score import answers_by_seed, score_answers

    answers = Path(paths[0])
    out = Path(config.out) if config.out else answers.with_name(f"{answers.name}.scored")
    _check_out(out, answers, Path(config.exam))
    scored = score_answers(read_paper(Path(config.exam)), answers_by_seed(answers), config, out, _say)
    print(finish(scored, out), end="")


def _run(words: list[str]) -> None:
    own, rest = take(RunConfig, words)
    config = read(PaperConfig, rest)
    from physlaw.exam.page import finish
    from physlaw.exam.paper import Paper
    from physlaw.exam.run import run_model
    from physlaw.exam.score import score_answers

    paper = Paper(config)
    places = run_model(paper, own, _say)
    out = Path(own.out)
    if own.part:
        print(out / "answers")
        return
    scored = score_answers(paper, places, ScoreConfig(name=own.name or own.model), out, _say)
    print(finish(scored, out), end="")


def _compare(words: list[str]) -> None:
    paths, pairs = paths_of(words)
    config = read(CompareConfig, pairs)
    from physlaw.exam.compare import compare

    print(compare([Path(path) for path in paths], Path(config.out)), end="")
    print(f"\n{config.out}")


def _train(words: list[str]) -> None:
    config = read(TrainConfig, words)
    from physlaw.exam.train import write_training

    print(write_training(config, _say))


def _leaks(words: list[str]) -> int:
    """Exit status 1: something lies in an evaluation block."""
    paths, pairs = paths_of(words)
    config = read(LeaksConfig, pairs)
    if len(paths) != 1:
        raise UserError(f"exam leaks takes one file or folder of training records, got {len(paths)}")
    from physlaw.exam.leaks import leaks_text

    text, found = leaks_text(Path(paths[0]), config)
    print(text, end="")
    return 1 if found else 0


def _check_out(out: Path, answers: Path, exam: Path) -> None:
    """Scores go beside what they are of, never into it."""
    for there in (answers, exam):
        if out.resolve() == there.resolve():
            raise UserError(f"out={out} holds {'answers' if there is answers else 'the exam'}; choose another folder")
    if out.exists() and not out.is_dir():
        raise UserError(f"out={out} is a file; name a folder")


def _say(line: str) -> None:
    print(f"physlaw: {line}", file=sys.stderr, flush=True)


SUBVERBS: dict[str, Callable[[list[str]], int | None]] = {
    "train": _train,
    "leaks": _leaks,
    "export": _export,
    "run": _run,
    "score": _score,
    "compare": _compare,
}


def exam_help() -> str:
    """Every subverb's keys with their defaults."""
    paper = describe(PaperConfig)
    return (
        f"physlaw exam export out=FOLDER\n{describe(ExportConfig)}{paper}\n"
        f"physlaw exam run model=package.module:generate out=FOLDER\n{describe(RunConfig)}{paper}\n"
        f"physlaw exam score ANSWERS\n{describe(ScoreConfig)}\n"
        f"physlaw exam train out=FOLDER\n{describe(TrainConfig)}\n"
        f"physlaw exam leaks PATH\n{describe(LeaksConfig)}\n"
        f"physlaw exam compare A/card.json B/card.json ...\n{describe(CompareConfig)}"
    )
