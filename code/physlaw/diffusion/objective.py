"""Training objectives: how data is noised, what the model predicts, how the error is weighted.

Three objectives. `v_prediction` (recipe faithful): variance-preserving, zero terminal signal-to-noise ratio, discrete
timesteps, the model predicts v = sqrt(signal) noise - sqrt(1 - signal) x0 (Salimans and Ho 2022).
Paper: prints the two weights of v swapped, and gamma = 1 at t = 1. Here: the standard forms; see DEVIATIONS.md.
`x_prediction` (recipe fast): the straight path x_t = (1 - t) x0 + t noise, the model predicts x0, and the loss is
that of the path's direction (noise - x0), which weights x0's error by 1 / t^2.
`regression`, no diffusion: at t = 1 alone, from zeros instead of noise, the model predicts x0; the loss is its error.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from physlaw.diffusion.config import DiffusionConfig
from physlaw.diffusion.schedule import signal_levels

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> prediction, condition already bound


def _expand(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))


class Objective:
    """Noising, loss and sampling of one configuration."""

    def __init__(self, config: DiffusionConfig) -> None:
        self.config = config
        self.discrete = config.objective == "v_prediction"
        self.noiseless = config.objective == "regression"
        # Index k is timestep k of num_timesteps; index 0 is clean data.
        levels = signal_levels(config.schedule, config.num_timesteps)
        self.signal = torch.cat([torch.ones(1, dtype=torch.float64), levels])

    def sample_times(self, count: int, generator: torch.Generator) -> Tensor:
        """(count,) diffusion times in (0, 1]; multiples of 1 / num_timesteps for v_prediction."""
        config = self.config
        if self.noiseless:
            return torch.ones(count)
        if config.times == "uniform":
            t = torch.rand(count, generator=generator)
        else:
            logit = config.logit_mean + config.logit_std * torch.randn(count, generator=generator)
            t = torch.sigmoid(logit)
            if config.uniform_share:
                uniform = torch.rand(count, 2, generator=generator)
                t = torch.where(uniform[:, 0] < config.uniform_share, uniform[:, 1], t)
        if self.discrete:
            return (torch.floor(t * config.num_timesteps) + 1).clamp(max=config.num_timesteps) / config.num_timesteps
        return t.clamp(min=1e-4)

    def weights(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) times -> (B,) factors of x0 and of the noise in x_t."""
        if not self.discrete:
            return 1 - t, torch.zeros_like(t) if self.noiseless else t
        level = self.signal.to(t.device)[(t * self.config.num_timesteps).round().long()]
        return level.sqrt().to(t.dtype), (1 - level).sqrt().to(t.dtype)

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t for clean data x0 (B, ...) and times t (B,)."""
        signal, spread = self.weights(t)
        return _expand(signal, x0) * x0 + _expand(spread, x0) * noise

    def loss(self, prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """(B,) mean squared error per sample, in float32."""
        if self.discrete:
            signal, spread = self.weights(t)
            target = _expand(signal, x0) * noise - _expand(spread, x0) * x0
            return (prediction.float() - target).square().flatten(1).mean(dim=1)
        error = (prediction.float() - x0).square().flatten(1).mean(dim=1)
        return error / t.clamp(min=self.config.min_time).square()

    def to_clean(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The model's estimates of x0 and of the noise, both (B, ...)."""
        signal, spread = (_expand(w, x_t) for w in self.weights(t))
        if self.discrete:
            return signal * x_t - spread * prediction, spread * x_t + signal * prediction
        if self.noiseless:
            return prediction, torch.zeros_like(prediction)
        return prediction, (x_t - signal * prediction) / spread
