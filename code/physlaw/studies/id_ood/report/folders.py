"""What the report needs of finished cells beside their rows: per-clip speeds, and clips to look at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from physlaw.config import CellConfig
from physlaw.csv_file import RERUN, read_csv
from physlaw.files import visible, write_bytes, write_text
from physlaw.report.page import shown_cells
from physlaw.studies.id_ood import study as id_ood


def gather(cells: list[CellConfig], out: Path) -> None:
    """Write clips.csv and clips/*.npz of the shown_cells of `cells`, all finished."""
    shown = shown_cells(cells)
    write_text(out / "clips.csv", _clips(shown).to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    for cell in shown:
        for block in id_ood.SHOWN_BLOCKS[cell.scenario]:
            path = cell.folder / "eval" / f"{block}.npz"
            if path.is_file():
                write_bytes(out / "clips" / f"{cell.name}.{path.name}", path.read_bytes())


def _clips(cells: list[CellConfig]) -> pd.DataFrame:
    """Per-clip speeds and errors, for the scatter plots."""
    tables = []
    for cell in cells:
        for path in visible(cell.folder / "eval", "*.csv"):
            table = read_csv(path, RERUN)
            keep = [c for c in table if str(c).endswith(("_vx1", "_vx2"))]
            table = table[["block", "level", "scene", *keep, "generated_corrected", "nearer_to_case"]]
            table.insert(0, "cell", cell.name)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)
