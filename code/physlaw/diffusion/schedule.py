"""Variance-preserving schedules with zero terminal signal-to-noise ratio.

x_t = sqrt(signal) x0 + sqrt(1 - signal) noise, where `signal` is alpha-bar, 1 at t = 0 and exactly 0 at t = 1.
"""

import torch
from torch import Tensor

from physlaw.diffusion.config import SCHEDULES
from physlaw.errors import unknown


def signal_levels(name: str, num_timesteps: int) -> Tensor:
    """(num_timesteps,) float64 alpha-bar of timesteps 1 .. num_timesteps, rescaled so that the last is exactly 0.

    "linear": betas 1e-4 to 0.02 over 1000 steps (Ho et al. 2020); "scaled_linear": squares of evenly spaced square
    roots, 0.00085 to 0.012 (latent diffusion); "cosine": Nichol and Dhariwal 2021. Rescaling: Lin et al. 2023
    (arXiv 2305.08891), algorithm 1: sqrt(alpha-bar) is shifted to end at 0 and scaled to keep its first value.
    """
    scale = 1000 / num_timesteps
    if name == "linear":
        betas = torch.linspace(1e-4 * scale, 0.02 * scale, num_timesteps, dtype=torch.float64)
    elif name == "scaled_linear":
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, num_timesteps, dtype=torch.float64) ** 2 * scale
    elif name == "cosine":
        steps = torch.arange(num_timesteps + 1, dtype=torch.float64) / num_timesteps
        level = torch.cos((steps + 0.008) / 1.008 * torch.pi / 2) ** 2
        betas = (1 - level[1:] / level[:-1]).clamp(max=0.999)
    else:
        raise unknown("noise schedule", name, SCHEDULES)
    root = torch.cumprod(1 - betas.clamp(max=0.999), dim=0).sqrt()
    first, last = root[0].clone(), root[-1].clone()
    root = (root - last) * first / (first - last)
    return root**2
