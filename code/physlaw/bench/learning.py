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
from physlaw.cell.data import mirrored, training_clips
from physlaw.cell.model import CellModel
from physlaw.config import CellConfig
from physlaw.data.clips import ClipSource, WithMirrored
from physlaw.data.latents import EncodedClips
from physlaw.errors import UserError
from physlaw.evaluation.sweep import random_scenes
from physlaw.evaluation.velocity import velocity_errors
from physlaw.fields import ranged
from physlaw.render.discs import render_clips
from physlaw.training.loop import fit
from physlaw.training.tasks import DiffusionTask
from physlaw.worlds import laws
from physlaw.worlds.scenes import ball_trajectory
from physlaw.worlds.variants import get_scenario


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
    source = training_clips(cell)
    scenario, data = get_scenario(cell.scenario), cell.data
    model, minutes = trained(cell, WithMirrored(source) if mirrored(cell) else source)
    contact = laws.as_contact(data.contact)
    init, positions = random_scenes(scenario, config.clips, data.num_frames, data.seed, contact)
    truth = render_clips(ball_trajectory(positions, scenario.radii(init)), data.resolution, data.method)
    rows = []
    for steps in config.denoise or (cell.diffusion.denoise_steps,):
        replace(cell.diffusion, denoise_steps=steps)  # its own check
        frames = np.concatenate(
            [
                model.generate(truth[k], "random scenes", k, steps)
                for k in np.array_split(np.arange(config.clips), -(-config.clips // cell.eval.batch_size))
            ]
        )
        errors = velocity_errors(scenario, init, positions, frames, method=data.method)
        rows.append(
            {
                "denoise_steps": steps,
                "error": round(float(np.nanmean(errors.corrected)), 4),
                "measured": round(float(np.isfinite(errors.corrected).mean()), 4),
                "missing_ball_frames": int(errors.missing.sum()),
            }
        )
    return report_rows({**described(cell, minutes), "clips": config.clips, "errors": rows}, config.out)
