"""What a cell's model is told of the initial state besides the first frames: nothing, numbers, or embedded sentences.

Sentences are embedded once, into memory-mapped files beside the latents; a finished file needs no text encoder.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.cell.data import training_clips
from physlaw.config import CellConfig, digest_of
from physlaw.data.ball_world import scenes_of
from physlaw.data.latents import LatentStore
from physlaw.data.released import ClipFile
from physlaw.errors import UserError
from physlaw.models.text import TextEncoder, build_text_encoder
from physlaw.studies import registry
from physlaw.training import ranks
from physlaw.worlds import laws
from physlaw.worlds.describe import sentences, state_numbers
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, eval_scenes

Index = NDArray[np.int64]
TRAINING = "training"


class Sentences:
    """A scene set's sentences by number, as a source of what is embedded."""

    def __init__(self, scenes: SceneSet | ClipFile) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def clips(self, index: Index) -> list[str]:
        """(N,) numbers -> N sentences."""
        return sentences(self.scenes.scenario, self.scenes.init(index))


class InitialState:
    """initial_state(set name, numbers) -> the arguments that the model takes besides the frames.

    Set names: "training", or an evaluation block's.
    """

    def __init__(self, cell: CellConfig) -> None:
        self.cell, self.modality = cell, cell.model.modality
        self._stores: dict[str, LatentStore] = {}

    @property
    def scenario(self) -> Scenario:
        """The cell's, of one or two balls."""
        return registry.scenario(self.cell.scenario)

    @property
    def count(self) -> int:
        """How many numbers tell the state."""
        return len(self.scenario.factors) if self.modality == "numbers" else 0

    def __call__(self, name: str, index: Index) -> dict[str, Tensor]:
        """{} for vision; {"extra": (N, K)} for numbers; {"extra": (N, L, dim), "extra_mask": (N, L)} for text."""
        if self.modality == "numbers":
            scenes = self._scenes(name)
            return {"extra": torch.from_numpy(state_numbers(scenes.scenario, scenes.init(index)))}
        if self.modality == "text":
            embedded = self._store(name)(index)[:, 0, 0]
            return {"extra": embedded, "extra_mask": embedded.any(dim=2)}  # padding is zero
        return {}

    def prepare(self) -> None:
        """Embed the sentences of the training set and of every evaluation block."""
        if self.modality == "text":
            blocks = self.scenario.eval_blocks(self.cell.eval.blocks)
            for name in (TRAINING, *(block.name for block in blocks.values() if len(block.grid))):
                self._store(name)

    def _scenes(self, name: str) -> SceneSet | ClipFile:
        data = self.cell.data
        if name != TRAINING:
            return eval_scenes(self.scenario, name, data.seed, laws.as_contact(data.contact), data.placement)
        if not data.files:
            return scenes_of(self.scenario, self.cell.size, data)
        clips = training_clips(self.cell)
        assert isinstance(clips, ClipFile)
        return clips

    @cached_property
    def _encoder(self) -> TextEncoder:
        model = self.cell.model
        encoder = build_text_encoder(model.text_encoder, model.text_dim, model.text_length, ranks.device())
        if model.text_sha256 and encoder.digest != model.text_sha256.lower():
            raise UserError(
                f"{model.text_encoder}: SHA-256 of the encoder is {encoder.digest}, expected {model.text_sha256}"
            )
        return encoder

    def _embed(self, texts: Any) -> Tensor:
        embedded, _ = self._encoder(texts)
        return embedded[:, None, None]

    def _store(self, name: str) -> LatentStore:
        if name not in self._stores:
            model, scenes = self.cell.model, self._scenes(name)
            identity = [model.text_sha256 or model.text_encoder, model.text_dim, model.text_length]
            data = self.cell.data
            identity += [self.cell.scenario, self.cell.size if name == TRAINING else name, data.files, data.placement]
            if name == TRAINING and (data.draw != "fixed" or data.clips):
                identity += [self.cell.training_draw, data.clips]
            folder = Path(self.cell.runs) / "latents" / f"text-{digest_of(identity)[:16]}"
            folder.mkdir(parents=True, exist_ok=True)
            shape = (1, 1, model.text_length, model.text_dim)
            self._stores[name] = LatentStore(folder, name, Sentences(scenes), self._embed, shape, say=ranks.say)
        return self._stores[name]
