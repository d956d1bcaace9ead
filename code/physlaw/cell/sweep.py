"""A trained cell's sampler: how many denoising steps it needs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physlaw.cell.folder import trained_weights
from physlaw.cell.trained import train_cell
from physlaw.config import CellConfig
from physlaw.data.records import ClipCounts
from physlaw.errors import UserError
from physlaw.evaluation.config import SweepConfig
from physlaw.evaluation.sweep import SweepRow, sweep_steps
from physlaw.files import write_json
from physlaw.provenance import provenance
from physlaw.studies import registry

Frames = NDArray[np.uint8]


def sweep_sampler(cell: CellConfig, config: SweepConfig) -> tuple[int, list[SweepRow]]:
    """Find a trained cell's smallest sufficient number of denoising steps; writes sampler.json.

    Raises:
        UserError: the cell is not trained, or asked for are more steps than its schedule has.
    """
    if not (cell.folder / "provenance.json").exists():
        raise UserError(f"cell {cell.name} is not trained ({cell.folder}); use `physlaw run` or `physlaw train` first")
    if cell.model.modality != "vision":
        raise UserError(f"a sweep needs model.modality=vision, got {cell.model.modality!r}")
    for steps in config.steps:  # before anything is generated
        replace(cell.diffusion, denoise_steps=steps)
    model = train_cell(cell)

    def generate(frames: Frames, index: NDArray[np.int64], steps: int, seed: int) -> Frames:
        return model.generate(frames, "sampler sweep", index, steps, seed)

    started = time.monotonic()
    enough, rows = sweep_steps(registry.scenario(cell.scenario), cell.data, config, generate)
    write_json(
        Path(config.out) if config.out else cell.folder / "sampler.json",
        {
            "cell": cell.name,
            "recipe": cell.recipe,
            "enough": enough,
            "rows": [vars(row) for row in rows],
            "settings": {key: value for key, value in vars(config).items() if key != "out"},
            **vars(ClipCounts(config.clips)),
            "weights_sha256": trained_weights(cell),
            "seconds": round(time.monotonic() - started, 1),
            **provenance(),
        },
    )
    return enough, rows
