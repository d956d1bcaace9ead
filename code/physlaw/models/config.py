"""Configuration of the networks: plain data, no torch, so that a launcher can check it on a bare machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Tuple

from physlaw.agents.config import PREFIX, is_agent
from physlaw.errors import UserError
from physlaw.fields import MOST_CLIPS, MOST_FRAMES, check, choice, random_seed, ranged

KINDS = ("pixels", "rgb", "vae", "differences", "states")
SCENES = ("all", "objects")
POSITIONS = ("rope", "added")
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
    depth: int = ranged(12, above=0, at_most=1024)
    hidden_size: int = ranged(384, above=0, at_most=65_536)
    num_heads: int = ranged(6, above=0, at_most=1024)
    # latent frames, rows, columns per token
    patch_size: Tuple[int, int, int] = ranged((1, 2, 2), at_least=1, at_most=1024)
    mlp_ratio: float = ranged(4.0, above=0, at_most=1024)
    # A hidden layer of so many widths before the output; 0: none, as in DiT. A linear layer alone mixes patches from
    # hidden_size pictures, too few where a token is a whole frame.
    head_ratio: float = ranged(0.0, at_least=0, at_most=1024)
    # how a token knows its place: queries and keys are rotated, or sinusoids are added to the tokens once
    positions: str = choice("rope", POSITIONS)
    modality: str = choice("vision", MODALITIES)
    text_encoder: str = "random"  # text only, as all below: or the folder of a T5 encoder
    text_sha256: str = ""  # of that folder, see physlaw.models.text
    text_dim: int = ranged(512, above=0, at_most=65_536)  # width of a token's embedding, 512 in T5-small
    text_length: int = ranged(64, above=0, at_most=65_536)  # tokens of a sentence at most

    def __post_init__(self) -> None:
        check(self, "model.")
        if (self.text_encoder != "random") != bool(self.text_sha256):
            raise UserError(
                "model.text_encoder (a folder) and model.text_sha256 go together, got "
                f"{self.text_encoder!r} and {self.text_sha256!r}"
            )
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

    @property
    def agent(self) -> str:
        """The name of the reference agent that stands for a network; empty of a network."""
        return self.row[len(PREFIX) :] if is_agent(self.name) else ""

    def identity(self) -> Dict[str, Any]:
        """All that can change a result; of a folder its digest, not where it is. A head and other positions count where
        there are any, so that models from before them keep their digests."""
        if self.agent:
            return {"name": self.name, "modality": self.modality}
        left_out = {"text_encoder"} if self.text_sha256 else set()
        left_out |= set() if self.head_ratio else {"head_ratio"}
        left_out |= {"positions"} if self.positions == "rope" else set()
        return {key: value for key, value in vars(self).items() if key not in left_out}


@dataclass
class TokenizerConfig:
    """Which tokenizer, and how the VAE is built and trained (configs/tokenizer/*.yaml)."""

    name: str = "vae"
    # pixels: coverage of each colour; rgb: the three channels as they are; differences: coverage minus that of the
    # frame before; states: x, y and r of one ball, a token per frame; all without learned parts
    kind: str = choice("vae", KINDS)
    scale: float = ranged(2.0, above=0)  # not the vae's: latent value of full coverage minus that of none
    base_channels: int = ranged(128, above=0, at_most=65_536)
    channel_mult: Tuple[int, ...] = ranged((1, 2, 4, 4), at_least=1, at_most=1024)
    res_blocks: int = ranged(2, above=0, at_most=1024)
    latent_channels: int = ranged(4, above=0, at_most=65_536)
    temporal_levels: int = ranged(2, at_least=0)
    kl_weight: float = ranged(1e-6, at_least=0)
    # what it is trained on: objects (discs, squares, rings, walls), or all, bodies too
    scenes: str = choice("all", SCENES)
    # of the critics' pull, in units of the reconstruction's; 0: no critics
    adversarial_weight: float = ranged(0.0, at_least=0)
    adversarial_start: int = ranged(0, at_least=0)  # step from which the decoder heeds them
    critic_channels: int = ranged(64, above=0, at_most=65_536)
    perceptual_weight: float = ranged(1.0, at_least=0)
    perceptual_file: str = ""  # LPIPS weights, safetensors; none: no perceptual term
    perceptual_sha256: str = ""
    initial_file: str = ""  # weights of the SD 1.5 VAE, safetensors, to start from
    initial_sha256: str = ""
    steps: int = ranged(100_000, above=0)
    batch_size: int = ranged(32, above=0, at_most=MOST_CLIPS)
    # length of its training clips; a multiple of the temporal stride
    train_frames: int = ranged(16, at_least=2, at_most=MOST_FRAMES)
    learning_rate: float = ranged(1e-4, above=0)
    seed: int = random_seed()

    def __post_init__(self) -> None:
        check(self, "tokenizer.")
        for key in ("perceptual", "initial"):
            file, sha256 = getattr(self, key + "_file"), getattr(self, key + "_sha256")
            if bool(file) != bool(sha256) or not re.fullmatch("([0-9a-fA-F]{64})?", sha256):
                raise UserError(
                    f"tokenizer.{key}_file and tokenizer.{key}_sha256 (64 hexadecimal digits) go together, got "
                    f"{file!r} and {sha256!r}"
                )
        if self.temporal_levels >= len(self.channel_mult):
            raise UserError(
                f"tokenizer.temporal_levels must be 0 to {len(self.channel_mult) - 1} (the number of halvings of "
                f"space), got {self.temporal_levels}"
            )
        if self.train_frames % 2**self.temporal_levels:
            raise UserError(
                f"tokenizer.train_frames must be a multiple of the temporal stride {2**self.temporal_levels}, got "
                f"{self.train_frames}"
            )

    def identity(self) -> Dict[str, Any]:
        """All that can change a result; of files their digest, not where they are."""
        return {key: value for key, value in vars(self).items() if not key.endswith("_file")}

    @property
    def learned(self) -> bool:
        """It has weights."""
        return self.kind == "vae"

    @property
    def strides(self) -> tuple[int, int]:
        """Frames per latent frame, pixels per latent row and column."""
        if not self.learned:
            return 1, 1
        return 2**self.temporal_levels, 2 ** (len(self.channel_mult) - 1)
