"""What a study costs at a scale that nobody has run yet, from its configuration."""

from __future__ import annotations

from functools import cache
from statistics import median

from physlaw.compose import compose_cell
from physlaw.launch.cells import grid_cells, study_cells
from physlaw.launch.config import ClusterConfig
from physlaw.launch.estimate import gpu_hours, training_flops
from physlaw.profiles import choices
from physlaw.results.hours import committed_paces

GPU_SCALES = ("paper", "short")


@cache
def cost_text(study: str, scale: str) -> str:
    """Its cells and hours of training, e.g. "9 cells, about 12 GPU-hours"; empty where the study has no such profile.

    On a GPU at the peak and utilisation that a cluster's settings have unless they say otherwise; on two CPU cores at
    the median pace of the committed cells of the study that comes first.
    """
    if scale not in choices("profile", study):
        return ""
    words = [f"study={study}", f"profile={scale}"]
    cells = grid_cells(compose_cell(words))
    kinds = {(one["scenario"], one["model"]): one for one in cells}  # sizes and seeds change no cell's cost
    hours = {key: _hours(scale, [*words, *(f"{a}={v}" for a, v in one.items())]) for key, one in kinds.items()}
    total = sum(hours[one["scenario"], one["model"]] for one in cells)
    unit = "GPU-hours" if scale in GPU_SCALES else "hours on 2 CPU cores"
    count = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
    return f"{count}, about {total:,.0f} {unit}" if total >= 10 else f"{count}, about {total:.1g} {unit}"


def _hours(scale: str, words: list[str]) -> float:
    cell = compose_cell(words)
    if scale in GPU_SCALES:
        return gpu_hours(cell, ClusterConfig())
    return training_flops(cell) * _pace() / 3600


@cache
def _pace() -> float:
    """Seconds per FLOP on a CPU."""
    return median(committed_paces(study_cells(["profile=smoke"])) or [0.0])
