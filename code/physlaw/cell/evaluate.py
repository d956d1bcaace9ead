"""How a study scores a trained cell: its summary rows, and tables and clips in the cell's eval folder."""

from __future__ import annotations

import pandas as pd

from physlaw.cell.data import training_clips
from physlaw.cell.model import CellModel
from physlaw.cell.videos import evaluate_videos
from physlaw.config import CellConfig
from physlaw.data.clips import RenderedClips
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.released import ClipFile
from physlaw.evaluation.evaluate import Codec, evaluate_block, summarize_blocks
from physlaw.evaluation.retrieval import NearestCase
from physlaw.worlds.scenarios import get_scenario


def evaluate_velocities(cell: CellConfig, model: CellModel) -> pd.DataFrame:
    """Velocity errors on every evaluation block, a row per group of clips."""
    codec = Codec(model.codec.reconstruct, model.generate)
    training = training_clips(cell)
    assert isinstance(training, RenderedClips | GpuClips | ClipFile)
    cases = NearestCase(training if isinstance(training, ClipFile) else training.scenes, cell.data.num_cond_frames)
    tables = [
        evaluate_block(block, cases, codec, cell.data, cell.eval, cell.folder / "eval")
        for block in get_scenario(cell.scenario).eval_blocks(cell.eval.blocks).values()
        if len(block.grid)
    ]
    return summarize_blocks(pd.concat(tables, ignore_index=True))


EVALUATIONS = {"id_ood": evaluate_velocities, "combinatorial": evaluate_videos}


def evaluate_cell(cell: CellConfig, model: CellModel) -> pd.DataFrame:
    """The cell's rows, as its study scores it. What is in the eval folder already is kept."""
    return EVALUATIONS[cell.study](cell, model)
