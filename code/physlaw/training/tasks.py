"""The two things that are trained: the diffusion model on latents, and the VAE on random objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from physlaw.data.random_objects import RandomObjectClips
from physlaw.data.video import encode_gif, side_by_side
from physlaw.diffusion.noise import counter_generator, sample_noise
from physlaw.diffusion.objective import Objective
from physlaw.diffusion.sampler import sample
from physlaw.models.config import TokenizerConfig
from physlaw.models.tokenizers import Tokenizer, to_frames, to_unit
from physlaw.models.vae import VideoVAE
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


class DiffusionTask:
    """Denoise a clip's latents, given its first frames.

    Args:
        mask: (1, 1, T', H', W').
        seed: the training seed: order of the clips, times and noise.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        latents: LatentSource,
        mask: Tensor,
        tokenizer: Tokenizer,
        batch_size: int,
        seed: int,
    ) -> None:
        self.model: nn.Module = model
        self.objective, self.latents, self.mask = objective, latents, mask
        self.tokenizer, self.batch_size, self.seed = tokenizer, batch_size, seed

    def regions(self) -> list[nn.Module]:
        return list(self.model.get_submodule("blocks").children())

    def _draw(self, sample: int) -> tuple[int, torch.Generator]:
        """Training sample `sample`: its clip, and the generator that its time and its noise come from next."""
        generator = counter_generator("diffusion", self.seed, sample)
        return int(torch.randint(len(self.latents), (), generator=generator)), generator

    def origin(self, step: int) -> dict[str, Any]:
        samples = sample_numbers(step, self.batch_size).tolist()
        return {"samples": [self._draw(k)[0] for k in samples], "generators": ["diffusion", self.seed, samples]}

    def batch(self, step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        drawn = [self._draw(k) for k in sample_numbers(step, self.batch_size)[part].tolist()]
        x0, cond = self.latents.pair(np.array([clip for clip, _ in drawn]))
        t = torch.cat([self.objective.sample_times(1, generator) for _, generator in drawn])
        noise = torch.stack([torch.randn(x0.shape[1:], generator=generator) for _, generator in drawn])
        return {"x0": x0, "cond": cond, "noise": noise, "t": t}

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        x0, noise, t = batch["x0"], batch["noise"], batch["t"]
        x_t = self.objective.add_noise(x0, noise, t)
        prediction = forward(x_t, t, batch["cond"], self.mask.expand(len(x0), -1, -1, -1, -1))
        return {"loss": self.objective.loss(prediction, x0, noise, t).mean()}

    @torch.no_grad()
    def log_clips(self, state: TrainState, writer: SummaryWriter) -> None:
        """Generated clips (moving average weights) beside the true ones."""
        index = np.arange(min(LOGGED_CLIPS, len(self.latents)))
        x0, cond = (v.to(self.mask.device) for v in self.latents.pair(index))
        noise = torch.randn(x0.shape, generator=counter_generator("logged clips", self.seed, 0)).to(x0.device)
        mask = self.mask.expand(len(x0), -1, -1, -1, -1)

        def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
            return torch.func.functional_call(self.model, state.ema, (x_t, t, cond, mask))

        generated = sample(denoiser, self.objective, noise, self.objective.config.denoise_steps)
        pair = [to_frames(self.tokenizer.decode(z.float())) for z in (x0, generated)]
        add_clips(writer, "clips/true_beside_generated", pair, state.step)


class VAETask:
    """Reconstruct random objects in random motion."""

    def __init__(self, model: VideoVAE, clips: RandomObjectClips, config: TokenizerConfig, device: str) -> None:
        self.model, self.clips, self.config, self.device = _VAELoss(model, config.kl_weight), clips, config, device
        self.vae = model

    @property
    def batch_size(self) -> int:
        return self.config.batch_size

    def regions(self) -> list[nn.Module]:
        return [self.vae.encoder, self.vae.decoder]

    def origin(self, step: int) -> dict[str, Any]:
        samples = sample_numbers(step, self.batch_size).tolist()
        return {"samples": samples, "generators": ["vae", self.config.seed, samples]}

    def batch(self, step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        index = sample_numbers(step, self.batch_size)[part]
        frames = self.clips.clips(index)
        _, length, height, width, _ = frames.shape
        time, space = self.vae.temporal_stride, self.vae.spatial_stride
        shape = (self.vae.channels, length // time, height // space, width // space)
        noise = sample_noise("vae", self.config.seed, index.tolist(), shape)
        return {"frames": torch.from_numpy(frames), "noise": noise}

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = forward(to_unit(batch["frames"], batch["frames"].device), batch["noise"])  # type: ignore[assignment]
        return losses

    @torch.no_grad()
    def log_clips(self, state: TrainState, writer: SummaryWriter) -> None:
        """Reconstructions beside the originals."""
        clips = to_unit(self.clips.clips(np.arange(LOGGED_CLIPS)), self.device)
        pair = [to_frames(c) for c in (clips, self.vae.decode(self.vae.encode(clips)))]
        add_clips(writer, "clips/true_beside_reconstruction", pair, state.step)


class _VAELoss(nn.Module):
    """forward(clips, noise) = the VAE's losses, so that the loop can compile one call."""

    def __init__(self, vae: VideoVAE, kl_weight: float) -> None:
        super().__init__()
        self.vae, self.kl_weight = vae, kl_weight

    def forward(self, clips: Tensor, noise: Tensor) -> dict[str, Tensor]:
        return self.vae.loss(clips, noise, self.kl_weight)


@torch.no_grad()
def latent_statistics(vae: VideoVAE, clips: RandomObjectClips, count: int, device: str) -> tuple[Tensor, Tensor]:
    """Per-channel mean and standard deviation of the posterior means of `count` clips, counted from the far end of
    the supply, which training never reaches."""
    means = []
    for start in range(0, count, 16):
        index = clips.count - 1 - np.arange(start, min(start + 16, count))
        means.append(vae.moments(to_unit(clips.clips(index), device))[0].float())
    values = torch.cat(means).transpose(0, 1).flatten(1)
    return values.mean(dim=1), values.std(dim=1).clamp(min=1e-6)
