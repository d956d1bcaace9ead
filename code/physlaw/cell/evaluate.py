"""How a study scores a trained cell: its summary rows, and tables and clips in the cell's eval folder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.cell.data import training_clips
from physlaw.cell.model import CellModel
from physlaw.cell.videos import evaluate_videos
from physlaw.config import CellConfig
from physlaw.data.clips import RenderedClips
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.released import ClipFile
from physlaw.evaluation.attributes import evaluate_looks_block, summarize_looks_blocks
from physlaw.evaluation.bands import band_summary
from physlaw.evaluation.composition import evaluate_composition, summarize_composition
from physlaw.evaluation.evaluate import Codec, Summary, evaluate_block, summarize_blocks
from physlaw.evaluation.retrieval import NearestCase
from physlaw.worlds.variants import GAPS, TRAINED_SPEEDS, get_scenario


def evaluate_velocities(cell: CellConfig, model: CellModel, further: Summary | None = None) -> pd.DataFrame:
    """Velocity errors on every evaluation block, a row per group of clips; `further` adds columns."""
    codec = Codec(model.codec.reconstruct, model.generate)
    training = training_clips(cell)
    assert isinstance(training, RenderedClips | GpuClips | ClipFile)
    cases = NearestCase(training if isinstance(training, ClipFile) else training.scenes, cell.data.num_cond_frames)
    tables = [
        evaluate_block(block, cases, codec, cell.data, cell.eval, cell.folder / "eval")
        for block in get_scenario(cell.scenario).eval_blocks(cell.eval.blocks).values()
        if len(block.grid)
    ]
    return summarize_blocks(pd.concat(tables, ignore_index=True), further)


def evaluate_bands(cell: CellConfig, model: CellModel) -> pd.DataFrame:
    """The same, and generated speeds against the trained bands."""
    bands = GAPS.get(cell.scenario, (TRAINED_SPEEDS,))
    return evaluate_velocities(cell, model, band_summary(bands))


def evaluate_attributes(cell: CellConfig, model: CellModel) -> pd.DataFrame:
    """Which of two attributes the generated objects keep, a row per group of clips."""
    codec = Codec(model.codec.reconstruct, model.generate)

    def encode(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        return model.codec.encode_condition(frames).cpu().numpy()

    tables = [
        evaluate_looks_block(block, cell.scenario, codec, encode, cell.data, cell.eval, cell.folder / "eval")
        for block in get_scenario(cell.scenario).eval_blocks(cell.eval.blocks).values()
    ]
    return summarize_looks_blocks(pd.concat(tables, ignore_index=True))


def evaluate_events(cell: CellConfig, model: CellModel) -> pd.DataFrame:
    """How many clips are lawful, a row per set."""
    codec = Codec(model.codec.reconstruct, model.generate)
    return summarize_composition(evaluate_composition(cell.scenario, codec, cell.data, cell.eval, cell.folder / "eval"))


EVALUATIONS: dict[str, Callable[[CellConfig, CellModel], pd.DataFrame]] = {
    "id_ood": evaluate_velocities,
    "combinatorial": evaluate_videos,
    "velocity_gap": evaluate_bands,
    "memorization": evaluate_bands,
    "square_out": evaluate_velocities,
    "attributes": evaluate_attributes,
    "ring": evaluate_attributes,
    "composition": evaluate_events,
    "modality": evaluate_velocities,
    "resolution_and_length": evaluate_velocities,
}


def evaluate_cell(cell: CellConfig, model: CellModel) -> pd.DataFrame:
    """The cell's rows, as its study scores it. What is in the eval folder already is kept."""
    return EVALUATIONS[cell.study](cell, model)
