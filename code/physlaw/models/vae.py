"""The (2+1)D causal video VAE of the paper's appendix, in the Stable-Diffusion-1.5 layout, at any width.

The encoder's last temporal_levels downsampling blocks and the decoder's first as many upsampling blocks are 3D, the
others work frame by frame. Time is causal: convolutions pad at the head of the sequence only, and normalisation and
attention see one frame at a time. With temporal stride 4, T frames become T / 4 latent frames, and latent frame k
sees the frames up to 4 k + 3. Shapes: B batch, C channels, T frames, H W rows and columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INITIAL_LOG_VARIANCE = -6.0  # little posterior noise at the start, or the decoder learns to ignore the latents


def group_norm(channels: int) -> nn.GroupNorm:
    """32 groups as in SD 1.5, fewer where a narrow layer has not enough channels."""
    return nn.GroupNorm(min(32, channels // 4) if channels >= 8 else 1, channels, eps=1e-6)


class FrameNorm(nn.Module):
    """Group normalisation of each frame by itself: (B, C, T, H, W) -> same. Over time it would not be causal."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.transpose(1, 2).flatten(0, 1)  # (B T, C, H, W)
        return self.norm(flat).unflatten(0, (len(x), -1)).transpose(1, 2)


class CausalConv(nn.Module):
    """3D convolution padded at the head of time and on all sides in space; kernel (1, k, k) works frame by frame.

    A stride of s in time pads by kernel - s, so that T frames give T / s and output j sees
    the inputs up to s j + s - 1. A stride of 2 in space pads right and below only, as SD 1.5 does.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: tuple[int, int, int], stride: int = 1) -> None:
        super().__init__()
        time_stride, space_stride = (stride if size > 1 else 1 for size in kernel[:2])
        after = kernel[1] // 2
        before = kernel[1] - space_stride - after
        self.padding = (before, after, before, after, kernel[0] - time_stride, 0)
        self.conv = nn.Conv3d(in_channels, out_channels, kernel, (time_stride, space_stride, space_stride))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.padding))


class ResBlock(nn.Module):
    """norm, SiLU, convolution, twice, plus the input; 3D when `temporal`."""

    def __init__(self, in_channels: int, out_channels: int, temporal: bool) -> None:
        super().__init__()
        kernel = (3, 3, 3) if temporal else (1, 3, 3)
        self.norm1, self.conv1 = FrameNorm(in_channels), CausalConv(in_channels, out_channels, kernel)
        self.norm2, self.conv2 = FrameNorm(out_channels), CausalConv(out_channels, out_channels, kernel)
        same = in_channels == out_channels
        self.skip = nn.Identity() if same else CausalConv(in_channels, out_channels, (1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class FrameAttention(nn.Module):
    """Single-head attention over the pixels of each frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = FrameNorm(channels)
        self.qkv = CausalConv(channels, 3 * channels, (1, 1, 1))
        self.proj = CausalConv(channels, channels, (1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(self.norm(x)).movedim(1, -1).flatten(2, 3)  # (B, T, H W, 3 C)
        mixed = F.scaled_dot_product_attention(*qkv.chunk(3, dim=-1))
        return x + self.proj(mixed.unflatten(2, x.shape[-2:]).movedim(-1, 1))


class Downsample(nn.Module):
    """Halve space; with `temporal` also time, by a causal 3D convolution and an extra causal temporal one."""

    def __init__(self, channels: int, temporal: bool) -> None:
        super().__init__()
        self.conv = CausalConv(channels, channels, (3, 3, 3) if temporal else (1, 3, 3), stride=2)
        self.extra = CausalConv(channels, channels, (3, 1, 1)) if temporal else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.extra(self.conv(x))


class Upsample(nn.Module):
    """Double space, and time with `temporal`: convolution, then channels to space (and time).

    Initialised to equal nearest-neighbour upsampling (paper, appendix): every group of output channels copies the
    pixel itself, which in time is the last tap of the causal kernel.
    """

    def __init__(self, channels: int, temporal: bool) -> None:
        super().__init__()
        self.factors = (2, 2, 2) if temporal else (1, 2, 2)
        copies = self.factors[0] * 4
        self.conv = CausalConv(channels, channels * copies, (3, 3, 3) if temporal else (1, 3, 3))
        weight = self.conv.conv.weight
        with torch.no_grad():
            weight.zero_()
            own = torch.arange(channels).repeat_interleave(copies)
            weight[torch.arange(len(own)), own, -1, 1, 1] = 1.0
        nn.init.zeros_(self.conv.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        b, c, t, h, w = x.shape
        ft, fh, fw = self.factors
        x = self.conv(x).reshape(b, c, ft, fh, fw, t, h, w)
        return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, c, t * ft, h * fh, w * fw)


def _levels(widths: list[int], temporal_levels: int) -> list[bool]:
    """Which resolution levels are 3D: the innermost temporal_levels transitions and what lies inside them."""
    last = len(widths) - 1
    return [level > last - temporal_levels for level in range(len(widths))]


class Encoder(nn.Module):
    """(B, 3, T, H, W) -> (B, 2 latent_channels, T / t, H / s, W / s): mean and log-variance."""

    def __init__(self, widths: list[int], res_blocks: int, latent_channels: int, temporal_levels: int) -> None:
        super().__init__()
        is_3d = _levels(widths, temporal_levels)
        layers: list[nn.Module] = [CausalConv(3, widths[0], (1, 3, 3))]
        width = widths[0]
        for level, out in enumerate(widths):
            for _ in range(res_blocks):
                layers.append(ResBlock(width, out, is_3d[level]))
                width = out
            if level < len(widths) - 1:
                layers.append(Downsample(width, is_3d[level + 1]))
        inner = temporal_levels > 0
        layers += [ResBlock(width, width, inner), FrameAttention(width), ResBlock(width, width, inner)]
        layers += [FrameNorm(width), nn.SiLU(), CausalConv(width, 2 * latent_channels, (1, 3, 3))]
        layers.append(CausalConv(2 * latent_channels, 2 * latent_channels, (1, 1, 1)))
        self.layers = nn.Sequential(*layers)
        with torch.no_grad():
            layers[-1].get_parameter("conv.bias")[latent_channels:] = INITIAL_LOG_VARIANCE

    def forward(self, clips: Tensor) -> Tensor:
        return self.layers(clips)


class Decoder(nn.Module):
    """(B, latent_channels, T / t, H / s, W / s) -> (B, 3, T, H, W)."""

    def __init__(self, widths: list[int], res_blocks: int, latent_channels: int, temporal_levels: int) -> None:
        super().__init__()
        is_3d = _levels(widths, temporal_levels)
        width, inner = widths[-1], temporal_levels > 0
        layers: list[nn.Module] = [CausalConv(latent_channels, latent_channels, (1, 1, 1))]
        layers.append(CausalConv(latent_channels, width, (1, 3, 3)))
        layers += [ResBlock(width, width, inner), FrameAttention(width), ResBlock(width, width, inner)]
        for level in reversed(range(len(widths))):
            for _ in range(res_blocks + 1):
                layers.append(ResBlock(width, widths[level], is_3d[level]))
                width = widths[level]
            if level:
                layers.append(Upsample(width, is_3d[level]))
        layers += [FrameNorm(width), nn.SiLU(), CausalConv(width, 3, (1, 3, 3))]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)


class VideoVAE(nn.Module):
    """The tokenizer: clips (B, 3, T, H, W) in [-1, 1] <-> latents normalised per channel.

    Args:
        base_channels, channel_mult: widths of the levels; each level but the first halves space.
        temporal_levels: how many of those halvings also halve time (spatial 8, temporal 4 by default).
    The normalisation statistics are buffers, so they are stored with the weights; set them by `set_statistics`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        base_channels: int = 128,
        channel_mult: tuple[int, ...] = (1, 2, 4, 4),
        res_blocks: int = 2,
        latent_channels: int = 4,
        temporal_levels: int = 2,
    ) -> None:
        super().__init__()
        widths = [base_channels * m for m in channel_mult]
        self.channels = latent_channels
        self.spatial_stride, self.temporal_stride = 2 ** (len(widths) - 1), 2**temporal_levels
        self.encoder = Encoder(widths, res_blocks, latent_channels, temporal_levels)
        self.decoder = Decoder(widths, res_blocks, latent_channels, temporal_levels)
        self.register_buffer("mean", torch.zeros(latent_channels))
        self.register_buffer("std", torch.ones(latent_channels))

    def moments(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, unnormalised, each (B, C, T', H', W')."""
        mean, log_variance = self.encoder(clips).chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Per-channel mean and standard deviation of the posterior means, both (C,)."""
        self.mean.copy_(mean)
        self.std.copy_(std)

    def _per_channel(self, values: Tensor) -> Tensor:
        return values.reshape(-1, 1, 1, 1)

    def encode(self, clips: Tensor) -> Tensor:
        """Posterior means, normalised."""
        return (self.moments(clips)[0] - self._per_channel(self.mean)) / self._per_channel(self.std)

    def decode(self, latents: Tensor) -> Tensor:
        return self.decoder(latents * self._per_channel(self.std) + self._per_channel(self.mean))
