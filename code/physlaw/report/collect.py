"""Run folders to one tidy table: a row per cell and group of clips, with where the number comes from beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.files import read_json, write_bytes, write_json, write_text
from physlaw.studies import id_ood


def cell_names(cell: CellConfig) -> dict[str, Any]:
    """What a cell's rows are known by."""
    return {
        "study": cell.study,
        "profile": cell.profile,
        "recipe": cell.recipe,
        "cell": cell.name,
        "scenario": cell.scenario,
        "model": cell.model.name,
        "size": cell.size,
        "seed": cell.seed,
    }


def cell_rows(cell: CellConfig) -> pd.DataFrame | None:
    """A finished cell's rows; None when it has not finished."""
    paths = {name: cell.folder / name for name in ("rows.csv", "provenance.json", "evaluation.json")}
    if not all(path.is_file() for path in paths.values()):
        return None
    trained, evaluated = read_json(paths["provenance.json"]), read_json(paths["evaluation.json"])
    if trained["config_digest"] != cell.digest():
        raise UserError(f"{cell.folder} was run with another configuration than {cell.name} has now; remove it")
    rows = pd.read_csv(paths["rows.csv"])
    known = {"parameters": trained["parameters"], "training_clips": trained["training_clips"]}
    after = {
        "steps": trained["steps"],
        "train_seconds": trained["train_seconds"],
        "evaluation_seconds": evaluated["seconds"],
        "tokenizer_seconds": trained["tokenizer"]["seconds"],
        "compiled": trained["compiled"],
        "commit": trained["commit"],
        "dirty": trained["dirty"],
        "code_digest": trained["code_digest"],
        "config_digest": trained["config_digest"],
        "data_digest": trained["data_digest"],
        "tokenizer_digest": trained["tokenizer"]["digest"],
        "processor": trained["hardware"]["processor"],
        "cores": trained["hardware"]["cores"],
        "accelerator": trained["hardware"].get("accelerator", "none"),
    }
    for place, (name, value) in enumerate((cell_names(cell) | known).items()):
        rows.insert(place, name, value)
    return rows.assign(**after)


def missing_rows(cell: CellConfig) -> pd.DataFrame:
    """A cell that has not finished: its name, and nothing else."""
    return pd.DataFrame([cell_names(cell) | {"kind": "missing"}])


def collect(cells: list[CellConfig], out: Path) -> pd.DataFrame:
    """Gather finished cells into out/: metrics.csv, clips.csv, clips/*.npz, provenance.json. Returns the metrics.

    A cell that has not finished is one row of kind "missing".

    Raises:
        UserError: cells of different code, or of different data for one training set, would be mixed.
    """
    parts = [(cell, cell_rows(cell)) for cell in cells]
    finished = [(cell, rows) for cell, rows in parts if rows is not None]
    if not finished:
        raise UserError(f"none of the {len(cells)} cells has finished; first: {cells[0].folder}")
    for cell, rows in parts:
        if rows is None:
            print(f"physlaw: not finished: {cell.name}", file=sys.stderr)
    metrics = pd.concat([missing_rows(c) if r is None else r for c, r in parts], ignore_index=True)
    codes = metrics["code_digest"].dropna().unique()
    if len(codes) > 1:
        shown = ", ".join(sorted(code[:10] for code in codes))
        raise UserError(f"cells of different code cannot share a table: code digests {shown}; remove the older runs")
    first = finished[0][1]
    metrics = metrics[list(first.columns)]
    write_text(out / "metrics.csv", metrics.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    write_text(out / "clips.csv", _clips(finished).to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    for cell, _ in finished:
        for block in id_ood.SHOWN_BLOCKS[cell.scenario]:
            path = cell.folder / "eval" / f"{block}.npz"
            if path.is_file():
                write_bytes(out / "clips" / f"{cell.name}.{path.name}", path.read_bytes())
    write_json(out / "provenance.json", {c.name: _provenance(c) for c, _ in finished})
    return read_metrics(out)


def _clips(finished: list[tuple[CellConfig, pd.DataFrame]]) -> pd.DataFrame:
    """Per-clip speeds and errors of every finished cell, for the scatter plots."""
    tables = []
    for cell, _ in finished:
        for path in sorted((cell.folder / "eval").glob("*.csv")):
            table = pd.read_csv(path)
            keep = [c for c in table if str(c).endswith(("_vx1", "_vx2"))]
            table = table[["block", "level", "scene", *keep, "generated_corrected", "nearer_to_case"]]
            table.insert(0, "cell", cell.name)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _provenance(cell: CellConfig) -> dict[str, Any]:
    trained, evaluated = (read_json(cell.folder / name) for name in ("provenance.json", "evaluation.json"))
    return {"config": cell.resolved(), "training": trained, "evaluation": evaluated}


def read_metrics(folder: Path) -> pd.DataFrame:
    """Raises UserError when the folder has no metrics.csv."""
    path = folder / "metrics.csv"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `physlaw collect` or `physlaw reproduce` first")
    return pd.read_csv(path, dtype={"size": str, "commit": str, "dirty": str})
