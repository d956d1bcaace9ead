"""Configuration of the networks: plain data, no torch, so that a launcher can check it on a bare machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from physlaw.errors import UserError, unknown

KINDS = ("pixels", "vae")


def axis_dims(head_dim: int) -> tuple[int, int, int]:
    """How many of a head's dimensions rotate with time, height and width: even, height = width, sum = head_dim.

    Raises:
        ValueError: head_dim is odd or below 6.
    """
    if head_dim % 2 or head_dim < 6:
        raise ValueError(f"head_dim must be even and at least 6 for 3D RoPE, got {head_dim}")
    spatial = head_dim // 3 // 2 * 2
    return head_dim - 2 * spatial, spatial, spatial


@dataclass
class ModelConfig:
    """A row of the size table (configs/model/*.yaml)."""

    name: str = "dit_s"
    depth: int = 12
    hidden_size: int = 384
    num_heads: int = 6
    patch_size: Tuple[int, int, int] = (1, 2, 2)  # latent frames, rows, columns per token
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        for key in ("depth", "hidden_size", "num_heads", "mlp_ratio"):
            if getattr(self, key) <= 0:
                raise UserError(f"model.{key} must be positive, got {getattr(self, key)}")
        if len(self.patch_size) != 3 or min(self.patch_size) < 1:
            raise UserError(f"model.patch_size must be three positive numbers, got {list(self.patch_size)}")
        if self.hidden_size % self.num_heads:
            raise UserError(
                f"model.hidden_size must be a multiple of model.num_heads, got {self.hidden_size} and {self.num_heads}"
            )
        try:
            axis_dims(self.hidden_size // self.num_heads)
        except ValueError as error:
            raise UserError(f"model.hidden_size / model.num_heads: {error}") from None


@dataclass
class TokenizerConfig:
    """Which tokenizer, and how the VAE is built and trained (configs/tokenizer/*.yaml)."""

    name: str = "vae"
    kind: str = "vae"
    scale: float = 2.0  # pixels only: latent value of full coverage minus that of none
    base_channels: int = 128
    channel_mult: Tuple[int, ...] = (1, 2, 4, 4)
    res_blocks: int = 2
    latent_channels: int = 4
    temporal_levels: int = 2
    kl_weight: float = 1e-6
    steps: int = 100_000
    batch_size: int = 32
    train_frames: int = 16  # length of its training clips; a multiple of the temporal stride
    learning_rate: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("tokenizer kind", self.kind, KINDS)
        if not 0 <= self.temporal_levels < len(self.channel_mult):
            raise UserError(
                f"tokenizer.temporal_levels must be 0 to {len(self.channel_mult) - 1} (the number of halvings of "
                f"space), got {self.temporal_levels}"
            )
        if self.train_frames < 2 or self.train_frames % 2**self.temporal_levels:
            raise UserError(
                f"tokenizer.train_frames must be a multiple of the temporal stride {2**self.temporal_levels}, got "
                f"{self.train_frames}"
            )
        for key in ("scale", "base_channels", "res_blocks", "latent_channels", "steps", "batch_size", "learning_rate"):
            if getattr(self, key) <= 0:
                raise UserError(f"tokenizer.{key} must be positive, got {getattr(self, key)}")

    @property
    def strides(self) -> tuple[int, int]:
        """Frames per latent frame, pixels per latent row and column."""
        if self.kind == "pixels":
            return 1, 1
        return 2**self.temporal_levels, 2 ** (len(self.channel_mult) - 1)
