"""What a report needs of finished cells beside their rows: per-clip tables, and clips to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from physlaw.config import CellConfig
from physlaw.csv_file import RERUN, read_csv
from physlaw.errors import UserError
from physlaw.files import visible, write_bytes, write_text
from physlaw.report.page import shown_cells

NAMES = ["block", "level", "scene"]


def gather_clips(
    cells: list[CellConfig],
    out: Path,
    columns: Sequence[str],
    where_there: Sequence[str] = (),
    blocks: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write clips.csv, of every cell, and clips/*.npz, of shown_cells, from finished cells' eval folders.

    Args:
        columns: that clips.csv keeps of the cells' per-clip tables; where_there: further ones, where a table has them.
        blocks: scenario -> those whose clips are shown, and of whose shown_cells alone clips.csv then is; None: all.
    Raises:
        UserError: a cell's table is missing or lacks a column.
    """
    shown, tables = shown_cells(cells), []
    for cell in cells if blocks is None else shown:
        for path in visible(cell.folder / "eval", "*.csv"):
            table = read_csv(path, RERUN)
            lacking = [name for name in columns if name not in table]
            if lacking:
                raise UserError(f"{path} has no column {lacking[0]}; remove the cell's eval folder and run it again")
            tracks = path.parent / "tracks" / f"{path.stem}.npz"
            if tracks.is_file():
                write_bytes(out / "tracks" / f"{cell.name}.{tracks.name}", tracks.read_bytes())
            table = table[[*NAMES, *columns, *(name for name in where_there if name in table)]]
            table.insert(0, "cell", cell.name)
            tables.append(table)
    if not tables:
        raise UserError(f"{cells[0].folder / 'eval'} holds no tables; run the cell again")
    clips = pd.concat(tables, ignore_index=True)
    write_text(out / "clips.csv", clips.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    for cell in shown:
        for path in visible(cell.folder / "eval", "*.npz"):
            if blocks is None or path.stem in blocks[cell.scenario]:
                write_bytes(out / "clips" / f"{cell.name}.{path.name}", path.read_bytes())
