"""A cell's model, trained: tokenizer, latents, training. Each stage leaves its result on disk and is not repeated."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from physlaw.cell.checks import check_scale
from physlaw.cell.data import mirrored, training_clips, with_mirrored
from physlaw.cell.folder import claim_folder, trained_weights
from physlaw.cell.machine import check_devices, use_machine
from physlaw.cell.model import CellModel
from physlaw.cell.state import TRAINING
from physlaw.cell.tokenizer import prepare_tokenizer
from physlaw.config import CellConfig
from physlaw.data.latents import EncodedClips, LatentCache
from physlaw.data.world import TrainingClips
from physlaw.errors import UserError
from physlaw.files import sha256_file, write_json
from physlaw.models.dit import count_parameters
from physlaw.models.vae import VideoVAE
from physlaw.provenance import provenance
from physlaw.training import ranks
from physlaw.training.loop import TrainReport, fit
from physlaw.training.precision import resolve_precision
from physlaw.training.state import TrainState, save_tensors
from physlaw.training.tasks import DiffusionTask


def train_cell(cell: CellConfig) -> CellModel:
    """Train the cell's model, or load it when it is trained already.

    Raises:
        UserError: the folder holds a run of another configuration, or is in use; or the model is a reference agent.
    """
    if cell.model.agent:
        raise UserError(f"{cell.model.row} is a reference agent: there is nothing to train; use `physlaw run`")
    prepared = prepare_training(cell)
    if ranks.on_main(lambda: not (cell.folder / "provenance.json").exists()):
        state, report = fit(prepared.task(), cell.train, cell.folder, cell.digest(), cell.name, cell.machine)
        ranks.on_main(lambda: save_model(prepared, state, report))
    return _with_weights(prepared.model)


@dataclass
class Prepared:
    """A cell before its first step: its folder is claimed, its tokenizer trained."""

    cell: CellConfig
    model: CellModel
    tokenizer: dict[str, Any]  # what is known of it
    clips: TrainingClips

    @cached_property
    def data_digest(self) -> str:
        return self.clips.digest()

    def task(self) -> DiffusionTask:
        """What is trained."""
        cell, model = self.cell, self.model
        ranks.say(
            f"{cell.name}: {len(self.clips)} training clips, {count_parameters(model.model) / 1e6:.2f} M parameters"
        )
        return DiffusionTask(
            model.model,
            model.objective,
            cell_latents(cell, model, self.clips, self.data_digest, self.tokenizer),
            model.mask,
            model.tokenizer,
            cell.train.batch_size,
            cell.seed,
            partial(model.state, TRAINING),
            model.relative,
        )


def prepare_training(cell: CellConfig) -> Prepared:
    """Check the cell and its machine, claim its folder, train its tokenizer. May raise UserError."""
    check_scale(cell)
    ranks.join()
    check_devices()
    use_machine(cell.machine)
    cell.folder.mkdir(parents=True, exist_ok=True)
    ranks.on_main(lambda: claim_folder(cell))
    tokenizer, known = prepare_tokenizer(cell)
    return Prepared(cell, CellModel(cell, tokenizer), known, training_clips(cell))


def _with_weights(model: CellModel) -> CellModel:
    """The cell's trained weights, which must be those that were saved."""
    cell = model.cell
    weights, card = cell.folder / "model.safetensors", cell.folder / "provenance.json"
    known_weights = trained_weights(cell)
    if sha256_file(weights) != known_weights:
        raise UserError(f"{weights} is damaged (SHA-256 differs from provenance.json); remove {card} to train again")
    model.model.load_state_dict(load_file(weights), strict=False)
    return model


def save_model(prepared: Prepared, state: TrainState, report: TrainReport, stacked: int = 1) -> None:
    """Write model.safetensors and provenance.json. stacked: how many cells were trained as one."""
    cell, clips = prepared.cell, prepared.clips
    weights = cell.folder / "model.safetensors"
    save_tensors(weights, {name: value.cpu().contiguous() for name, value in state.ema.items()})
    write_json(
        cell.folder / "provenance.json",
        {
            "cell": cell.name,
            "config_digest": cell.digest(),
            "data_digest": prepared.data_digest,
            "tokenizer": prepared.tokenizer,
            "parameters": count_parameters(prepared.model.model),
            "training_clips": len(clips),
            **({} if (counts := clips.counts()) is None else {"training_files": vars(counts)}),
            "steps": cell.train.steps,
            "train_seconds": train_seconds(cell.folder, report.seconds),
            "processes": ranks.world(),
            **({"stacked": stacked} if stacked > 1 else {}),
            "compiled": report.compiled,
            "precision": resolve_precision(cell.train.precision, ranks.device()),
            "seeds": {"training": cell.seed, "data": cell.training_draw, "tokenizer": cell.tokenizer.seed},
            "weights_sha256": sha256_file(weights),
            **provenance(),
        },
    )


def cell_latents(
    cell: CellConfig,
    model: CellModel,
    clips: TrainingClips,
    data_digest: str,
    known: dict[str, Any],
) -> EncodedClips | LatentCache:
    """The training clips' latents: stored once where the tokenizer costs something, encoded at every use otherwise."""
    source = with_mirrored(cell, clips)
    if not isinstance(model.tokenizer, VideoVAE):
        return EncodedClips(source, model.codec.encode, model.codec.encode_condition)
    identity: dict[str, object] = {
        "data": data_digest,
        "rendering": [cell.data.resolution, cell.data.method],
        "tokenizer": known["digest"],
        "num_frames": cell.data.num_frames,
        "flips": mirrored(cell),
        "condition": cell.data.condition,
    }
    return LatentCache(
        Path(cell.runs) / "latents",
        source,
        model.codec.encode,
        model.codec.encode_condition,
        (model.tokenizer.channels, *model.shape),
        cell.data.num_cond_frames,
        identity,
        cell.data.latent_dtype,
        Path(os.path.expandvars(cell.scratch)) if cell.scratch else None,
        ranks.say,
    )


def prepare_cell(cell: CellConfig, latents: bool = True) -> None:
    """Train the cell's tokenizer, and store the latents of its training set; what is there already is kept. A reference
    agent has neither."""
    check_scale(cell)
    if cell.model.agent:
        return
    ranks.join()
    check_devices()
    use_machine(cell.machine)
    tokenizer, known = prepare_tokenizer(cell)
    if latents:
        clips, model = training_clips(cell), CellModel(cell, tokenizer)
        cell_latents(cell, model, clips, clips.digest(), known)
        model.state.prepare()


def train_seconds(folder: Path, last: float) -> float:
    """Wall time over all calls, from the log: steps / rate; the last call's own time if it did everything."""
    unique = {}
    for line in (folder / "train.jsonl").read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError, KeyError, TypeError):  # a killed call may leave half a line
            record = json.loads(line)
            unique[record["step"]] = record["steps_per_s"]
    previous, total = 0, 0.0
    for step in sorted(unique):
        total += (step - previous) / unique[step]
        previous = step
    return round(max(total, last), 1)
