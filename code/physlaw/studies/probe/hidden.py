"""A model's hidden tokens on the clips that were scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.velocity_blocks import block_scenes
from physlaw.render.discs import render_clips
from physlaw.worlds.scenario import Scenario


def probed_steps(denoise_steps: int) -> list[int]:
    """The first, the middle and the last of so many denoising steps."""
    return sorted({0, denoise_steps // 2, denoise_steps - 1})


def hidden_tokens(
    scenario: Scenario, evaluation: Evaluation, table: pd.DataFrame, steps: Sequence[int]
) -> NDArray[np.float16] | None:
    """(clips, steps, layers, T', D), a clip per row of the table, which has block and scene; None of a model that shows
    none."""
    if evaluation.codec.hidden is None:
        return None
    data, parts = evaluation.data, []
    for block, rows in table.groupby("block", sort=False):
        scenes, numbers = block_scenes(scenario, evaluation, str(block)), rows["scene"].to_numpy()
        for index in np.split(numbers, range(evaluation.config.batch_size, len(numbers), evaluation.config.batch_size)):
            frames = render_clips(scenes.trajectory(index), data.resolution, data.method)
            parts.append(evaluation.codec.hidden(frames, str(block), index, steps).astype(np.float16))
    return np.concatenate(parts)
