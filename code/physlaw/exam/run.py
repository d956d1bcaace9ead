"""`physlaw exam run`: ask a model batch by batch, keep every answer, and score them at the end.

A batch is the same clips with the same seed whenever it is asked, so a killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from physlaw.data.npz import write_arrays
from physlaw.errors import UserError
from physlaw.exam.config import RunConfig
from physlaw.exam.paper import Paper, Part
from physlaw.exam.plugin import Generate, answers_of, load_model
from physlaw.files import read_json, remove_leftovers, visible, write_json
from physlaw.terminal import LINE_S

FILE = "run.json"
Say = Callable[[str], None]


def run_model(paper: Paper, config: RunConfig, say: Say) -> dict[int, Path]:
    """Answers of the model named, a folder per seed: seed -> <out>/answers/seed<k>. Answers that are there stay.

    Raises:
        UserError: no such model, what it returns is no clips, or `out` holds another run.
    """
    if not config.out:
        raise UserError("out= is missing: a folder for answers, report.html and card.json")
    generate, out = load_model(config.model), Path(config.out)
    _claim(out, {"exam": paper.digest, "model": config.model, "batch": config.batch})
    places = {seed: out / "answers" / f"seed{seed}" for seed in config.seeds}
    first, every = config.share
    asked = sum(len(part.items) for part in islice(paper.batches(config.batch), first, None, every))
    total, done, made, began, said = asked * len(places), 0, 0, time.monotonic(), time.monotonic()
    for seed, folder in places.items():
        folder.mkdir(parents=True, exist_ok=True)
        if not config.part:  # else other jobs are writing
            remove_leftovers(folder)
        there = {path.stem for path in visible(folder, "*.npz")}
        for part in islice(paper.batches(config.batch), first, None, every):
            if not there.issuperset(part.items):
                _ask(paper, generate, config.model, part, seed, folder)
                made += len(part.items)
            done += len(part.items)
            now = time.monotonic()
            if made and (now - said > LINE_S or done == total):
                left = (total - done) * (now - began) / made
                say(f"{done} of {total} clips, {now - began:.0f} s, about {left:.0f} s left")
                said = now
    return places


def _ask(paper: Paper, generate: Generate, name: str, part: Part, seed: int, folder: Path) -> None:
    prompts = [paper.prompt(part.scenario)] * len(part.items)
    frames = answers_of(generate, name, paper.shown(part), paper.config.frames, prompts, batch_seed(part, seed))
    for item, clip in zip(part.items, frames, strict=True):
        write_arrays(folder / f"{item}.npz", {"frames": clip})


def batch_seed(part: Part, seed: int) -> int:
    """What a batch is asked with: 31 bits that belong to the seed and the batch's first item, so that no two batches
    have the same noise."""
    return int.from_bytes(hashlib.sha256(f"{seed} {part.items[0]}".encode()).digest()[:4], "little") >> 1


def _claim(out: Path, key: dict[str, object]) -> None:
    path = out / FILE
    if path.exists():
        if read_json(path) != key:
            raise UserError(f"{out} holds the run of another model, exam or batch= (run.json); choose another out=")
    elif out.exists() and (not out.is_dir() or visible(out, "*")):
        raise UserError(f"{out} holds other files; choose another out=")
    else:
        write_json(path, key)
