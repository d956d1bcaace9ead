"""The video diffusion transformer: spacetime patches, full attention, 3D RoPE, adaLN-single.

adaLN-single (one shared modulation MLP, a small table per block) is inferred, not stated: it alone gives the four
sizes the paper publishes. Shapes: B batch, C channels, T H W latent frames, rows, columns; N tokens, D width.

A model of modality numbers or text (paper A.5.1) is also told the initial state: K numbers, embedded and added to the
tokens before every block, or L text embeddings that a cross-attention in every block reads. Both parts start as zero
and are made last, so from one seed it starts as the vision model does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from physlaw.errors import UserError
from physlaw.models.config import ModelConfig
from physlaw.models.rope import attention, rope_table
from physlaw.models.state import NUMBER_FREQUENCIES, CrossAttention, number_features, xavier

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
    """Attention and MLP, each shifted, scaled and gated by the shared modulation plus this block's table.

    In a text model a cross-attention stands between the two, and forward takes what it reads as well.
    """

    kernel = "auto"  # of self-attention; see rope.attention

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.hidden_size, int(config.hidden_size * config.mlp_ratio)
        self.num_heads = config.num_heads
        self.cross: CrossAttention | None = None
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width))
        self.table = nn.Parameter(torch.zeros(6, width))

    def forward(self, x: Tensor, modulation: Tensor, cos: Tensor, sin: Tensor, *text: Tensor) -> Tensor:
        parts = (self.table + modulation).unsqueeze(2).unbind(1)  # six of (B, 1, D)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = parts
        qkv = self.qkv(modulate(self.norm1(x), shift_a, scale_a))  # (B, N, 3 D)
        q, k, v = qkv.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, N, head_dim)
        mixed = attention(q, k, v, cos, sin, self.kernel).transpose(1, 2).flatten(2)  # (B, N, D)
        x = x + gate_a * self.proj(mixed)
        if self.cross is not None:
            x = x + self.cross(x, *text)
        return x + gate_m * self.mlp(modulate(self.norm2(x), shift_m, scale_m))


class DiT(nn.Module):
    """model(x_t, t, cond, mask, extra, extra_mask) -> prediction of x_t's shape.

    Args:
        latent_channels: C of the latents; the input has 2 C + 1 channels (noise, condition, mask).
        latent_shape: (T, H, W) of the latents, divisible by the patch size.
        num_numbers: K, how many numbers tell the initial state; only modality numbers uses it.
    Raises:
        UserError: the latent shape is not a multiple of the patch size, or modality numbers has no number; on use,
            extra or extra_mask does not fit the modality.
    """

    cos: Tensor
    sin: Tensor
    places: Tensor | None  # sinusoids of the tokens' places, where they are added
    recompute = False  # blocks are computed again in the backward pass, to save memory
    watch: Callable[[int, Tensor], None] | None = None  # is shown the tokens (B, N, D): 0 before the blocks, k after k

    def __init__(
        self,
        config: ModelConfig,
        latent_channels: int,
        latent_shape: tuple[int, int, int],
        num_numbers: int = 0,
    ) -> None:
        super().__init__()
        if config.modality == "numbers" and num_numbers < 1:
            raise UserError(f"model.modality=numbers needs num_numbers of at least 1, got {num_numbers}")
        if any(n % p for n, p in zip(latent_shape, config.patch_size, strict=True)):
            raise UserError(
                f"latents of {list(latent_shape)} (frames, rows, columns) do not divide into patches "
                f"of {list(config.patch_size)}; choose model.patch_size to divide them"
            )
        self.config, self.latent_channels, self.num_numbers = config, latent_channels, num_numbers
        self.grid = tuple(n // p for n, p in zip(latent_shape, config.patch_size, strict=True))
        width, volume = config.hidden_size, math.prod(config.patch_size)
        self.embed = nn.Linear((2 * latent_channels + 1) * volume, width)
        self.time = nn.Sequential(nn.Linear(FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(DiTBlock(config) for _ in range(config.depth))
        self.final_norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.final_table = nn.Parameter(torch.zeros(2, width))
        hidden = round(config.head_ratio * width)
        self.head = nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh")) if hidden else nn.Identity()
        self.final = nn.Linear(hidden or width, latent_channels * volume)
        cos, sin = rope_table((self.grid[0], self.grid[1], self.grid[2]), width // config.num_heads)
        places: Tensor | None = None
        if config.positions == "added":
            places = torch.cat(rope_table((self.grid[0], self.grid[1], self.grid[2]), width), dim=-1)  # (N, D)
            cos, sin = torch.ones_like(cos), torch.zeros_like(sin)  # no rotation
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialize_weights()
        if config.modality == "numbers":
            self.add_numbers()
        elif config.modality == "text":
            self.add_text()

    def initialize_weights(self) -> None:
        xavier(self)
        for name, parameter in self.time.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(parameter, std=0.02)
        nn.init.zeros_(
            self.modulation.get_parameter("1.weight")
        )  # every gate starts at zero: blocks are the identity (adaLN-Zero)
        nn.init.zeros_(self.final.weight)  # the whole model starts at zero output

    def attend_by(self, kernel: str) -> None:
        """Have every block's self-attention done by a kernel; see rope.attention."""
        for block in self.blocks:
            assert isinstance(block, DiTBlock)
            block.kernel = kernel

    def add_numbers(self) -> None:
        features, width = self.num_numbers * NUMBER_FREQUENCIES, self.config.hidden_size
        last = nn.Linear(width, width)
        self.numbers = nn.Sequential(nn.Linear(features, width), nn.SiLU(), last)
        xavier(self.numbers)
        nn.init.zeros_(last.weight)

    def add_text(self) -> None:
        """One projection of the text for all blocks, as in PixArt-alpha (arXiv 2310.00426)."""
        dim, width = self.config.text_dim, self.config.hidden_size
        self.text = nn.Sequential(nn.Linear(dim, width), nn.GELU(approximate="tanh"), nn.Linear(width, width))
        xavier(self.text)
        for block in self.blocks:
            cross = CrossAttention(self.config)
            xavier(cross)
            nn.init.zeros_(cross.proj.weight)
            block.cross = cross

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

    def check_extra(self, batch: int, extra: Tensor | None, extra_mask: Tensor | None) -> None:
        """Raises UserError, with both shapes, for anything but what the modality takes."""
        modality = self.config.modality
        shapes = [None if given is None else list(given.shape) for given in (extra, extra_mask)]
        length = extra.shape[1] if extra is not None and extra.ndim == 3 else "L"
        valid: dict[str, list[object]] = {
            "vision": [None, None],
            "numbers": [[batch, self.num_numbers], None],
            "text": [[batch, length, self.config.text_dim], [batch, length]],
        }
        if shapes != valid[modality]:
            wanted, found = (" and ".join(map(str, pair)) for pair in (valid[modality], shapes))
            raise UserError(
                f"a model of modality {modality} takes extra and extra_mask of shapes {wanted}; got {found}"
            )
        if extra_mask is not None and extra_mask.dtype != torch.bool:
            raise UserError(f"extra_mask must be bool, true at real tokens; got {extra_mask.dtype}")

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        cond: Tensor,
        mask: Tensor,
        extra: Tensor | None = None,
        extra_mask: Tensor | None = None,
    ) -> Tensor:
        """x_t, cond: (B, C, T, H, W); t: (B,) in [0, 1]; mask: (B, 1, T, H, W) -> (B, C, T, H, W).

        extra: the initial state. numbers: (B, K), scaled to [0, 1] in distribution. text: (B, L, text_dim) embeddings,
        with extra_mask (B, L) true at real tokens and false at padding. vision: none.
        """
        self.check_extra(len(x_t), extra, extra_mask)
        numbers: Tensor | None = None
        text: tuple[Tensor, ...] = ()
        if extra is not None and extra_mask is not None:
            text = (self.text(extra.masked_fill(~extra_mask[..., None], 0.0)), extra_mask)  # (B, L, D), (B, L)
        elif extra is not None:
            numbers = self.numbers(number_features(extra))[:, None]  # (B, 1, D)
        x = self.embed(self.patchify(torch.cat([x_t, cond, mask], dim=1)))  # (B, N, D)
        x = x if self.places is None else x + self.places
        time = self.time(timestep_features(t))  # (B, D)
        modulation = self.modulation(time).unflatten(-1, (6, -1))  # (B, 6, D)
        recompute = self.recompute and torch.is_grad_enabled()
        if self.watch is not None:
            self.watch(0, x)
        for layer, block in enumerate(self.blocks, 1):
            x = x if numbers is None else x + numbers
            arguments = (x, modulation, self.cos, self.sin, *text)
            x = checkpoint(block, *arguments, use_reentrant=False) if recompute else block(*arguments)  # (B, N, D)
            if self.watch is not None:
                self.watch(layer, x)
        shift, scale = (self.final_table + time[:, None]).unsqueeze(2).unbind(1)  # (B, 1, D) each
        return self.unpatchify(self.final(self.head(modulate(self.final_norm(x), shift, scale))))


def count_parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
