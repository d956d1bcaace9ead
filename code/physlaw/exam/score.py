"""`physlaw exam score`: answers through the study's own score, claims and tables.

A scenario's rows are kept as soon as they are there; the same command continues. Nothing is written outside `out`.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.code_digest import code_digest
from physlaw.config import CellConfig, digest_of
from physlaw.csv_file import RERUN, read_csv
from physlaw.errors import UserError
from physlaw.evaluation.blocks import Evaluation
from physlaw.exam.answers import open_answers
from physlaw.exam.codec import AnswerSheet
from physlaw.exam.config import ScoreConfig
from physlaw.exam.floor import video_floors
from physlaw.exam.frames import Timing
from physlaw.exam.paper import Paper, item_names
from physlaw.files import read_json, visible, write_json, write_text
from physlaw.provenance import provenance
from physlaw.schema import SCHEMA
from physlaw.studies import registry

KEY = "key.json"  # in <out>/eval: of what it is the evaluation
SEEDS = re.compile(r"seed(\d{1,18})")
OF_RUNS = ("answers", "run.json")  # what `exam run` has put beside
IDENTITY = ("generated_corrected", "corrected_imputed", "measured_share")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """What came of it. metrics: rows like a study's metrics.csv; clips: a row per item and seed. notes: item -> what
    was done to its answer. floors: (scenario, group) -> see exam/floor.py. cells: those scored."""

    paper: Paper
    name: str
    answers_sha256: str
    metrics: pd.DataFrame
    clips: pd.DataFrame
    notes: dict[str, list[str]]
    extra: list[str]
    floors: dict[tuple[str, str], tuple[float, int]]
    cells: list[CellConfig]


def answers_by_seed(path: Path) -> dict[int, Path]:
    """A folder of folders seed<k> holds a model's answers with several seeds; any other place, those of one."""
    if path.is_dir():
        found = {int(match[1]): one for one in sorted(path.iterdir()) if (match := SEEDS.fullmatch(one.name))}
        if linked := [one.name for one in found.values() if one.is_symlink()]:
            raise UserError(f"{path / linked[0]} is a link; copy the answers there")
        if found:
            return dict(sorted(found.items()))
    return {0: path}


def slug(name: str) -> str:
    """A model's name as cells have it."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "model"
    return f"model_{plain}" if plain.startswith("agent_") else plain[:80]


def score_answers(paper: Paper, places: dict[int, Path], config: ScoreConfig, out: Path, say: Say) -> Scored:
    """Score answers of every seed; writes <out>/eval, metrics.csv, clips.csv, answers.json.

    Raises:
        UserError: no answer to any item, or `out` holds something else.
    """
    shown = paper.config.cond_frames
    if config.counted_from not in (None, 0, shown):
        raise UserError(f"counted_from must be 0 or {shown}, the number of condition frames, got {config.counted_from}")
    opened = {seed: open_answers(place, paper.items) for seed, place in places.items()}
    sha256 = opened[next(iter(opened))].sha256
    if len(opened) > 1:
        sha256 = digest_of({str(seed): answers.sha256 for seed, answers in opened.items()})
    name = config.name or next(iter(places.values())).stem
    timing = Timing(paper.config.frames, shown, config.fps, config.counted_from)
    rules = [config.fit, config.fps, config.counted_from]
    _claim(out, {"exam": paper.digest, "answers": sha256, "rules": rules, "name": slug(name), "code": code_digest()})
    cells, parts, clips = [], [], []
    notes: dict[str, list[str]] = {}
    began = time.monotonic()
    for scenario in paper.scenarios:
        if not any(item.startswith(f"{scenario}-") for answers in opened.values() for item in answers.found):
            say(f"{scenario}: no answers, left out")
            continue
        for seed, answers in opened.items():
            cell = paper.cell(scenario, out / "eval", slug(name), seed)
            say(f"{scenario}{f', seed {seed}' if len(opened) > 1 else ''}: scoring")
            sheet = AnswerSheet(answers, scenario, paper.judged_side, config.fit, timing)
            rows, of_items = _rows(paper, cell, sheet)
            cells.append(cell)
            parts.append(_like_metrics(paper, cell, rows))
            clips.append(_per_clip(cell))
            notes |= of_items if len(opened) == 1 else {f"seed{seed}/{item}": said for item, said in of_items.items()}
    floors = video_floors(paper, next(iter(opened.values())), config.fit, {cell.scenario for cell in cells})
    extra = [name for answers in opened.values() for name in answers.extra]
    metrics, table = pd.concat(parts, ignore_index=True), pd.concat(clips, ignore_index=True)
    write_text(out / "metrics.csv", metrics.to_csv(index=False, float_format="%.9g"))
    write_text(out / "clips.csv", table.to_csv(index=False, float_format="%.6g"))
    write_json(out / "answers.json", {"items": notes, "not_asked_for": extra})
    say(f"{len(table)} clips in {time.monotonic() - began:.0f} s")
    return Scored(paper, name, sha256, metrics, table, notes, extra, floors, cells)


def _claim(out: Path, key: dict[str, Any]) -> None:
    """<out>/eval is this evaluation's; another one's is removed."""
    folder = out / "eval"
    if (folder / KEY).exists():
        if read_json(folder / KEY) == key:
            return
        shutil.rmtree(folder)
    elif out.is_dir() and (other := [path.name for path in visible(out, "*") if path.name not in OF_RUNS]):
        raise UserError(f"{out} holds other files ({other[0]}); choose another out=")
    write_json(folder / KEY, key)


def _rows(paper: Paper, cell: CellConfig, sheet: AnswerSheet) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The study's rows of a cell, and what was done to its answers."""
    rows, notes = cell.folder / "rows.csv", cell.folder / "notes.json"
    if not (rows.exists() and notes.exists()):
        shutil.rmtree(cell.folder, ignore_errors=True)  # the notes of its finished blocks are lost
        evaluation = Evaluation(sheet.codec(), cell, lambda: paper.training(cell.scenario))
        found = registry.part(cell.study, "score").score(evaluation)
        write_json(notes, sheet.notes)
        write_text(rows, found.to_csv(index=False, float_format="%.9g"))
    return read_csv(rows, RERUN), read_json(notes)


def _like_metrics(paper: Paper, cell: CellConfig, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the columns that a study's metrics.csv has beside what is measured; what nobody knows of a stranger's
    model is 0 or "unknown"."""
    known = provenance()
    names: dict[str, Any] = {
        "schema": SCHEMA,
        "study": cell.study,
        "profile": "exam",
        "recipe": "unknown",
        "cell": cell.name,
    }
    names |= {"scenario": cell.scenario, "model": cell.model.row, "size": cell.size, "seed": cell.seed}
    made: dict[str, Any] = {
        "parameters": 0,
        "training_clips": len(paper.training(cell.scenario)),
        "steps": 0,
        "train_seconds": 0.0,
    }
    made |= {"evaluation_seconds": 0.0, "regime": "main", "tokenizer": "pixels", "resolution": cell.data.resolution}
    made |= {"tokenizer_seconds": 0.0, "compiled": False, "processes": 1, "commit": known["commit"]}
    made |= {"dirty": known["dirty"], "code_digest": known["code_digest"], "config_digest": cell.digest()}
    made |= {"data_digest": paper.digest, "tokenizer_digest": "pixels", "processor": known["hardware"]["processor"]}
    made |= {"cores": known["hardware"]["cores"], "accelerator": "none"}
    before = pd.DataFrame(names, index=rows.index)
    return pd.concat([before, rows, pd.DataFrame(made, index=rows.index)], axis=1)


def _per_clip(cell: CellConfig) -> pd.DataFrame:
    """A row per item: what pairs models. group: id, ood, or tiny: a ball of less than a pixel, in neither."""
    wanted = dict.fromkeys((*IDENTITY, *registry.part(cell.study, "score").CLIP_COLUMNS))
    parts = []
    for path in visible(cell.folder / "eval", "*.csv"):
        table = read_csv(path, RERUN)
        group = table["level"].gt(0).map({True: "ood", False: "id"})
        if "radius_px" in table:
            group = group.where(table["radius_px"] >= 1, "tiny")
        items = item_names(cell.scenario, path.stem, table["scene"].to_numpy())
        names = pd.DataFrame({"item": items, "seed": cell.seed, "scenario": cell.scenario, "group": group})
        parts.append(pd.concat([names, table[["block", *(one for one in wanted if one in table)]]], axis=1))
    return pd.concat(parts, ignore_index=True)
