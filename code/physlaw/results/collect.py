"""Run folders to one tidy table: a row per cell and group of clips, with where the number comes from beside it."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.code_digest import representative
from physlaw.config import CellConfig
from physlaw.csv_file import RERUN
from physlaw.errors import UserError
from physlaw.files import read_text, write_text
from physlaw.metric import bounds
from physlaw.report.metrics import needed, read_metrics
from physlaw.report.old_tables import current
from physlaw.schema import SCHEMA, UNKNOWN, read_record_text
from physlaw.studies import registry

TRAINING, EVALUATION = ("training code",), ("evaluation code",)
MAX_NAMED = 36  # unfinished cells, one a line


def cell_names(cell: CellConfig) -> dict[str, Any]:
    """What a cell's rows are known by."""
    return {
        "study": cell.study,
        "profile": cell.profile,
        "recipe": cell.recipe,
        "cell": cell.name,
        "scenario": cell.scenario,
        "model": cell.model.row,
        "size": cell.size,
        "seed": cell.seed,
    }


@dataclass(frozen=True)
class Finished:
    """A finished cell's files, read."""

    cell: CellConfig
    trained: dict[str, Any]  # provenance.json
    evaluated: dict[str, Any]  # evaluation.json
    rows: str  # rows.csv
    provenance: str  # all of this but the rows, as JSON

    def row_constants(self) -> dict[str, Any]:
        """What all of the cell's rows have in common, after its names: size, time, and where the numbers come from."""
        trained = self.trained
        return {
            "parameters": trained["parameters"],
            "training_clips": trained["training_clips"],
            "steps": trained["steps"],
            "train_seconds": round(
                trained["train_seconds"] / trained.get("stacked", 1), 1
            ),  # of a stack a cell's share
            "evaluation_seconds": self.evaluated["seconds"],
            "regime": "main" if self.cell.size in (self.cell.grid.regime or (self.cell.size,)) else "apart",
            "tokenizer": self.cell.tokenizer.name,
            "resolution": self.cell.data.resolution,
            "tokenizer_seconds": trained["tokenizer"]["seconds"],
            "compiled": trained["compiled"],
            "processes": trained.get("processes", 1),
            "stacked": trained.get("stacked", 1),
            "commit": trained["commit"] or UNKNOWN,
            "dirty": trained["dirty"],
            "code_digest": trained["code_digest"],
            "config_digest": trained["config_digest"],
            "data_digest": trained["data_digest"],
            "tokenizer_digest": trained["tokenizer"]["digest"],
            "processor": trained["hardware"]["processor"],
            "cores": trained["hardware"]["cores"],
            "accelerator": trained["hardware"].get("accelerator", "none"),
        }


def read_finished(cell: CellConfig) -> Finished | None:
    """A finished cell's files; None when it has not finished.

    Raises:
        UserError: it was run with another configuration, or its evaluation is of other weights.
    """
    folder = cell.folder
    try:
        trained, training = read_record_text(folder / "provenance.json")
        evaluated, evaluation = read_record_text(folder / "evaluation.json")
        rows = current(read_text(folder / "rows.csv"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{folder / 'rows.csv'}: not the rows of a cell ({error}); {RERUN}") from error
    # Where runs lay is of no use to a reader, and nobody else's business.
    config = json.dumps({key: value for key, value in cell.resolved().items() if key not in ("runs", "scratch")})
    provenance = f'{{"config": {config}, "training": {training.rstrip()}, "evaluation": {evaluation.rstrip()}}}'
    done = Finished(cell, trained, evaluated, rows, provenance)
    try:
        if trained["config_digest"] != cell.digest():
            raise UserError(f"{folder} was run with another configuration than {cell.name} has now; remove it")
        if trained["weights_sha256"] != evaluated["weights_sha256"]:
            return None  # trained again since; its evaluation has not finished
        done.row_constants()
    except (LookupError, TypeError) as error:
        raise UserError(
            f"{folder}: provenance.json or evaluation.json has no {error}: of another version, or damaged; {RERUN}"
        ) from None
    return done


def check_unmixed(finished: list[Finished], mixed_code: bool) -> str:
    """Cells of one table were all trained by one code and all evaluated by one, which may be a later one, and come
    from the same data and tokenizer where they should be the same.

    Returns what readers must know, where mixed code was asked for.

    Raises:
        UserError: names the digests and a cell of each.
    """
    kinds: dict[tuple[str, ...], dict[str, str]] = {}
    for done in finished:
        names = done.cell
        found = [
            (TRAINING, representative(done.trained["code_digest"])),
            (EVALUATION, representative(done.evaluated["code_digest"])),
            (("data", names.scenario, names.size, f"draw {names.training_draw}"), done.trained["data_digest"]),
            (("tokenizer", names.tokenizer_run()[1].name), done.trained["tokenizer"]["digest"]),
        ]
        for kind, digest in found:
            kinds.setdefault(kind, {}).setdefault(digest, names.name)
    warnings = []
    for kind, digests in kinds.items():
        if len(digests) == 1:
            continue
        shown = ", ".join(f"{digest[:10]} ({name})" for digest, name in digests.items())
        if kind not in (TRAINING, EVALUATION):
            raise UserError(f"cells of different {' '.join(kind)} cannot share a table: {shown}; remove the older runs")
        if not mixed_code:
            raise UserError(
                f"cells of different {kind[0]} cannot share a table: {shown}; remove the older runs, or add "
                "mixed_code=true if you know that the difference does not matter"
            )
        warnings.append(f"Cells of different {kind[0]} share this table, as was asked for: code digests {shown}.")
    return " ".join(warnings)


def collect(cells: list[CellConfig], out: Path, mixed_code: bool = False) -> tuple[pd.DataFrame, str]:
    """Gather finished cells of one study into out/: metrics.csv, provenance.json, and what the study's own report
    needs. Returns the metrics, and a warning or nothing.

    A cell that has not finished is one row of kind "missing".

    Raises:
        UserError: cells of different code or data would be mixed (see check_unmixed), or none has finished.
    """
    parts = [(cell, read_finished(cell)) for cell in cells]
    finished = [done for _, done in parts if done is not None]
    if not finished:
        raise UserError(f"none of the {len(cells)} cells has finished; first: {cells[0].folder}")
    missing = [cell.name for cell, done in parts if done is None]
    for name in missing[:MAX_NAMED]:
        print(f"physlaw: not finished: {name}", file=sys.stderr)
    if len(missing) > MAX_NAMED:
        print(f"physlaw: and {len(missing) - MAX_NAMED} more", file=sys.stderr)
    warning = check_unmixed(finished, mixed_code)
    write_text(out / "metrics.csv", _metrics_text(parts))
    with needed(f"{cells[0].folder.parent} (the cells' eval folders)", "clips.csv and clips", RERUN):
        registry.report_of(cells[0].study).gather([done.cell for done in finished], out)
    known = [f"{json.dumps(done.cell.name)}: {done.provenance}" for done in finished]
    write_text(out / "provenance.json", f'{{\n"schema": {SCHEMA},\n' + ",\n".join(known) + "\n}\n")
    return read_metrics(out), warning


def _metrics_text(parts: list[tuple[CellConfig, Finished | None]]) -> str:
    """metrics.csv. The cells' rows are pasted as text: parsing each one's few lines would take most of the time."""
    finished = [done for _, done in parts if done is not None]
    first = finished[0]
    names, measured = list(cell_names(first.cell)), _measured(finished)
    constants = list(first.row_constants())
    lines = [",".join(["schema", *names, *measured, *constants])]
    blanks = ["missing" if name == "kind" else "" for name in measured]
    for cell, done in parts:
        before = _csv_line([SCHEMA, *cell_names(cell).values()])
        if done is None:
            lines.append(",".join([before, *blanks, *[""] * len(constants)]))
            continue
        after = _csv_line(done.row_constants().values())
        lines += [f"{before},{row},{after}" for row in _in_order(done.rows, measured)]
    return "\n".join(lines) + "\n"


def _measured(finished: list[Finished]) -> list[str]:
    """The columns of the cells' rows, which are the same but for intervals that older code did not give.

    Raises:
        UserError: they are not.
    """
    every = list(dict.fromkeys(name for done in finished for name in _columns(done.rows)))
    asked = {name for name in every if not name.endswith(bounds(""))}
    for done in finished:
        path, known = done.cell.folder / "rows.csv", _columns(done.rows)
        if "kind" not in known:
            raise UserError(f"{path}: not the rows of a cell; {RERUN}")
        if not asked <= set(known):
            lacking = next(name for name in every if name in asked - set(known))
            raise UserError(f"{path} has other columns than those of other cells, it lacks {lacking}; {RERUN}")
    return every


def _columns(rows: str) -> list[str]:
    return rows.split("\n", 1)[0].split(",")


def _in_order(rows: str, columns: list[str]) -> list[str]:
    """The lines of rows.csv after its header, in this order of columns; blanks where it has none."""
    if _columns(rows) == columns:
        return rows.splitlines()[1:]
    return [_csv_line(row.get(name, "") for name in columns) for row in csv.DictReader(io.StringIO(rows))]


def _csv_line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
