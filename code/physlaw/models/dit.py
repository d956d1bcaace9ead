"""The video diffusion transformer: spacetime patches, full attention, 3D RoPE, adaLN-single.

adaLN-single (one shared modulation MLP, a small table per block) is inferred, not stated: it alone gives the four
sizes the paper publishes. Shapes: B batch, C channels, T H W latent frames, rows, columns; N tokens, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from physlaw.errors import UserError
from physlaw.models.config import ModelConfig
from physlaw.models.rope import attention, rope_table

FREQUENCIES = 256  # sinusoids of the diffusion time


def timestep_features(t: Tensor, dims: int = FREQUENCIES, max_period: float = 10_000.0) -> Tensor:
    """(B,) diffusion times in [0, 1] -> (B, dims) sinusoids; times are scaled by 1000 as in DDPM."""
    frequencies = torch.exp(-math.log(max_period) * torch.arange(dims // 2, device=t.device) / (dims // 2))
    angles = 1000.0 * t.float()[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """(B, N, D) with shift and scale (B, 1, D)."""
    return x * (1 + scale) + shift


class DiTBlock(nn.Module):
    """Attention and MLP, each shifted, scaled and gated by the shared modulation plus this block's table."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.hidden_size, int(config.hidden_size * config.mlp_ratio)
        self.num_heads = config.num_heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width))
        self.table = nn.Parameter(torch.zeros(6, width))

    def forward(self, x: Tensor, modulation: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        parts = (self.table + modulation).unsqueeze(2).unbind(1)  # six of (B, 1, D)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = parts
        qkv = self.qkv(modulate(self.norm1(x), shift_a, scale_a))  # (B, N, 3 D)
        q, k, v = qkv.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, N, head_dim)
        mixed = attention(q, k, v, cos, sin).transpose(1, 2).flatten(2)  # (B, N, D)
        x = x + gate_a * self.proj(mixed)
        return x + gate_m * self.mlp(modulate(self.norm2(x), shift_m, scale_m))


class DiT(nn.Module):
    """model(x_t, t, cond, mask) -> prediction of x_t's shape.

    Args:
        latent_channels: C of the latents; the input has 2 C + 1 channels (noise, condition, mask).
        latent_shape: (T, H, W) of the latents, divisible by the patch size.
    Raises:
        UserError: the latent shape is not a multiple of the patch size.
    """

    cos: Tensor
    sin: Tensor
    recompute = False  # blocks are computed again in the backward pass, to save memory

    def __init__(self, config: ModelConfig, latent_channels: int, latent_shape: tuple[int, int, int]) -> None:
        super().__init__()
        if any(n % p for n, p in zip(latent_shape, config.patch_size, strict=True)):
            raise UserError(
                f"latents of {list(latent_shape)} (frames, rows, columns) do not divide into patches "
                f"of {list(config.patch_size)}; choose model.patch_size to divide them"
            )
        self.config, self.latent_channels = config, latent_channels
        self.grid = tuple(n // p for n, p in zip(latent_shape, config.patch_size, strict=True))
        width, volume = config.hidden_size, math.prod(config.patch_size)
        self.embed = nn.Linear((2 * latent_channels + 1) * volume, width)
        self.time = nn.Sequential(nn.Linear(FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(DiTBlock(config) for _ in range(config.depth))
        self.final_norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.final_table = nn.Parameter(torch.zeros(2, width))
        self.final = nn.Linear(width, latent_channels * volume)
        cos, sin = rope_table((self.grid[0], self.grid[1], self.grid[2]), width // config.num_heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialize_weights()

    def initialize_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for name, parameter in self.time.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(parameter, std=0.02)
        nn.init.zeros_(
            self.modulation.get_parameter("1.weight")
        )  # every gate starts at zero: blocks are the identity (adaLN-Zero)
        nn.init.zeros_(self.final.weight)  # the whole model starts at zero output

    def patchify(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, N, C * patch volume)."""
        (t, h, w), (pt, ph, pw) = self.grid, self.config.patch_size
        x = x.reshape(len(x), x.shape[1], t, pt, h, ph, w, pw)
        return x.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(len(x), t * h * w, -1)

    def unpatchify(self, tokens: Tensor) -> Tensor:
        """(B, N, C * patch volume) -> (B, C, T, H, W)."""
        (t, h, w), (pt, ph, pw) = self.grid, self.config.patch_size
        x = tokens.reshape(len(tokens), t, h, w, self.latent_channels, pt, ph, pw)
        return x.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(len(x), self.latent_channels, t * pt, h * ph, w * pw)

    def forward(self, x_t: Tensor, t: Tensor, cond: Tensor, mask: Tensor) -> Tensor:
        """x_t, cond: (B, C, T, H, W); t: (B,) in [0, 1]; mask: (B, 1, T, H, W) -> (B, C, T, H, W)."""
        x = self.embed(self.patchify(torch.cat([x_t, cond, mask], dim=1)))  # (B, N, D)
        time = self.time(timestep_features(t))  # (B, D)
        modulation = self.modulation(time).unflatten(-1, (6, -1))  # (B, 6, D)
        recompute = self.recompute and torch.is_grad_enabled()
        for block in self.blocks:
            arguments = (x, modulation, self.cos, self.sin)
            x = checkpoint(block, *arguments, use_reentrant=False) if recompute else block(*arguments)  # (B, N, D)
        shift, scale = (self.final_table + time[:, None]).unsqueeze(2).unbind(1)  # (B, 1, D) each
        return self.unpatchify(self.final(modulate(self.final_norm(x), shift, scale)))


def count_parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
