"""One interface over the tokenizers: build one by name, encode clips and conditions, bring the mask to latent rate.

A tokenizer has `channels`, `spatial_stride`, `temporal_stride`, `encode` and `decode`; clips are (B, 3, T, H, W) in
[-1, 1]. T frames become T / temporal_stride latent frames (32 -> 8 at stride 4), latent frame k standing for frames
s k to s k + s - 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.errors import UserError
from physlaw.models.config import TokenizerConfig
from physlaw.models.pixels import BodyPixels, InkPixels, PixelTokenizer, RgbPixels
from physlaw.models.states import BallStates, FrameDifferences
from physlaw.models.vae import VideoVAE


class Tokenizer(Protocol):
    """Clips <-> latents."""

    channels: int
    spatial_stride: int
    temporal_stride: int

    def encode(self, clips: Tensor) -> Tensor: ...

    def decode(self, latents: Tensor) -> Tensor: ...


# What clips may show, and the pixel tokenizer of it.
PICTURES: dict[str, Callable[[float], PixelTokenizer]] = {
    "red": lambda scale: PixelTokenizer(1, scale),
    "red_blue": lambda scale: PixelTokenizer(2, scale),
    "red_blue_black": InkPixels,
    "bodies": BodyPixels,
}


def build_tokenizer(config: TokenizerConfig, picture: str = "red", side: int = 0) -> PixelTokenizer | VideoVAE:
    """A tokenizer with its initial weights.

    Args:
        picture: what the clips show, one of PICTURES; it matters to tokenizers without learned parts only.
        side: of the clips, in pixels; it matters to states only.
    Raises:
        UserError: differences or states of clips that show anything but one red ball.
    """
    if config.kind in ("differences", "states"):
        if picture != "red":
            raise UserError(f"tokenizer.kind={config.kind} needs clips of one red ball, got {picture}")
        return FrameDifferences(1, config.scale) if config.kind == "differences" else BallStates(side, config.scale)
    if config.kind == "rgb":
        return RgbPixels(config.scale)
    if config.kind == "pixels":
        return PICTURES[picture](config.scale)
    return VideoVAE(
        config.base_channels,
        tuple(config.channel_mult),
        config.res_blocks,
        config.latent_channels,
        config.temporal_levels,
    )


def latent_shape(tokenizer: Tokenizer, num_frames: int, resolution: int) -> tuple[int, int, int]:
    """(T', H', W') of a clip's latents.

    Raises:
        UserError: frames or pixels do not divide by the strides.
    """
    time, space = tokenizer.temporal_stride, tokenizer.spatial_stride
    if num_frames % time or resolution % space:
        raise UserError(
            f"{num_frames} frames of {resolution} pixels do not divide by the tokenizer's strides of {time} frames "
            f"and {space} pixels"
        )
    return num_frames // time, resolution // space, resolution // space


def to_unit(frames: NDArray[np.uint8] | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(N, T, H, W, 3) uint8, an array or a tensor anywhere -> (N, 3, T, H, W) float32 in [-1, 1] on the device."""
    return torch.as_tensor(frames).to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_frames(clips: Tensor) -> NDArray[np.uint8]:
    """(N, 3, T, H, W) in [-1, 1] -> (N, T, H, W, 3) uint8, clamped and rounded."""
    levels = ((clips.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 4, 1).cpu().numpy())


def encode_condition(tokenizer: Tokenizer, clips: Tensor, num_cond_frames: int, held: bool = False) -> Tensor:
    """Latents of the clips with every frame from num_cond_frames on set to zero (mid-grey in [-1, 1]), or to the last
    condition frame (held).

    Encoded from the changed clip, never cut out of the clip's own latents: with three condition frames and stride four
    the first latent of the whole clip already contains frame 3.
    """
    visible = clips.clone()
    visible[:, :, num_cond_frames:] = clips[:, :, num_cond_frames - 1 : num_cond_frames] if held else 0
    return tokenizer.encode(visible)


def condition_mask(tokenizer: Tokenizer, shape: tuple[int, int, int], num_cond_frames: int) -> Tensor:
    """(1, 1, T', H', W') mask at latent rate: 1 where a latent frame stands for at least one condition frame."""
    first_frame = torch.arange(shape[0]) * tokenizer.temporal_stride
    return (first_frame < num_cond_frames).float().reshape(1, 1, -1, 1, 1).expand(1, 1, *shape)
