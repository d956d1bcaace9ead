"""`physlaw bench open_future`: whether a recipe draws futures, or their mean, where the first frame leaves them open.

A ball starts in the middle, to the left or to the right, at any speed; one frame is given. The recipe's own objective
stands beside a network that learns the conditional mean and beside v-prediction, all of one budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physlaw.bench.learning import described, trained
from physlaw.bench.train import report_rows
from physlaw.config import CellConfig
from physlaw.data.clips import RenderedClips, WithMirrored
from physlaw.evaluation.open_future import open_future
from physlaw.fields import ranged
from physlaw.worlds.open_future import NUM_COND_FRAMES, open_scenes


@dataclass
class OpenFutureBenchConfig:
    """What is measured and where to."""

    clips: int = ranged(256, above=0)
    denoise: tuple[int, ...] = ranged((1, 2, 5, 10, 20, 50), above=0)
    out: str = ""  # a JSON file


def arms(cell: CellConfig) -> dict[str, CellConfig]:
    """The recipe's own objective, a conditional mean (all times near pure noise), and v-prediction with even times."""
    own = cell.diffusion
    mean = replace(
        own, objective="x_prediction", times="logit_normal", logit_mean=8.0, logit_std=1.0, uniform_share=0.0
    )
    v_prediction = replace(own, objective="v_prediction", times="uniform")
    return {
        "own": cell,
        "conditional_mean": replace(cell, diffusion=mean),
        "v_prediction": replace(cell, diffusion=v_prediction),
    }


def bench_open_future(cell: CellConfig, config: OpenFutureBenchConfig) -> dict[str, Any]:
    """Train each arm on balls whose first frame leaves their future open, and read the futures that it draws."""
    cell = replace(cell, data=replace(cell.data, num_cond_frames=NUM_COND_FRAMES))
    scenes = open_scenes(cell.size)
    source = WithMirrored(RenderedClips(scenes, cell.data.resolution, cell.data.method))
    rng = np.random.default_rng(0)
    shown = np.sort(rng.choice(len(source), config.clips))
    radii = scenes.init(shown % len(scenes))[:, 0]
    true = open_future(source.clips(shown), radii, cell.data.method)
    found: dict[str, Any] = {"clips": config.clips, "truth": true.row(), "arms": {}}
    for name, arm in arms(cell).items():
        model, minutes = trained(arm, source)
        rows = {}
        for steps in config.denoise:
            frames = [
                model.generate(source.clips(k), "open future", k, steps)
                for k in np.array_split(shown, -(-config.clips // cell.eval.batch_size))
            ]
            rows[str(steps)] = open_future(np.concatenate(frames), radii, cell.data.method).row()
        found["arms"][name] = {**described(arm, minutes), "by_denoise_steps": rows}
    return report_rows(found, config.out)
