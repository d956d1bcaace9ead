"""Deterministic samplers: from noise at t = 1 to data at t = 0 in a given number of denoising steps.

One update serves both objectives: estimate (x0, noise) at the current time and recombine them at the next. For the
variance-preserving path with trailing spacing that is DDIM (Song et al. 2021; spacing: Lin et al. 2023, which zero
terminal signal-to-noise requires); for the straight path it is Euler's method for dx/dt = noise - x0.
"""

from itertools import pairwise

import torch
from torch import Tensor

from physlaw.diffusion.objective import Denoiser, Objective
from physlaw.errors import UserError


def denoise_times(objective: Objective, denoise_steps: int) -> Tensor:
    """(denoise_steps + 1,) times from 1 to 0; trailing spacing: the first step is at t = 1 exactly.

    Raises:
        UserError: denoise_steps is not in 1 .. num_timesteps.
    """
    timesteps = objective.config.num_timesteps
    if not 1 <= denoise_steps <= timesteps:
        raise UserError(f"denoise_steps must be 1 to {timesteps}, got {denoise_steps}")
    times = torch.linspace(1, 0, denoise_steps + 1, dtype=torch.float64)
    return (times * timesteps).round() / timesteps if objective.discrete else times


@torch.no_grad()
def sample(denoiser: Denoiser, objective: Objective, noise: Tensor, denoise_steps: int) -> Tensor:
    """Draw samples.

    Args:
        denoiser: (x_t (B, ...), t (B,)) -> prediction (B, ...).
        noise: (B, ...) standard normal.
    Returns:
        (B, ...) samples, float32.
    """
    times = denoise_times(objective, denoise_steps).to(noise.device)
    x = torch.zeros_like(noise, dtype=torch.float32) if objective.noiseless else noise.float()
    for now, following in pairwise(times):
        t, t_next = (value.float().expand(len(x)) for value in (now, following))
        x0, epsilon = objective.to_clean(denoiser(x, t).float(), x, t)
        x = objective.add_noise(x0, epsilon, t_next)
    return x
