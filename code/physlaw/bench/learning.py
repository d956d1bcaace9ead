"""Training a cell's model apart from any study, to choose settings by: error against core-minutes on random scenes.

The scenes are drawn from the training range and are in no evaluation set, so nothing that is chosen here has seen one.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from physlaw.bench.train import report_rows, untrained
from physlaw.cell.data import training_clips, with_mirrored
from physlaw.cell.model import CellModel
from physlaw.config import CellConfig
from physlaw.data.clips import ClipSource
from physlaw.data.latents import EncodedClips
from physlaw.errors import UserError
from physlaw.evaluation.sweep import RandomClips
from physlaw.fields import ranged
from physlaw.studies import registry
from physlaw.training.loop import fit
from physlaw.training.tasks import DiffusionTask


@dataclass
class LearningBenchConfig:
    """What is measured and where to."""

    clips: int = ranged(256, above=0)  # random scenes
    denoise: tuple[int, ...] = ranged((), above=0)  # numbers of denoising steps; the cell's own unless named
    out: str = ""  # a JSON file


def trained(cell: CellConfig, clips: ClipSource) -> tuple[CellModel, float]:
    """The cell's model trained on those clips, with its moving average's weights; and the core-minutes it took."""
    if cell.tokenizer.learned:
        raise UserError(f"this benchmark trains on pixels, got tokenizer={cell.tokenizer.name}")
    model = untrained(cell)
    latents = EncodedClips(clips, model.codec.encode, model.codec.encode_condition)
    task = DiffusionTask(
        model.model,
        model.objective,
        latents,
        model.mask,
        model.tokenizer,
        cell.train.batch_size,
        cell.seed,
        relative=model.relative,
    )
    task.log_clips = lambda state, writer: None  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        state, _ = fit(task, cell.train, Path(folder), "bench", cell.name, cell.machine)
        minutes = (time.process_time() - started) / 60
    model.model.load_state_dict(state.ema, strict=False)
    return model, minutes


def described(cell: CellConfig, minutes: float) -> dict[str, Any]:
    """What a row says of the cell."""
    return {
        "scenario": cell.scenario,
        "size": cell.size,
        "resolution": cell.data.resolution,
        "seed": cell.seed,
        "model": vars(cell.model),
        "diffusion": vars(cell.diffusion),
        "train": vars(cell.train),
        "core_minutes": round(minutes, 2),
    }


def bench_learning(cell: CellConfig, config: LearningBenchConfig) -> dict[str, Any]:
    """Train the cell and measure its error on random scenes, a row per number of denoising steps."""
    clips = RandomClips.of(registry.scenario(cell.scenario), config.clips, cell.data)
    model, minutes = trained(cell, with_mirrored(cell, training_clips(cell)))
    rows = []
    for steps in config.denoise or (cell.diffusion.denoise_steps,):
        replace(cell.diffusion, denoise_steps=steps)  # its own check
        frames = np.concatenate(
            [
                model.generate(clips.frames[k], "random scenes", k, steps)
                for k in np.array_split(np.arange(config.clips), -(-config.clips // cell.eval.batch_size))
            ]
        )
        errors = clips.errors(slice(None), frames)
        rows.append(
            {
                "denoise_steps": steps,
                "error": round(float(np.nanmean(errors.corrected)), 4),
                "measured": round(float(np.isfinite(errors.corrected).mean()), 4),
                "missing_ball_frames": int(errors.missing.sum()),
            }
        )
    return report_rows({**described(cell, minutes), "clips": config.clips, "errors": rows}, config.out)
