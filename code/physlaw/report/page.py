"""The report: one self-contained HTML page. Its numbers come from metrics.csv and tokenizer.csv only."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from physlaw.data.video import encode_gif, side_by_side
from physlaw.files import write_text
from physlaw.report.acceptance import CAPTION as TOKENIZER_CAPTION
from physlaw.report.acceptance import acceptance, acceptance_rows, acceptance_text
from physlaw.report.figures import draw_all
from physlaw.report.tables import grid_table, group_row, latex, markdown, table_rows
from physlaw.studies import id_ood

CAPTION = (
    "Velocity error in (ID) and out of distribution (OOD), mean over clips, in world units per second. Study {study}, "
    "profile {profile}, recipe {recipe}; commit {commit:.10}."
)
MAX_ROWS = 500  # cells in the page's tables
SHOWN = ("truth", "reconstruction", "generated")


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _videos(folder: Path, metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry per cell that has clips here: its shown blocks with their animations and errors."""
    found = []
    there = {path.name.split(".")[0] for path in (folder / "clips").glob("*.npz")}
    cells = metrics.loc[metrics["cell"].isin(there), ["cell", "scenario"]].drop_duplicates()
    for cell, scenario in cells.itertuples(index=False):
        entries = []
        for block in id_ood.SHOWN_BLOCKS[scenario]:
            path = folder / "clips" / f"{cell}.{block}.npz"
            if not path.is_file():
                continue
            with np.load(path, allow_pickle=False) as archive:
                clips = [archive[name] for name in SHOWN]
            row = group_row(metrics, cell, block)
            animations = [
                _uri("image/gif", encode_gif(side_by_side([clip[k] for clip in clips]))) for k in range(len(clips[0]))
            ]
            entries.append(
                {"block": block, "error": None if row is None else row["generated_corrected"]}
                | {"animations": animations}
            )
        found.append({"cell": cell, "blocks": entries})
    return found


def write_report(folder: Path, metrics: pd.DataFrame, notes: str) -> Path:
    """Draw the figures and write table.md and report.html beside metrics.csv; returns the page's path."""
    header, rows = table_rows(metrics)
    grid = grid_table(metrics)
    tokenizer = acceptance(folder, metrics)
    write_text(folder / "table.md", f"{markdown(*grid)}\n{markdown(header, rows)}\n{acceptance_text(tokenizer)}")
    first = metrics[metrics["kind"] != "missing"].iloc[0]
    write_text(folder / "table.tex", latex(*grid, CAPTION.format(**first)))
    figures = {path.stem: _uri("image/svg+xml", path.read_bytes()) for path in draw_all(folder, metrics)}
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("physlaw.report"), autoescape=True, undefined=jinja2.StrictUndefined
    ).get_template("page.html")
    levels = {name: ", ".join(f"L{k}: {what}" for k, what in known.items()) for name, known in id_ood.LEVELS.items()}
    html = template.render(
        title=id_ood.TITLE,
        question=id_ood.QUESTION,
        study=first["study"],
        profile=first["profile"],
        recipe=first["recipe"],
        grid_header=grid[0],
        grid_rows=grid[1],
        header=header,
        rows=rows[:MAX_ROWS],
        left_out=max(0, len(rows) - MAX_ROWS),
        levels=levels,
        tokenizer_caption=TOKENIZER_CAPTION,
        tokenizer_table=acceptance_rows(tokenizer),
        notes=notes,
        figures=figures,
        cells=_videos(folder, metrics),
        runs=metrics[metrics["group"] == "id"].head(MAX_ROWS).to_dict("records"),
    )
    write_text(folder / "report.html", html)
    return folder / "report.html"
