"""Rotary position embedding over three axes (time, height, width), and attention with it."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from physlaw.models.config import axis_dims

KERNELS = {  # by their names in machine.attention; math: written out below
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
}


def rope_table(grid: tuple[int, int, int], head_dim: int, theta: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of every token's rotation angles.

    Args:
        grid: tokens along (time, height, width); token order is time-major.
    Returns:
        cos, sin: (N, head_dim / 2) with N = product of the grid.
    """
    positions = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float32) for n in grid)).reshape(-1, 3)
    angles = [
        positions[:, axis, None] * theta ** (-torch.arange(0, dims, 2, dtype=torch.float32) / dims)
        for axis, dims in enumerate(axis_dims(head_dim))
    ]
    table = torch.cat(angles, dim=-1)
    return table.cos(), table.sin()


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs (first half, second half) of the last axis: (..., N, head_dim) -> same shape and type."""
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1).to(x.dtype)


def _mix(q: Tensor, k: Tensor, v: Tensor, kernel: str) -> Tensor:
    if kernel == "auto":
        return F.scaled_dot_product_attention(q, k, v)
    if kernel == "math":
        return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(dim=-1).to(v.dtype) @ v
    with sdpa_kernel(KERNELS[kernel]):
        return F.scaled_dot_product_attention(q, k, v)


def attention(q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, kernel: str = "auto") -> Tensor:
    """(B, heads, N, head_dim) queries, keys, values -> the same shape; full attention, q and k rotated.

    kernel: auto; math (plain products, for any device and under vmap); or one of KERNELS, which must be able to do it
        (torch says why where it is not).
    """
    if q.device.type == "cpu":
        # There the backward pass in bfloat16 takes ten times that in float32.
        with torch.autocast("cpu", enabled=False):
            q, k, v = q.float(), k.float(), v.float()
            return _mix(apply_rope(q, cos, sin), apply_rope(k, cos, sin), v, kernel)
    return _mix(apply_rope(q, cos, sin), apply_rope(k, cos, sin), v, kernel)
