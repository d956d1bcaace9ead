"""How long several studies take here: by the pace of what has run, or of what is committed."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from physlaw.config import CellConfig
from physlaw.launch.estimate import training_flops
from physlaw.profiles import REPOSITORY
from physlaw.report.metrics import read_metrics
from physlaw.results.progress import look, seconds_left
from physlaw.results.reproduce import default_workers


def hours_left(studies: list[list[CellConfig]], workers: int | None) -> list[str]:
    """A line per study: how many of its cells have not finished, and about how many hours they take.

    By the pace of the cells that have begun here, or else of this project's committed results, of other machines.
    """
    found = [[look(cell) for cell in cells] for cells in studies]
    paces = [cell.second_per_flop for cells in found for cell in cells if cell.second_per_flop is not None]
    where = "at this machine's pace" if paces else "at the committed results' pace"
    pace = median(paces or [p for cells in studies for p in committed_paces(cells)] or [0.0])
    lines = []
    for cells, states in zip(studies, found, strict=True):
        rest = [replace(s, second_per_flop=s.second_per_flop or pace) for s in states if s.state != "finished"]
        at_once = min(workers or default_workers(cells), max(len(rest), 1))
        left = (seconds_left(rest, at_once) or 0.0) / 3600
        time_text = f", about {left:.1f} h {where}, {at_once} at a time" if pace and rest else ""
        lines.append(f"physlaw: {cells[0].study}: {len(rest)} of {len(cells)} cells to run{time_text}")
    return lines


def committed_paces(cells: list[CellConfig]) -> list[float]:
    """Seconds per FLOP of the study's committed cells that a CPU trained."""
    path = REPOSITORY / "results" / cells[0].study / cells[0].table / "metrics.csv"
    if not path.is_file():
        return []
    metrics = read_metrics(path.parent)
    rows = metrics[(metrics["kind"] != "missing") & (metrics["accelerator"] == "none")].drop_duplicates("cell")
    spent = dict(zip(rows["cell"], rows["train_seconds"], strict=True))
    return [spent[cell.name] / training_flops(cell) for cell in cells if spent.get(cell.name)]
