"""Configuration of the networks: plain data, no torch, so that a launcher can check it on a bare machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Tuple

from physlaw.errors import UserError, unknown

KINDS = ("pixels", "vae")
SCENES = ("all", "objects")
MODALITIES = ("vision", "numbers", "text")  # what a model is conditioned on: frames, and the state in one more form


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
    # A hidden layer of so many widths before the output; 0: none, as in DiT. A linear layer alone mixes patches from
    # hidden_size pictures, too few where a token is a whole frame.
    head_ratio: float = 0.0
    modality: str = "vision"
    text_encoder: str = "random"  # text only, as all below: or the folder of a T5 encoder
    text_sha256: str = ""  # of that folder, see physlaw.models.text
    text_dim: int = 512  # width of a token's embedding, 512 in T5-small
    text_length: int = 64  # tokens of a sentence at most

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise unknown("model.modality", self.modality, MODALITIES)
        if (self.text_encoder != "random") != bool(self.text_sha256):
            raise UserError(
                "model.text_encoder (a folder) and model.text_sha256 go together, got "
                f"{self.text_encoder!r} and {self.text_sha256!r}"
            )
        for key in ("depth", "hidden_size", "num_heads", "mlp_ratio", "text_dim", "text_length"):
            if getattr(self, key) <= 0:
                raise UserError(f"model.{key} must be positive, got {getattr(self, key)}")
        if self.head_ratio < 0:
            raise UserError(f"model.head_ratio must not be negative, got {self.head_ratio}")
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

    @property
    def row(self) -> str:
        """The model's name in tables and folders: the size, and the modality unless it is vision."""
        return self.name if self.modality == "vision" else f"{self.name}_{self.modality}"

    def identity(self) -> Dict[str, Any]:
        """All that can change a result; of a folder its digest, not where it is. A head counts where there is one, so
        that models from before it keep their digests."""
        left_out = {"text_encoder"} if self.text_sha256 else set()
        left_out |= set() if self.head_ratio else {"head_ratio"}
        return {key: value for key, value in vars(self).items() if key not in left_out}


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
    scenes: str = "all"  # what it is trained on: objects (discs, squares, rings, walls), or all, bodies too
    adversarial_weight: float = 0.0  # of the critics' pull, in units of the reconstruction's; 0: no critics
    adversarial_start: int = 0  # step from which the decoder heeds them
    critic_channels: int = 64
    perceptual_weight: float = 1.0
    perceptual_file: str = ""  # LPIPS weights, safetensors; none: no perceptual term
    perceptual_sha256: str = ""
    initial_file: str = ""  # weights of the SD 1.5 VAE, safetensors, to start from
    initial_sha256: str = ""
    steps: int = 100_000
    batch_size: int = 32
    train_frames: int = 16  # length of its training clips; a multiple of the temporal stride
    learning_rate: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("tokenizer kind", self.kind, KINDS)
        if self.scenes not in SCENES:
            raise unknown("tokenizer.scenes", self.scenes, SCENES)
        for key in ("perceptual", "initial"):
            file, sha256 = getattr(self, key + "_file"), getattr(self, key + "_sha256")
            if bool(file) != bool(sha256) or not re.fullmatch("([0-9a-fA-F]{64})?", sha256):
                raise UserError(
                    f"tokenizer.{key}_file and tokenizer.{key}_sha256 (64 hexadecimal digits) go together, got "
                    f"{file!r} and {sha256!r}"
                )
        for key in ("adversarial_weight", "adversarial_start", "perceptual_weight"):
            if getattr(self, key) < 0:
                raise UserError(f"tokenizer.{key} must not be negative, got {getattr(self, key)}")
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
        for key in (
            "scale",
            "base_channels",
            "res_blocks",
            "latent_channels",
            "steps",
            "batch_size",
            "learning_rate",
            "critic_channels",
        ):
            if getattr(self, key) <= 0:
                raise UserError(f"tokenizer.{key} must be positive, got {getattr(self, key)}")

    def identity(self) -> Dict[str, Any]:
        """All that can change a result; of files their digest, not where they are."""
        return {key: value for key, value in vars(self).items() if not key.endswith("_file")}

    @property
    def strides(self) -> tuple[int, int]:
        """Frames per latent frame, pixels per latent row and column."""
        if self.kind == "pixels":
            return 1, 1
        return 2**self.temporal_levels, 2 ** (len(self.channel_mult) - 1)
