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

from physlaw.errors import UserError
from physlaw.evaluation.codec import AS_ARRAYS
from physlaw.metric import HIGHER, LOWER, MEAN, Metric

if TYPE_CHECKING:  # reports read the metrics, and do without torch
    from torch import Tensor

Frames = NDArray[np.uint8]
PerFrame = NDArray[np.float64]  # (N, T)
Distance = Callable[["Tensor", "Tensor"], "Tensor"]  # pictures (n, 3, H, W) in [-1, 1], twice, to (n,)

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03  # of SSIM
BORDER = WINDOW // 2  # pixels whose window reaches out of the picture
PSNR_OF_EQUALS = 100.0  # and of all frames with a mean squared error below 1e-10
PIXELS_AT_ONCE = 2**16  # bounds memory: torch unfolds a float64 convolution on CPU, about 1 GB at this size

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


def frame_metrics(truth: Frames, generated: Frames, device: str = "cpu") -> FrameMetrics:
    """SSIM and PSNR of clips (N, T, H, W, 3) uint8, as the protocols of SSIM and PSNR say, on pixels in [0, 1].

    Raises:
        UserError: not clips, different shapes, or sides below WINDOW pixels.

    Source: Wang et al. 2004 for SSIM; torchmetrics computes both.
    """
    _check(truth, generated)
    if min(truth.shape[2:4]) < WINDOW:
        raise UserError(f"frames of {truth.shape[2]} x {truth.shape[3]} pixels: SSIM needs at least {WINDOW} a side")
    import torch

    parts = []
    with torch.inference_mode():
        for ours, theirs in _frame_pairs(truth, generated, device):
            # Equal frames have 1 and 100 dB; a condition frame or a lossless tokenizer's need no convolutions.
            values = torch.tensor([1.0, PSNR_OF_EQUALS], dtype=torch.float64, device=device).repeat(len(ours), 1)
            differ = (ours != theirs).flatten(1).any(dim=1)
            if differ.any():
                values[differ] = _ssim_psnr(ours[differ].double() / 255, theirs[differ].double() / 255)
            parts.append(values.cpu())
    ssim, psnr = torch.cat(parts).reshape(*truth.shape[:2], 2).numpy().transpose(2, 0, 1)
    return FrameMetrics(ssim, psnr)


def _ssim_psnr(ours: Tensor, theirs: Tensor) -> Tensor:
    """(n, 2) of pictures (n, 3, H, W) float64 in [0, 1]."""
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure  # heavy, and only needed here

    _, picture = structural_similarity_index_measure(
        theirs,
        ours,
        sigma=SIGMA,
        kernel_size=WINDOW,
        reduction="none",
        data_range=1.0,
        k1=K1,
        k2=K2,
        return_full_image=True,  # its own mean would count windows over a mirrored border
    )
    ssim = picture[..., BORDER:-BORDER, BORDER:-BORDER].mean((1, 2, 3))
    return torch.stack([ssim, _decibel(theirs, ours).clamp(max=PSNR_OF_EQUALS)], dim=1)


def _decibel(pictures: Tensor, others: Tensor) -> Tensor:
    """PSNR (n,) of (n, C, H, W) float64 in [0, 1]."""
    import torch
    from torchmetrics.functional.image import peak_signal_noise_ratio

    tenth = torch.full((1, 1, 1, 1), 0.1, dtype=torch.float64)  # an error of 20 dB
    twenty, found = (
        peak_signal_noise_ratio(x, y, data_range=1.0, reduction="none", dim=(1, 2, 3))
        for x, y in ((tenth, 0 * tenth), (pictures, others))
    )
    return found * (20 / twenty.item())  # torchmetrics has 10 / ln 10 in float32 only: 1e-6 dB too little at 30 dB


def frame_lpips(distance: Distance, truth: Frames, generated: Frames, device: str = "cpu") -> PerFrame:
    """`distance` (models.lpips.LPIPS on `device`) of every frame: clips (N, T, H, W, 3) uint8 to (N, T).

    Raises:
        UserError: not clips, different shapes, or frames too small for the network.
    """
    import torch

    _check(truth, generated)
    pairs = _frame_pairs(truth, generated, device)
    with torch.inference_mode():
        values = [
            distance(theirs.float() / 127.5 - 1, ours.float() / 127.5 - 1).double().cpu() for ours, theirs in pairs
        ]
    return torch.cat(values).reshape(truth.shape[:2]).numpy()


def _check(truth: Frames, generated: Frames) -> None:
    for frames in (truth, generated):
        if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or 0 in frames.shape:
            raise UserError(f"clips must be (N, T, H, W, 3) uint8, got {frames.shape} {frames.dtype}")
    if truth.shape != generated.shape:
        raise UserError(f"true clips {truth.shape} and generated ones {generated.shape} differ in shape")


def _frame_pairs(truth: Frames, generated: Frames, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Frames (n, 3, H, W) uint8 in order, true and generated, a bounded number at once."""
    import torch

    count, pixels = truth.shape[0] * truth.shape[1], truth.shape[2] * truth.shape[3]
    size = max(1, PIXELS_AT_ONCE // pixels)
    flat = [frames.reshape(count, *frames.shape[2:]) for frames in (truth, generated)]
    for start in range(0, count, size):
        parts = [torch.from_numpy(np.array(frames[start : start + size])).to(device) for frames in flat]
        yield parts[0].movedim(-1, 1), parts[1].movedim(-1, 1)
