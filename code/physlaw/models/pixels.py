"""Tokenizers without learned parts: a clip's pixels as coverage channels, for CPUs. One for balls, one for bodies, one
for balls and squares beside a wall.

On a white ground a red ball changes green and blue alike, and a blue ball red and green alike, so R - G is the red
coverage and B - G the blue one, and the clip is recovered exactly where at most one ball covers a pixel. One channel
per colour instead of three. Patches are cut by the transformer; the stride is 1 in time and space.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import BLACK, GRAY, RED


class PixelTokenizer(nn.Module):
    """Clips (B, 3, T, H, W) in [-1, 1] <-> latents (B, balls, T, H, W).

    Args:
        num_balls: 1 (red) or 2 (red, blue).
        scale: latent value of full coverage minus that of none; the ground is at -scale / 2.
    """

    spatial_stride, temporal_stride = 1, 1

    def __init__(self, num_balls: int, scale: float = 2.0) -> None:
        super().__init__()
        self.channels, self.scale = num_balls, scale

    def encode(self, clips: Tensor) -> Tensor:
        red, green, blue = clips.unbind(1)
        coverage = torch.stack([red - green, blue - green][: self.channels], dim=1) / 2
        return (coverage - 0.5) * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        coverage = (latents / self.scale + 0.5).clamp(0, 1)
        red = coverage[:, 0]
        blue = coverage[:, 1] if self.channels > 1 else torch.zeros_like(red)
        return torch.stack([1 - 2 * blue, 1 - 2 * (red + blue), 1 - 2 * red], dim=1).clamp(-1, 1)


class BodyPixels(PixelTokenizer):
    """The same for the combinatorial world: coverage by red, gray and black; RGB on white in another basis, so that
    every picture is recovered exactly.

    Gray and black are nearly one direction in RGB: what rounding to 8 bits leaves in a clip's gray coverage is up to
    0.1. The other way, a model's errors of coverage make errors of colour that are no larger.
    """

    COLOURS = (RED, GRAY, BLACK)
    inks: Tensor
    unmix: Tensor

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__(len(self.COLOURS), scale)
        colours = torch.tensor(PALETTE[list(self.COLOURS)], dtype=torch.float64)
        inks = 1 - colours / 255  # what full coverage takes off white
        self.register_buffer("inks", inks.float(), persistent=False)
        self.register_buffer("unmix", inks.inverse().float(), persistent=False)

    def encode(self, clips: Tensor) -> Tensor:
        coverage = torch.einsum("bithw,ik->bkthw", (1 - clips) / 2, self.unmix)
        return (coverage - 0.5) * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        taken = torch.einsum("bkthw,ki->bithw", latents / self.scale + 0.5, self.inks)
        return (1 - 2 * taken).clamp(-1, 1)


class InkPixels(PixelTokenizer):
    """The same for balls, squares and rings beside a black wall: coverage by red, blue and black.

    R - G is the red coverage, B - G the blue one, and what R + B - G is short of white the black one; where objects
    meet in a pixel their coverages add up. RGB on white in another basis, whose inverse has entries 0 and 1 alone, so
    that every picture is recovered exactly.
    """

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__(3, scale)

    def encode(self, clips: Tensor) -> Tensor:
        red, green, blue = clips.unbind(1)
        coverage = torch.stack([red - green, blue - green, 1 - (red + blue - green)], dim=1) / 2
        return (coverage - 0.5) * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        red, blue, black = (latents / self.scale + 0.5).unbind(1)
        taken = torch.stack([blue + black, red + blue + black, red + black], dim=1)
        return (1 - 2 * taken).clamp(-1, 1)


class RgbPixels(PixelTokenizer):
    """Any picture by its red, green and blue, darkness upwards, so that the white ground is at -scale / 2 as with
    coverage. A change of colour costs what it costs in RGB."""

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__(3, scale)

    def encode(self, clips: Tensor) -> Tensor:
        return clips * (-self.scale / 2)

    def decode(self, latents: Tensor) -> Tensor:
        return (latents * (-2 / self.scale)).clamp(-1, 1)
