"""Training the tokenizer: reconstruct random scenes, with critics and a perceptual term where configured.

Paper, appendix: 2D and 3D PatchGAN critics beside reconstruction and KL. Every term is a mean over clips of a value
that depends on the clip alone, so that batch, parts and processes do not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from physlaw.data.clips import ClipSource
from physlaw.diffusion.noise import sample_noise
from physlaw.models.config import TokenizerConfig
from physlaw.models.discriminators import Adversary
from physlaw.models.lpips import LPIPS
from physlaw.models.tokenizers import to_frames, to_unit
from physlaw.models.vae import VideoVAE
from physlaw.training.state import TrainState
from physlaw.training.tasks import LOGGED_CLIPS, add_clips, sample_numbers


class VAELosses(nn.Module):
    """forward(clips, noise, listening) = losses: all that the optimiser changes, in one module.

    The generator's and the critics' losses are added: neither has a gradient for the other's weights, so one backward
    pass and one optimiser serve both.
    """

    def __init__(self, vae: VideoVAE, config: TokenizerConfig, device: str) -> None:
        super().__init__()
        self.vae, self.config = vae, config
        adversarial = config.adversarial_weight > 0
        self.adversary = Adversary(config.critic_channels).to(device) if adversarial else None
        # In a tuple: fixed weights are neither trained nor saved.
        file = config.perceptual_file
        self._perceptual = (LPIPS(Path(file), config.perceptual_sha256).to(device),) if file else ()

    def forward(self, clips: Tensor, noise: Tensor, listening: Tensor) -> dict[str, Tensor]:
        """clips (B, 3, T, H, W) in [-1, 1]; noise of the latents' shape, standard normal; listening (B,): 1 where
        the decoder heeds the critics already."""
        config = self.config
        mean, log_variance = self.vae.moments(clips)
        decoded = self.vae.decoder(mean + (0.5 * log_variance).exp() * noise).float()
        # Squared, not absolute: most pixels are background, and the absolute error's optimum is to paint nothing else
        # until the latents say something.
        error = decoded - clips
        reconstruction = error.square().mean()
        kl = 0.5 * (mean.float().square() + log_variance.float().exp() - 1 - log_variance.float()).mean()
        losses = {"reconstruction": reconstruction, "kl": kl}
        total = reconstruction + config.kl_weight * kl
        for distance in self._perceptual:
            pictures = (x.transpose(1, 2).flatten(0, 1) for x in (decoded, clips))
            losses["perceptual"] = distance(*pictures).mean()
            total = total + config.perceptual_weight * losses["perceptual"]
        if self.adversary is not None:
            gradient, value = self.adversary.pull(decoded, 2 * error.detach() / error[0].numel())
            pulled = (decoded * gradient).flatten(1).sum(1) * listening
            losses["adversarial"] = value.mean()
            losses["critic"] = self.adversary.critic_loss(clips, decoded).mean()
            # Its gradient is the critics' pull; its value says nothing.
            pull = config.adversarial_weight * pulled.mean()
            total = total + losses["critic"] + pull - pull.detach()
        return {"loss": total, **losses}


class VAETask:
    """Reconstruct random scenes."""

    def __init__(self, vae: VideoVAE, clips: ClipSource, config: TokenizerConfig, device: str) -> None:
        self.vae, self.clips, self.config = vae, clips, config
        self.model = VAELosses(vae, config, device)

    @property
    def batch_size(self) -> int:
        return self.config.batch_size

    def regions(self) -> list[nn.Module]:
        critics = [] if self.model.adversary is None else [self.model.adversary.frames, self.model.adversary.clips]
        return [self.vae.encoder, self.vae.decoder, *critics]

    def origin(self, step: int) -> dict[str, Any]:
        samples = sample_numbers(step, self.batch_size).tolist()
        return {"samples": samples, "generators": ["vae", self.config.seed, samples]}

    def batch(self, step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        index = sample_numbers(step, self.batch_size)[part]
        frames = torch.as_tensor(self.clips.clips(index))
        _, length, height, width, _ = frames.shape
        time, space = self.vae.temporal_stride, self.vae.spatial_stride
        shape = (self.vae.channels, length // time, height // space, width // space)
        noise = sample_noise("vae", self.config.seed, index.tolist(), shape)
        listening = torch.full((len(index),), float(step >= self.config.adversarial_start))
        return {"frames": frames, "noise": noise, "listening": listening}

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        clips = to_unit(batch["frames"], batch["frames"].device)
        losses: dict[str, Tensor] = forward(clips, batch["noise"], batch["listening"])  # type: ignore[assignment]
        return losses

    @torch.no_grad()
    def log_clips(self, state: TrainState, writer: SummaryWriter) -> None:
        """Reconstructions beside the originals."""
        device = next(self.vae.parameters()).device
        clips = to_unit(self.clips.clips(np.arange(LOGGED_CLIPS)), device)
        pair = [to_frames(c) for c in (clips, self.vae.decode(self.vae.encode(clips)))]
        add_clips(writer, "clips/true_beside_reconstruction", pair, state.step)


@torch.no_grad()
def latent_statistics(vae: VideoVAE, clips: ClipSource, count: int) -> tuple[Tensor, Tensor]:
    """Per-channel mean and standard deviation of the posterior means of `count` clips, counted from the far end of
    the supply, which training never reaches."""
    device = next(vae.parameters()).device
    means = []
    for start in range(0, count, 16):
        index = len(clips) - 1 - np.arange(start, min(start + 16, count))
        means.append(vae.moments(to_unit(clips.clips(index), device))[0].float())
    values = torch.cat(means).transpose(0, 1).flatten(1)
    return values.mean(dim=1), values.std(dim=1).clamp(min=1e-6)
