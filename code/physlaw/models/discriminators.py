"""PatchGAN critics of frames and of clips for the video VAE, with the hinge loss and a pull on the pixels.

Layout: Isola et al. 2017 (the 70 x 70 PatchGAN), with group normalisation: batch normalisation would tie a clip's
gradient to the clips beside it, so that it would change with the number of devices. Logits come from one frame or one
clip alone. Shapes: B clips, N frames, T frames per clip, H W rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from physlaw.errors import UserError
from physlaw.models.vae import group_norm

MAX_RATIO = 1e4  # as Esser et al. 2021 clamp their adaptive weight


def _patch_layers(conv: Callable[[int, int, int], nn.Module], base_channels: int, levels: int) -> nn.Sequential:
    """conv(in channels, out channels, level), levels times halving, once at full stride, and once to the logits."""
    layers = [conv(3, base_channels, 0), nn.LeakyReLU(0.2)]
    width = base_channels
    for level in range(1, levels + 1):
        out = base_channels * min(2**level, 8)
        layers += [conv(width, out, level), group_norm(out), nn.LeakyReLU(0.2)]
        width = out
    return nn.Sequential(*layers, conv(width, 1, levels + 1))


def _check_side(pictures: Tensor, levels: int) -> None:
    smallest = 3 * 2**levels  # two kernels of 4 at stride 1 follow the halvings, each taking one row
    if min(pictures.shape[-2:]) < smallest:
        height, width = pictures.shape[-2:]
        raise UserError(
            f"pictures of {height} x {width} pixels are too small to judge: the smallest side is {smallest}"
        )


class PatchDiscriminator2d(nn.Module):
    """Frames (N, 3, H, W) -> logits (N, 1, h, w) with h = H / 2**levels - 2, one for each overlapping patch.

    Raises:
        UserError: a side is below 3 * 2**levels (24 pixels by default).
    """

    def __init__(self, base_channels: int = 64, levels: int = 3) -> None:
        super().__init__()

        def conv(in_channels: int, out_channels: int, level: int) -> nn.Module:
            return nn.Conv2d(in_channels, out_channels, 4, 2 if level < levels else 1, 1)

        self.levels = levels
        self.layers = _patch_layers(conv, base_channels, levels)

    def forward(self, frames: Tensor) -> Tensor:
        _check_side(frames, self.levels)
        return self.layers(frames)


class PatchDiscriminator3d(nn.Module):
    """Clips (B, 3, T, H, W) -> logits (B, 1, t, h, w): space as in 2D, time halved (rounded up) temporal_levels times.

    Kernels of 3 in time, so that any T works: 4 frames give one row of logits in time, 32 give eight.

    Raises:
        UserError: a side is below 3 * 2**levels (24 pixels by default).
    """

    def __init__(self, base_channels: int = 64, levels: int = 3, temporal_levels: int = 2) -> None:
        super().__init__()

        def conv(in_channels: int, out_channels: int, level: int) -> nn.Module:
            space, time = 2 if level < levels else 1, 2 if level < temporal_levels else 1
            return nn.Conv3d(in_channels, out_channels, (3, 4, 4), (time, space, space), 1)

        self.levels = levels
        self.layers = _patch_layers(conv, base_channels, levels)

    def forward(self, clips: Tensor) -> Tensor:
        _check_side(clips, self.levels)
        return self.layers(clips)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's hinge loss from logits (B, n) each -> (B,): half of mean(1 - real)+ plus mean(1 + fake)+.

    Source: Lim and Ye 2017, halved as in the latent-diffusion autoencoder (Rombach et al. 2022).
    """
    return 0.5 * (F.relu(1 - real).mean(1) + F.relu(1 + fake).mean(1))


def _norms(clips: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B, 1, 1, 1, 1) float32."""
    return torch.linalg.vector_norm(clips.float(), dim=(1, 2, 3, 4), keepdim=True)


class Adversary(nn.Module):
    """Both critics: the 2D one sees every frame, the 3D one the clip; each counts half, per clip."""

    def __init__(self, base_channels: int = 64, levels: int = 3, temporal_levels: int = 2) -> None:
        super().__init__()
        self.frames = PatchDiscriminator2d(base_channels, levels)
        self.clips = PatchDiscriminator3d(base_channels, levels, temporal_levels)

    def logits(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, T, H, W) -> logits of the frames' patches (B, n2) and of the clip's (B, n3), float32."""
        clips = clips.float()
        by_frame = self.frames(clips.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(clips), -1))
        return by_frame.flatten(1).float(), self.clips(clips).flatten(1).float()

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critics minimise, (B,), from clips (B, 3, T, H, W) each; no gradient reaches `fake`."""
        real_logits, fake_logits = self.logits(real), self.logits(fake.detach())
        return 0.5 * (hinge(real_logits[0], fake_logits[0]) + hinge(real_logits[1], fake_logits[1]))

    def pull(self, fake: Tensor, target_gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Where the critics want the pixels to go, as strongly as the reconstruction loss pulls them.

        Esser et al. 2021 (VQGAN) weigh the two gradients by their norms at the decoder's last layer over the batch;
        here they are weighed at the pixels and for every clip by itself, so that the batch does not matter.

        Args:
            fake: decoded clips (B, 3, T, H, W); target_gradient: the derivative of each clip's own reconstruction
                loss by its pixels, same shape.

        Returns:
            The derivative of `value` by `fake`, float32, for every clip scaled to the norm of its target_gradient (by
            MAX_RATIO at most; a zero stays zero), and value (B,), the generator's hinge loss -mean(logits). Both
            are constants; the critics' .grad is not touched.
        """
        with torch.enable_grad():
            leaf = fake.detach().float().requires_grad_()
            by_frame, by_clip = self.logits(leaf)
            value = -0.5 * (by_frame.mean(1) + by_clip.mean(1))
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
        smallest = torch.finfo(torch.float32).tiny
        ratio = _norms(target_gradient.detach()) / _norms(gradient).clamp_min(smallest)
        return gradient * ratio.clamp_max(MAX_RATIO), value.detach()
