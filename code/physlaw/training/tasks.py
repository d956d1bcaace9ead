"""Training the diffusion model on latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from physlaw.data.video import encode_gif, side_by_side
from physlaw.diffusion.noise import counter_generator
from physlaw.diffusion.objective import Objective
from physlaw.diffusion.sampler import sample
from physlaw.models.tokenizers import Tokenizer, to_frames
from physlaw.training.state import TrainState

LOGGED_CLIPS = 4


def add_clips(writer: SummaryWriter, tag: str, sources: list[NDArray[np.uint8]], step: int) -> None:
    """Animations of clip k of every source, (N, T, W, W, 3) uint8 each, side by side, as TensorBoard images."""
    for k, clips in enumerate(zip(*sources, strict=True)):
        frames = side_by_side(list(clips))
        image = Summary.Image(
            height=frames.shape[1], width=frames.shape[2], colorspace=3, encoded_image_string=encode_gif(frames)
        )
        summary = Summary(value=[Summary.Value(tag=f"{tag}/{k}", image=image)])
        writer._get_file_writer().add_summary(summary, step)


class LatentSource(Protocol):
    """Latents of a training set by clip number."""

    def __len__(self) -> int: ...

    def pair(self, index: np.ndarray) -> tuple[Tensor, Tensor]:
        """(N,) numbers -> latents and condition latents, each (N, C, T', H', W') float32."""
        ...


def sample_numbers(step: int, batch_size: int) -> NDArray[np.int64]:
    """The training samples of a step. Every sample has its own clip, time and noise, whatever the batch it is in."""
    return step * batch_size + np.arange(batch_size)


def drawn_pair(latents: LatentSource, clips: NDArray[np.int64], relative: bool) -> tuple[Tensor, Tensor]:
    """(N,) clip numbers -> what the model draws of them, and their condition."""
    whole, cond = latents.pair(clips)
    return (whole - cond if relative else whole), cond


class DiffusionTask:
    """Denoise a clip's latents, given its first frames.

    Args:
        mask: (1, 1, T', H', W').
        seed: the training seed: order of the clips, times and noise.
        state: clip numbers -> what the model takes besides the frames (see cell.state); nothing by default.
        relative: the model draws what differs from the condition latents.
    """

    # So many arguments: all that a task is made of, named at its one call and never passed on.
    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        latents: LatentSource,
        mask: Tensor,
        tokenizer: Tokenizer,
        batch_size: int,
        seed: int,
        state: Callable[[NDArray[np.int64]], dict[str, Tensor]] = lambda index: {},
        relative: bool = False,
    ) -> None:
        self.model: nn.Module = model
        self.objective, self.latents, self.mask = objective, latents, mask
        self.tokenizer, self.batch_size, self.seed, self.state = tokenizer, batch_size, seed, state
        self.relative = relative

    def regions(self) -> list[nn.Module]:
        return list(self.model.get_submodule("blocks").children())

    def draw(self, sample: int) -> tuple[int, torch.Generator]:
        """Training sample `sample`: its clip, and the generator that its time and its noise come from next."""
        generator = counter_generator("diffusion", self.seed, sample)
        return int(torch.randint(len(self.latents), (), generator=generator)), generator

    def times(self, generator: torch.Generator) -> Tensor:
        """A training sample's diffusion time (1,)."""
        return self.objective.sample_times(1, generator)

    def _pair(self, clips: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """What is drawn, and the condition."""
        return drawn_pair(self.latents, clips, self.relative)

    def origin(self, step: int) -> dict[str, Any]:
        samples = sample_numbers(step, self.batch_size).tolist()
        return {"samples": [self.draw(k)[0] for k in samples], "generators": ["diffusion", self.seed, samples]}

    def batch(self, step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        drawn = [self.draw(k) for k in sample_numbers(step, self.batch_size)[part].tolist()]
        clips = np.array([clip for clip, _ in drawn])
        x0, cond = self._pair(clips)
        t = torch.cat([self.times(generator) for _, generator in drawn])
        noise = torch.stack([torch.randn(x0.shape[1:], generator=generator) for _, generator in drawn])
        return {"x0": x0, "cond": cond, "noise": noise, "t": t, **self.state(clips)}

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        x0, noise, t = batch["x0"], batch["noise"], batch["t"]
        x_t = self.objective.add_noise(x0, noise, t)
        mask = self.mask.expand(len(x0), -1, -1, -1, -1)
        prediction = forward(x_t, t, batch["cond"], mask, batch.get("extra"), batch.get("extra_mask"))
        return {"loss": self.objective.loss(prediction, x0, noise, t).mean()}

    @torch.no_grad()
    def log_clips(self, state: TrainState, writer: SummaryWriter) -> None:
        """Generated clips (moving average weights) beside the true ones."""
        index = np.arange(min(LOGGED_CLIPS, len(self.latents)))
        x0, cond = (v.to(self.mask.device) for v in self._pair(index))
        noise = torch.randn(x0.shape, generator=counter_generator("logged clips", self.seed, 0)).to(x0.device)
        mask = self.mask.expand(len(x0), -1, -1, -1, -1)
        told = {name: value.to(x0.device) for name, value in self.state(index).items()}

        def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
            return torch.func.functional_call(self.model, state.ema, (x_t, t, cond, mask), told)

        generated = sample(denoiser, self.objective, noise, self.objective.config.denoise_steps)
        base = cond if self.relative else torch.zeros_like(cond)
        pair = [to_frames(self.tokenizer.decode(z.float() + base)) for z in (x0, generated)]
        add_clips(writer, "clips/true_beside_generated", pair, state.step)
