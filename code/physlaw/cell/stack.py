"""Train the cells of a grid in stacks: those whose models have one shape as one, each into its own run folder.

On a GPU a stack's clips are rendered once and kept there as bytes; on a CPU they are rendered as they are needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from physlaw.cell.checks import check_scale
from physlaw.cell.data import training_clips, with_mirrored, world_of
from physlaw.cell.trained import Prepared, prepare_training, save_model, train_cell
from physlaw.config import FAILURE, CellConfig
from physlaw.data.clips import ClipSource
from physlaw.data.latents import EncodedClips
from physlaw.errors import UserError
from physlaw.files import write_text
from physlaw.training import ranks
from physlaw.training.stacked import StackedCell, fit_stacked

MOST = 64  # cells in one stack on a GPU; more fill it no better
SHARE = 0.6  # of a GPU's free memory for the clips; the step needs the rest
RENDERED = 256  # clips at once
# What cells of one stack may differ in: nothing of it changes what is computed in a step.
OWN = ("scenario", "size", "seed", "runs", "scratch", "eval", "study", "profile")


def shape_of(cell: CellConfig) -> str:
    """What cells must share to be trained as one, as text."""
    settings = {key: value for key, value in cell.resolved().items() if key not in OWN}
    settings["data"] = {k: v for k, v in settings["data"].items() if k not in ("seed", "draw", "clips", "files")}
    settings["picture"] = world_of(cell).picture  # it decides how many channels there are
    if cell.model.modality != "vision":
        settings["told"] = cell.scenario  # and this, how much is told
    return json.dumps(settings, sort_keys=True, default=str)


def stacks_of(cells: list[CellConfig], most: int) -> list[list[CellConfig]]:
    """The cells by shape, in their order, at most so many in a stack."""
    alike: dict[str, list[CellConfig]] = {}
    for cell in cells:
        alike.setdefault(shape_of(cell), []).append(cell)
    return [group[k : k + most] for group in alike.values() for k in range(0, len(group), most)]


class ResidentClips:
    """Clips of several sources one after the other, on the device as (N, T, W, W, 3) uint8."""

    def __init__(self, sources: list[ClipSource], device: str) -> None:
        first = torch.as_tensor(sources[0].clips(np.array([0])))  # a GPU renderer's are tensors there
        self.frames = torch.empty((sum(map(len, sources)), *first.shape[1:]), dtype=torch.uint8, device=device)
        with ThreadPoolExecutor() as pool:
            for at, frames in pool.map(lambda part: (part[0], part[1].clips(part[2])), _parts(sources)):
                self.frames[at : at + len(frames)] = torch.as_tensor(frames).to(device)

    def __len__(self) -> int:
        return len(self.frames)

    def clips(self, index: NDArray[np.int64]) -> Tensor:
        return self.frames[torch.as_tensor(index).to(self.frames.device)]


def _parts(sources: list[ClipSource]) -> Iterator[tuple[int, ClipSource, NDArray[np.int64]]]:
    """Where it begins, of which source, and its clips: parts of at most RENDERED clips."""
    at = 0
    for source in sources:
        for start in range(0, len(source), RENDERED):
            index = np.arange(start, min(start + RENDERED, len(source)))
            yield at, source, index
            at += len(index)


def default_stack() -> int:
    """Cells in a stack: as many as fill a GPU, one on a CPU."""
    return MOST if ranks.device() == "cuda" else 1


def train_cells(cells: list[CellConfig], most: int) -> None:
    """Train those of the cells that are not trained yet, at most `most` as one.

    Raises:
        UserError: a cell cannot be trained, or failed; those that did not are saved.
    """
    for cell in cells:
        check_scale(cell)
    missing = [c for c in cells if not c.model.agent and not (c.folder / "provenance.json").exists()]
    failures = []
    for stack in stacks_of(missing, most):
        if len(stack) > 1:
            failures += _train_stack(stack)
            continue
        with ranks.leased_by_main(stack[0].folder, f"cell {stack[0].name}", say=ranks.say):
            train_cell(stack[0])
    if failures:
        raise UserError("; ".join(failures))


def _train_stack(cells: list[CellConfig]) -> list[str]:
    """Train the cells as one, or as two where a GPU's memory is too small; returns what became of those that failed."""
    if len(cells) > 1 and not _fit(cells):
        return _train_stack(cells[: len(cells) // 2]) + _train_stack(cells[len(cells) // 2 :])
    with ExitStack() as leases:
        for cell in cells:
            leases.enter_context(ranks.leased_by_main(cell.folder, f"cell {cell.name}", say=ranks.say))
        if ranks.world() > 1:
            raise UserError("stacked cells are trained by one process; leave stack= out to use several")
        prepared = [prepare_training(cell) for cell in cells]
        ready = [StackedCell(p.task(), p.cell.folder, p.cell.digest(), p.cell.name) for p in prepared]
        fit_stacked(ready, cells[0].train, cells[0].machine, _resident(prepared))
        for one, trained in zip(prepared, ready, strict=True):
            if trained.state is not None and trained.report is not None:
                save_model(one, trained.state, trained.report, stacked=len(cells))
                with SummaryWriter(str(trained.folder / "tensorboard"), purge_step=cells[0].train.steps) as writer:
                    trained.task.log_clips(trained.state, writer)
            elif trained.failure is not None:
                write_text(one.cell.folder / FAILURE, f"NotFinite: {trained.failure}\n")
    return [str(cell.failure) for cell in ready if cell.failure is not None]


def _fit(cells: list[CellConfig]) -> bool:
    """The cells' clips fit on the device, beside what a step needs."""
    if ranks.device() != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info()
    needed = sum(
        len(with_mirrored(cell, training_clips(cell))) * 3 * cell.data.num_frames * cell.data.resolution**2
        for cell in cells
    )
    return needed < SHARE * free


def _resident(prepared: list[Prepared]) -> EncodedClips | None:
    """The clips of all on the GPU; None where batches are better made on the CPU."""
    codec: Any = prepared[0].model.codec
    cells = [one.cell for one in prepared]
    if ranks.device() != "cuda" or cells[0].tokenizer.learned or not _fit(cells):
        return None
    sources = [with_mirrored(one.cell, one.clips) for one in prepared]
    resident = ResidentClips(sources, "cuda")
    ranks.say(f"{len(resident)} clips on the GPU, {resident.frames.nbytes / 2**30:.1f} GiB")
    return EncodedClips(resident, codec.encode, codec.encode_condition)
