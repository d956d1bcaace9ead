"""The study's tables, figures and page. Their numbers come from metrics.csv and tokenizer.csv only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.files import visible, write_text
from physlaw.report import verdicts as verdict_files
from physlaw.report.acceptance import CAPTION as TOKENIZER_CAPTION
from physlaw.report.acceptance import acceptance, acceptance_rows, acceptance_text
from physlaw.report.page import MAX_ROWS, animations, first_finished, write_page
from physlaw.report.scaling import METHOD
from physlaw.report.tables import latex, markdown
from physlaw.studies.id_ood import study as id_ood
from physlaw.studies.id_ood.report.figures import draw_all
from physlaw.studies.id_ood.report.fits import fit_table, paper_table, scenario_fits
from physlaw.studies.id_ood.report.tables import grid_table, group_row, table_rows
from physlaw.studies.id_ood.report.verdicts import verdicts

CAPTION = (
    "Velocity error in (ID) and out of distribution (OOD), mean over clips, in world units per second. Study {study}, "
    "profile {profile}, recipe {recipe}; commit {commit:.10}."
)


def _videos(folder: Path, metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry per cell that has clips here: its shown blocks with their animations and errors."""
    found = []
    there = {path.name.split(".")[0] for path in visible(folder / "clips", "*.npz")}
    cells = metrics.loc[metrics["cell"].isin(there), ["cell", "scenario"]].drop_duplicates()
    for cell, scenario in cells.itertuples(index=False):
        entries = []
        for block in id_ood.SHOWN_BLOCKS[scenario]:
            path = folder / "clips" / f"{cell}.{block}.npz"
            if not path.is_file():
                continue
            row = group_row(metrics, cell, block)
            entries.append(
                {"block": block, "error": None if row is None else row["generated_corrected"]}
                | {"animations": animations(path)}
            )
        found.append({"cell": cell, "blocks": entries})
    return found


def write(folder: Path, metrics: pd.DataFrame, notes: str) -> Path:
    """Draw the figures and write verdicts.csv, table.md, table.tex and report.html beside metrics.csv; returns the
    page's path."""
    header, rows = table_rows(metrics)
    grid = grid_table(metrics)
    tokenizer, decided = acceptance(folder, metrics), verdicts(metrics)
    write_text(folder / verdict_files.FILE, verdict_files.verdict_csv(decided))
    write_text(folder / "table.md", f"{markdown(*grid)}\n{markdown(header, rows)}\n{acceptance_text(tokenizer)}")
    write_text(folder / "table.tex", latex(*grid, CAPTION.format(**first_finished(metrics))))
    levels = {name: ", ".join(f"L{k}: {what}" for k, what in known.items()) for name, known in id_ood.LEVELS.items()}
    return write_page(
        Path(__file__).with_name("page.html"),
        folder,
        metrics,
        notes,
        draw_all(folder, metrics),
        title=id_ood.TITLE,
        question=id_ood.QUESTION,
        verdicts=decided,
        fits=fit_table(scenario_fits(metrics)),
        fit_method=METHOD,
        paper=paper_table(),
        grid=grid,
        table=(header, rows[:MAX_ROWS]),
        left_out=max(0, len(rows) - MAX_ROWS),
        levels=levels,
        tokenizer_caption=TOKENIZER_CAPTION,
        tokenizer_table=acceptance_rows(tokenizer),
        cells=_videos(folder, metrics),
    )
