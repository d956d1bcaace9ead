"""A cell's model as functions of frames."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.cell.state import InitialState
from physlaw.config import CellConfig
from physlaw.data.clips import ClipSource
from physlaw.diffusion.noise import sample_noise
from physlaw.diffusion.objective import Denoiser, Objective
from physlaw.diffusion.sampler import sample
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.codec import Codec
from physlaw.models.dit import DiT
from physlaw.models.tokenizers import (
    Tokenizer,
    condition_mask,
    encode_condition,
    latent_shape,
    to_frames,
    to_unit,
)
from physlaw.models.vae import VideoVAE
from physlaw.training import ranks
from physlaw.training.compiling import compile_model
from physlaw.training.precision import autocast

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]
CLIPS_AT_ONCE = 8  # through a VAE: a wide one's activations at 128 x 128 take gigabytes each


class FrameCodec:
    """A tokenizer as functions of frames (N, T, W, W, 3) uint8, a few clips at a time."""

    def __init__(self, tokenizer: Tokenizer, num_cond_frames: int, held: bool = False) -> None:
        self.tokenizer, self.num_cond_frames, self.held = tokenizer, num_cond_frames, held
        self.at_once = CLIPS_AT_ONCE if isinstance(tokenizer, VideoVAE) else sys.maxsize

    @torch.no_grad()
    def encode(self, frames: Frames | Tensor) -> Tensor:
        """Latents (N, C, T', H', W')."""
        return torch.cat([self.tokenizer.encode(clips) for clips in self._parts(frames)])

    @torch.no_grad()
    def encode_condition(self, frames: Frames | Tensor) -> Tensor:
        """Latents of what the condition frames show."""
        parts = self._parts(frames)
        return torch.cat([encode_condition(self.tokenizer, clips, self.num_cond_frames, self.held) for clips in parts])

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Frames:
        """The reverse of encode."""
        return np.concatenate([to_frames(self.tokenizer.decode(part)) for part in latents.split(self.at_once)])

    def reconstruct(self, frames: Frames | Tensor) -> Frames:
        """The tokenizer alone."""
        return self.decode(self.encode(frames))

    def _parts(self, frames: Frames | Tensor) -> list[Tensor]:
        starts = range(0, len(frames), self.at_once)
        return [to_unit(frames[start : start + self.at_once], ranks.device()) for start in starts]


class CellModel:
    """A cell's model, with initial weights until others are loaded."""

    def __init__(self, cell: CellConfig, tokenizer: Tokenizer) -> None:
        self.cell, self.tokenizer = cell, tokenizer
        data = cell.data
        self.relative = data.condition == "held"
        self.codec = FrameCodec(tokenizer, data.num_cond_frames, self.relative)
        self.shape = latent_shape(tokenizer, data.num_frames, data.resolution)
        self.mask = condition_mask(tokenizer, self.shape, data.num_cond_frames).to(ranks.device())
        self.objective = Objective(cell.diffusion)
        torch.manual_seed(cell.seed)
        self.state = InitialState(cell)
        self.model = DiT(cell.model, tokenizer.channels, self.shape, self.state.count).to(ranks.device())
        self.model.recompute = cell.machine.activation_checkpointing
        self.model.attend_by(cell.machine.attention)
        self.compiled: bool | None = None  # for sampling; not decided yet

    def _compile_once(self, check: Callable[[], Tensor]) -> None:
        """Compile the blocks for sampling: on a GPU, or where machine.compile says so."""
        if self.compiled is None:
            how = self.cell.machine.compile
            how = ("blocks" if ranks.device() == "cuda" else "off") if how == "auto" else how
            with ranks.apart():  # one process evaluates; nobody else is there to agree
                self.compiled = compile_model(self.model, list(self.model.blocks), how, check)

    def evaluation(self, training: Callable[[], ClipSource]) -> Evaluation:
        """This model for studies to score, with where its training clips come from."""
        codec = Codec(
            self.generate,
            self.codec.reconstruct,
            lambda frames: self.codec.encode(frames).cpu().numpy(),
            lambda frames: self.codec.encode_condition(frames).cpu().numpy(),
            ranks.device(),
            self.hidden,
        )
        return Evaluation(codec, self.cell, training, ranks.say)

    @torch.no_grad()
    def generate(
        self, frames: Frames, name: str, index: Index, steps: int | None = None, seed: int | None = None
    ) -> Frames:
        """Continue each clip from its condition frames; frame k of the result stands for frame k of the clip.

        Args:
            name, index: what the noise of a clip belongs to: a block, and the numbers of its scenes. A model that
                is told the initial state is told theirs.
            steps, seed: of denoising and of the noise, if not the cell's own.
        """
        seed = self.cell.seed if seed is None else seed
        denoiser, noise, condition = self._sampling(frames, name, index, seed, self.model)
        self._compile_once(lambda: denoiser(noise, torch.ones(len(noise), device=noise.device)))
        drawn = sample(denoiser, self.objective, noise, steps or self.cell.diffusion.denoise_steps)
        return self.codec.decode(drawn + condition if self.relative else drawn)

    @torch.no_grad()
    def hidden(self, frames: Frames, name: str, index: Index, steps: Sequence[int]) -> NDArray[np.float32]:
        """Hidden tokens while `generate` draws the same clips; see Codec.hidden."""
        # forward, not the call: a model that is compiled as a whole would not show its tokens.
        denoiser, noise, _ = self._sampling(frames, name, index, self.cell.seed, self.model.forward)
        seen: list[list[Tensor]] = []

        def watch(layer: int, tokens: Tensor) -> None:
            seen[-1].append(tokens.float().unflatten(1, (self.model.grid[0], -1)).mean(dim=2).cpu())

        def watched(x_t: Tensor, t: Tensor) -> Tensor:
            seen.append([])
            return denoiser(x_t, t)

        self.model.watch = watch
        try:
            sample(watched, self.objective, noise, self.cell.diffusion.denoise_steps)
        finally:
            self.model.watch = None
        return torch.stack([torch.stack(seen[step], dim=1) for step in steps], dim=1).numpy()

    def _sampling(
        self, frames: Frames, name: str, index: Index, seed: int, call: Callable[..., Tensor]
    ) -> tuple[Denoiser, Tensor, Tensor]:
        """What denoises these clips, the noise to start from, and the condition's latents. call: the model."""
        condition = self.codec.encode_condition(frames)
        latent = (self.tokenizer.channels, *self.shape)
        noise = sample_noise(f"generate {name}", seed, index.tolist(), latent).to(ranks.device())
        mask = self.mask.expand(len(frames), -1, -1, -1, -1)
        told = {key: value.to(ranks.device()) for key, value in self.state(name, index).items()}

        def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
            with autocast(self.cell.train.precision, ranks.device()):
                return call(x_t, t, condition, mask, **told)

        self.model.eval()
        return denoiser, noise, condition
