"""Tokenizers without learned parts that carry a red ball's clip otherwise than by its pictures: by what changes from
frame to frame, and by the ball's state."""

from __future__ import annotations

import torch
from torch import Tensor

from physlaw.models.pixels import PixelTokenizer

FINER = 4  # per side of a pixel: where a disc's coverage is asked for


class FrameDifferences(PixelTokenizer):
    """Coverage in the first frame, then by how much it changes from each frame to the next: (B, balls, T, H, W)."""

    def encode(self, clips: Tensor) -> Tensor:
        pictures = super().encode(clips)
        return torch.cat([pictures[:, :, :1], pictures.diff(dim=2)], dim=2)

    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents.cumsum(dim=2))


class BallStates(PixelTokenizer):
    """Where one red ball is and how large, as its pixels tell: (B, 3, T, 1, 1), x, y, r, one token per frame.

    x and y are the centre of the coverage, r is from its area; all 0 at the middle of the picture, `scale` its side; r
    counts from a tenth of it, four times. A ball that leaves the picture shrinks at its rim and ends with r = 0.
    """

    def __init__(self, side: int, scale: float = 2.0) -> None:
        super().__init__(1, scale)
        self.channels, self.spatial_stride, self.side = 3, side, side

    def encode(self, clips: Tensor) -> Tensor:
        coverage = (clips[:, 0] - clips[:, 1]).clamp(min=0) / 2  # (B, T, H, W)
        along = (torch.arange(self.side, device=clips.device) + 0.5) / self.side
        area = coverage.mean(dim=(-1, -2))
        weight = area.clamp(min=1e-6)
        x = (coverage.mean(dim=-2) * along).mean(dim=-1) / weight
        y = (coverage.mean(dim=-1) * along).mean(dim=-1) / weight
        seen = area > 1e-4
        place = [torch.where(seen, value - 0.5, 0.0) for value in (x, y)]
        radius = 4 * ((area / torch.pi).sqrt() - 0.1)
        return self.scale * torch.stack([*place, radius], dim=1)[..., None, None]

    def decode(self, latents: Tensor) -> Tensor:
        x, y, radius = (latents[:, :, :, 0, 0] / self.scale).unbind(1)  # (B, T)
        x, y, radius = x + 0.5, y + 0.5, (radius / 4 + 0.1).clamp(min=0)
        fine = (torch.arange(self.side * FINER, device=latents.device) + 0.5) / (self.side * FINER)
        squares = (fine - x[..., None]).square()[..., None, :] + (fine - y[..., None]).square()[..., :, None]
        inside = ((radius[..., None, None] - squares.sqrt()) * self.side * FINER + 0.5).clamp(0, 1)
        coverage = inside.unflatten(-1, (self.side, FINER)).mean(dim=-1)
        coverage = coverage.unflatten(-2, (self.side, FINER)).mean(dim=-2)
        return torch.stack([torch.ones_like(coverage), 1 - 2 * coverage, 1 - 2 * coverage], dim=1)
