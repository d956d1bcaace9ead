"""How a model is told the initial state besides its first frames: as numbers, or as text (paper A.5.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from physlaw.models.config import ModelConfig

NUMBER_FREQUENCIES = 32  # sinusoids of each number of the initial state
LONGEST_PERIOD, SHORTEST_PERIOD = 8.0, 1 / 16


def number_features(values: Tensor) -> Tensor:
    """(B, K) numbers, [0, 1] in distribution -> (B, K * NUMBER_FREQUENCIES) sinusoids, their periods in equal ratios.

    Out-of-distribution values span about -0.6 to 1.9, a third of the longest period, so no two of them look the same;
    the shortest turns by one radian in a hundredth of the in-distribution interval.
    """
    count = NUMBER_FREQUENCIES // 2
    steps = torch.arange(count, device=values.device) / (count - 1)
    frequencies = 2 * math.pi / LONGEST_PERIOD * (LONGEST_PERIOD / SHORTEST_PERIOD) ** steps
    angles = values.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1).flatten(1)


class CrossAttention(nn.Module):
    """Every token reads the text, after a norm; the output projection starts at zero."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.num_heads = config.num_heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, text: Tensor, real: Tensor) -> Tensor:
        """x: (B, N, D); text: (B, L, D); real: (B, L) bool, no padding -> (B, N, D), zero where no token is real."""
        q = self.q(self.norm(x)).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, heads, N, head_dim)
        k, v = self.kv(text).unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, L, head_dim)
        some = real.any(dim=1)[:, None, None]  # (B, 1, 1)
        seen = real[:, None, None] | ~some[:, None]  # (B, 1, 1, L); a softmax over nothing would be NaN
        if x.device.type == "cpu":
            with torch.autocast("cpu", enabled=False):  # as in physlaw.models.rope.attention
                mixed = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=seen)
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.proj(mixed.transpose(1, 2).flatten(2)) * some


def xavier(root: nn.Module) -> None:
    """Every linear layer: Xavier-uniform weight, zero bias."""
    for module in root.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
