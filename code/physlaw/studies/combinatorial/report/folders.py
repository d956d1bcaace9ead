"""What the report needs of finished cells beside their rows, from their eval folders.

clips.csv: a row per clip of every cell. frames.csv: quality by frame. ambiguity.csv: every ambiguous clip.
automatic.csv: the automatic verdicts, as `physlaw label score automatic=` reads them. clips/: clips to look at.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.config import CellConfig
from physlaw.csv_file import RERUN, read_csv
from physlaw.data.npz import read_arrays, write_arrays
from physlaw.errors import UserError
from physlaw.files import visible, write_text
from physlaw.report.page import SHOWN, shown_cells
from physlaw.studies.combinatorial.measures import OF_FRAMES
from physlaw.studies.combinatorial.study import COMMON, SETS

TEMPLATES_SHOWN = 10  # of each set
BY_FRAME = tuple(metric.name for metric in OF_FRAMES)  # as far as they were measured
WORST, MEDIAN = "worst", "median"


def gather(cells: list[CellConfig], out: Path) -> None:
    """Write the files named above into out/. Clips are those of shown_cells.

    Raises:
        UserError: a file of a cell is missing or damaged.
    """
    clips, frames, ambiguous = [], [], []
    shown = shown_cells(cells)
    for cell in cells:
        folder = cell.folder / "eval"
        for name in SETS:
            table = read_csv(folder / f"{name}.csv", RERUN)
            clips.append(_named(table, cell=cell.name, set=name))
            frames.append(_named(_by_frame(folder / f"{name}.npz"), cell=cell.name, set=name))
            if cell in shown:
                path = out / "clips" / f"{cell.name}.{name}.npz"
                write_arrays(path, _chosen_clips(folder / name, table))
        if (folder / f"{COMMON}.csv").is_file():  # of the smallest training set its in-template clips are
            clips.append(_named(read_csv(folder / f"{COMMON}.csv", RERUN), cell=cell.name, set=COMMON))
        ambiguous.append(_named(read_csv(folder / "ambiguity.csv", RERUN), cell=cell.name))
    every = pd.concat(clips, ignore_index=True)
    _write_csv(out / "clips.csv", every)
    _write_csv(out / "frames.csv", pd.concat(frames, ignore_index=True))
    _write_csv(out / "ambiguity.csv", pd.concat(ambiguous, ignore_index=True))
    _write_csv(out / "automatic.csv", _automatic(every[every["set"].isin(SETS)]))


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _named(table: pd.DataFrame, **names: str) -> pd.DataFrame:
    """The table with these columns in front."""
    return pd.concat([pd.DataFrame(names, index=table.index), table], axis=1)


def _by_frame(path: Path) -> pd.DataFrame:
    """Mean and standard deviation over clips of each measure in BY_FRAME, a row per frame."""
    prefix = "frames/generated_"
    arrays = read_arrays(path, re.compile(f"{prefix}({'|'.join(BY_FRAME)})"), RERUN)
    found: dict[str, NDArray[Any]] = {}
    for column in (f"generated_{name}" for name in BY_FRAME if prefix + name in arrays):
        each = arrays[f"frames/{column}"]
        found |= {f"{column}_mean": each.mean(axis=0), f"{column}_sd": each.std(axis=0, ddof=min(1, len(each) - 1))}
    table = pd.DataFrame(found)
    table.insert(0, "frame", table.index)
    return table


def _automatic(clips: pd.DataFrame) -> pd.DataFrame:
    """Clip id "<cell>/<set>/<number>" and verdict, 0 or 1, of the clips that have one."""
    if "generated_abnormal" not in clips:
        return pd.DataFrame(columns=["clip", "abnormal"])
    judged = clips[clips["generated_abnormal"].notna()]
    ids = judged["cell"] + "/" + judged["set"] + "/" + judged["number"].astype(str)
    return pd.DataFrame({"clip": ids, "abnormal": judged["generated_abnormal"].astype(int)})


def chosen_rows(table: pd.DataFrame) -> list[tuple[int, str]]:
    """Which clips are shown: of at most TEMPLATES_SHOWN templates, evenly spread, the worst clip by SSIM and the median
    (of an even number the better one of the middle two).

    Args:
        table: a row per clip, columns template and generated_ssim.
    Returns:
        (index label, WORST or MEDIAN) by template; a template's only clip once.
    """
    templates = sorted(table["template"].unique())
    count = min(len(templates), TEMPLATES_SHOWN)
    chosen = []
    for template in (templates[k * len(templates) // count] for k in range(count)):
        part = table[table["template"] == template].sort_values("generated_ssim", kind="stable")
        chosen.append((int(part.index[0]), WORST))
        if len(part) > 1:
            chosen.append((int(part.index[len(part) // 2]), MEDIAN))
    return chosen


def _chosen_clips(folder: Path, table: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """The chosen clips: SHOWN (n, T, W, W, 3) uint8, template, scene, number (n,), and rank (n,) words.

    The parts of a set together hold its clips in the order of the table; they are read one at a time.
    """
    chosen = chosen_rows(table)
    wanted = {row for row, _ in chosen}
    found: dict[int, tuple[NDArray[np.uint8], ...]] = {}
    start = 0
    for path in visible(folder, "*.npz"):
        numbers = read_arrays(path, ["numbers"], RERUN)["numbers"]
        rows = range(start, start + len(numbers))
        if not np.array_equal(numbers, table["number"].to_numpy()[start : rows.stop]):
            raise UserError(f"{path} holds other clips than {folder}.csv; remove both and run the cell again")
        start = rows.stop
        if wanted & set(rows):
            clips = read_arrays(path, SHOWN, RERUN)
            found |= {row: tuple(clips[name][row - rows.start] for name in SHOWN) for row in wanted & set(rows)}
    if start != len(table):
        raise UserError(f"{folder} holds {start} clips, {folder}.csv {len(table)}; run the cell again")
    arrays: dict[str, NDArray[Any]] = {
        name: np.stack([found[row][k] for row, _ in chosen]) for k, name in enumerate(SHOWN)
    }
    for name in ("template", "scene", "number"):
        arrays[name] = table.loc[[row for row, _ in chosen], name].to_numpy()
    arrays["rank"] = np.array([rank for _, rank in chosen])
    return arrays
