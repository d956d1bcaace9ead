"""Generated clips beside the true ones, pixel by pixel: SSIM, PSNR and LPIPS of every frame, from arrays.

All frames count, the condition frames too, as in the paper's released scripts; unlike there, no clip passes through a
video codec. Distances between whole sets of clips are in frechet.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from physlaw.errors import UserError
from physlaw.evaluation.codec import AS_ARRAYS
from physlaw.metric import HIGHER, LOWER, MEAN, Metric

if TYPE_CHECKING:  # of what a network compares alone
    from torch import Tensor

Frames = NDArray[np.uint8]
PerFrame = NDArray[np.float64]  # (N, T)
Pictures = NDArray[np.float64]
Distance = Callable[["Tensor", "Tensor"], "Tensor"]  # pictures (n, 3, H, W) in [-1, 1], twice, to (n,)

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03  # of SSIM
BORDER = WINDOW // 2  # pixels whose window reaches out of the picture
PSNR_OF_EQUALS = 100.0  # and of all frames with a mean squared error below 1e-10
PIXELS_AT_ONCE = 2**16  # bounds memory

_SSIM = "11 x 11 Gaussian window, sigma 1.5, valid region, channel mean, float64"
_PSNR = "mean squared error over a frame's pixels and channels, 100 dB if below 1e-10, float64"
_LPIPS = "AlexNet, heads v0.1, mean over pixels"
# Of a clip the mean over its frames.
SSIM = Metric("ssim", "SSIM", 3, HIGHER, MEAN, f"{_SSIM}; {AS_ARRAYS}")
PSNR = Metric("psnr", "PSNR", 1, HIGHER, MEAN, f"{_PSNR}; {AS_ARRAYS}")
LPIPS = Metric("lpips", "LPIPS", 3, LOWER, MEAN, f"{_LPIPS}; {AS_ARRAYS}")


@dataclass(frozen=True)
class FrameMetrics:
    """ssim, psnr: (N, T), one value for every frame of every clip; psnr in dB."""

    ssim: PerFrame
    psnr: PerFrame


def frame_metrics(truth: Frames, generated: Frames) -> FrameMetrics:
    """SSIM and PSNR of clips (N, T, H, W, 3) uint8, as the protocols of SSIM and PSNR say, on pixels in [0, 1].

    Raises:
        UserError: not clips, different shapes, or sides below WINDOW pixels.

    Source: Wang et al. 2004 for SSIM.
    """
    _check(truth, generated)
    if min(truth.shape[2:4]) < WINDOW:
        raise UserError(f"frames of {truth.shape[2]} x {truth.shape[3]} pixels: SSIM needs at least {WINDOW} a side")
    parts = []
    for ours, theirs in _frame_pairs(truth, generated):
        # Equal frames have 1 and 100 dB; a condition frame or a lossless tokenizer's need no filters.
        values = np.tile([1.0, PSNR_OF_EQUALS], (len(ours), 1))
        differ = (ours != theirs).reshape(len(ours), -1).any(axis=1)
        if differ.any():
            pair = ours[differ] / 255, theirs[differ] / 255
            values[differ] = np.stack([_ssim(*pair), _decibel(*pair)], axis=1)
        parts.append(values)
    ssim, psnr = np.concatenate(parts).reshape(*truth.shape[:2], 2).transpose(2, 0, 1)
    return FrameMetrics(ssim, psnr)


def _windowed(pictures: Pictures) -> Pictures:
    """Weighted means over every window that lies inside: (n, H, W, C) to (n, H - 2 BORDER, W - 2 BORDER, C)."""
    weights = np.exp(-0.5 * (np.arange(-BORDER, BORDER + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    rows = correlate1d(pictures, weights, axis=1)[:, BORDER:-BORDER]
    return np.asarray(correlate1d(rows, weights, axis=2)[:, :, BORDER:-BORDER])


def _ssim(ours: Pictures, theirs: Pictures) -> Pictures:
    """(n,) of pictures (n, H, W, C) in [0, 1]."""
    mean, other_mean = _windowed(ours), _windowed(theirs)
    variances = [np.maximum(_windowed(x * x) - m * m, 0.0) for x, m in ((ours, mean), (theirs, other_mean))]
    covariance = _windowed(ours * theirs) - mean * other_mean
    luminance = (2 * mean * other_mean + K1**2) / (mean**2 + other_mean**2 + K1**2)
    return np.asarray((luminance * (2 * covariance + K2**2) / (sum(variances) + K2**2)).mean(axis=(1, 2, 3)))


def _decibel(ours: Pictures, theirs: Pictures) -> Pictures:
    """PSNR (n,) of pictures (n, H, W, C) in [0, 1] that differ."""
    return np.minimum(-10 * np.log10(((ours - theirs) ** 2).mean(axis=(1, 2, 3))), PSNR_OF_EQUALS)


def frame_lpips(distance: Distance, truth: Frames, generated: Frames, device: str = "cpu") -> PerFrame:
    """`distance` (models.lpips.LPIPS on `device`) of every frame: clips (N, T, H, W, 3) uint8 to (N, T).

    Raises:
        UserError: not clips, different shapes, or frames too small for the network.
    """
    import torch

    def pictures(frames: Frames) -> Tensor:
        return torch.from_numpy(frames).to(device).movedim(-1, 1).float() / 127.5 - 1

    _check(truth, generated)
    pairs = _frame_pairs(truth, generated)
    with torch.inference_mode():
        values = [distance(pictures(theirs), pictures(ours)).double().cpu() for ours, theirs in pairs]
    return torch.cat(values).reshape(truth.shape[:2]).numpy()


def _check(truth: Frames, generated: Frames) -> None:
    for frames in (truth, generated):
        if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or 0 in frames.shape:
            raise UserError(f"clips must be (N, T, H, W, 3) uint8, got {frames.shape} {frames.dtype}")
    if truth.shape != generated.shape:
        raise UserError(f"true clips {truth.shape} and generated ones {generated.shape} differ in shape")


def _frame_pairs(truth: Frames, generated: Frames) -> Iterator[tuple[Frames, Frames]]:
    """Frames (n, H, W, 3) in order, true and generated, a bounded number at once."""
    count, pixels = truth.shape[0] * truth.shape[1], truth.shape[2] * truth.shape[3]
    size = max(1, PIXELS_AT_ONCE // pixels)
    flat = [frames.reshape(count, *frames.shape[2:]) for frames in (truth, generated)]
    for start in range(0, count, size):
        ours, theirs = (np.array(frames[start : start + size]) for frames in flat)
        yield ours, theirs
