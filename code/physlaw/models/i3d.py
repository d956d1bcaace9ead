"""I3D, the Inception video network of Carreira and Zisserman 2017 (arXiv 1705.07750), RGB, 400 Kinetics classes.

The tensors of a file are named as in the public PyTorch port (piergiaj/pytorch-i3d): Conv3d_1a_7x7.conv3d.weight,
Mixed_3b.b1a.bn.running_mean, logits.conv3d.bias. `physlaw weights convert i3d` makes such a file from the published
TorchScript one; whether the logits are then those of the published network could not be tried here, where the file is
not to be had. Its origin (kinetics_i3d_pytorch) pads odd sizes otherwise in its pooling layers, so the two are meant to
agree for lengths T divisible by 4, as 16 and 32 are. Shapes: N clips, C channels, T frames, H W rows and columns.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from physlaw.errors import UserError
from physlaw.models.weights_file import read_weights

SIDE = 224  # pixels, of the network's input
SHORTEST = 9  # frames: three times halved and rounded up, two are left for the last pooling's window
CLASSES = 400
EPSILON = 1e-3  # of the batch normalisation, TensorFlow's
COUNTER = "num_batches_tracked"  # of training only; files need not have it

Triple = tuple[int, int, int]
# Output channels of each block's six convolutions: b0; b1a, b1b; b2a, b2b; b3b.
WIDTHS = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Poolings (window, stride) that come after a layer.
POOLINGS: dict[str, tuple[Triple, Triple]] = {
    "Conv3d_1a_7x7": ((1, 3, 3), (1, 2, 2)),
    "Conv3d_2c_3x3": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3c": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4f": ((2, 2, 2), (2, 2, 2)),
}


def pad_same(x: Tensor, window: Triple, stride: Triple) -> Tensor:
    """Zeros around (N, C, T, H, W) as TensorFlow's SAME: ceil(size / stride) outputs, an odd zero at the end."""
    padding: list[int] = []
    for size, width, step in zip(reversed(x.shape[2:]), reversed(window), reversed(stride), strict=True):
        total = max((math.ceil(size / step) - 1) * step + width - size, 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding)


def pool(x: Tensor, window: Triple, stride: Triple) -> Tensor:
    """Maximum over windows; what comes in is never negative, so zeros beside it change nothing."""
    return F.max_pool3d(pad_same(x, window, stride), window, stride)


class Unit3D(nn.Module):
    """Convolution, batch normalisation, ReLU; not `normalised`: the convolution alone, with a bias."""

    def __init__(self, in_channels: int, out_channels: int, size: int, stride: int = 1, normalised: bool = True):
        super().__init__()
        self.window, self.stride = (size, size, size), (stride, stride, stride)
        self.conv3d = nn.Conv3d(in_channels, out_channels, size, stride, bias=not normalised)
        self.bn = nn.BatchNorm3d(out_channels, eps=EPSILON) if normalised else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv3d(pad_same(x, self.window, self.stride))
        return x if self.bn is None else F.relu(self.bn(x))


class Inception(nn.Module):
    """Four branches side by side: 1x1; 1x1 then 3x3; again; a pooling then 1x1."""

    def __init__(self, in_channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.b0 = Unit3D(in_channels, widths[0], 1)
        self.b1a, self.b1b = Unit3D(in_channels, widths[1], 1), Unit3D(widths[1], widths[2], 3)
        self.b2a, self.b2b = Unit3D(in_channels, widths[3], 1), Unit3D(widths[3], widths[4], 3)
        self.b3b = Unit3D(in_channels, widths[5], 1)
        self.channels = widths[0] + widths[2] + widths[4] + widths[5]

    def forward(self, x: Tensor) -> Tensor:
        pooled = pool(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], dim=1)


class I3D(nn.Module):
    """Prepared clips (N, 3, T, 224, 224) in [-1, 1] -> (N, 400) logits, the classes' scores before the softmax."""

    def __init__(self) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {
            "Conv3d_1a_7x7": Unit3D(3, 64, 7, stride=2),
            "Conv3d_2b_1x1": Unit3D(64, 64, 1),
            "Conv3d_2c_3x3": Unit3D(64, 192, 3),
        }
        channels = 192
        for name, widths in WIDTHS.items():
            block = Inception(channels, widths)
            layers[name], channels = block, block.channels
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.trunk_names = tuple(layers)
        self.logits = Unit3D(channels, CLASSES, 1, normalised=False)

    def trunk(self, x: Tensor) -> Tensor:
        """(N, 3, T, H, W) -> (N, 1024, T / 8, H / 32, W / 32), each rounded up."""
        for name in self.trunk_names:
            x = self.get_submodule(name)(x)
            if name in POOLINGS:
                x = pool(x, *POOLINGS[name])
        return x

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[2] < SHORTEST or clips.shape[3:] != (SIDE, SIDE):
            raise UserError(
                f"clips of {clips.shape[2]} frames, {clips.shape[3]} x {clips.shape[4]}: I3D takes {SHORTEST} or more "
                f"frames, {SIDE} x {SIDE}"
            )
        x = F.avg_pool3d(self.trunk(clips), (2, SIDE // 32, SIDE // 32), 1)  # (N, 1024, T', 1, 1)
        return self.logits(x).mean((2, 3, 4))

    @torch.inference_mode()
    def logits_of(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Clips (N, T, H, W, 3) uint8 -> (N, 400), on the device of the weights.

        Raises:
            UserError: fewer frames than SHORTEST.
        """
        prepared = prepare(torch.from_numpy(np.array(frames)).to(self.logits.conv3d.weight.device))
        return self(prepared).cpu().numpy()


def prepare(frames: Tensor) -> Tensor:
    """Clips (N, T, H, W, 3) in 0..255 -> (N, 3, T, 224, 224) in [-1, 1], as StyleGAN-V's metric does.

    The shorter side becomes 224 (bilinear, align_corners False, no smoothing before shrinking), the longer one in
    proportion and rounded up, then the middle is cut out.
    """
    count, length, height, width, _ = frames.shape
    pictures = frames.flatten(0, 1).movedim(-1, 1).float() / 255
    scale = SIDE / min(height, width)
    size = [SIDE if side == min(height, width) else math.ceil(side * scale) for side in (height, width)]
    pictures = F.interpolate(pictures, size, mode="bilinear", align_corners=False)
    top, left = ((side - SIDE) // 2 for side in size)
    pictures = pictures[..., top : top + SIDE, left : left + SIDE] * 2 - 1
    return pictures.unflatten(0, (count, length)).transpose(1, 2)


def load_i3d(path: Path, sha256: str) -> I3D:
    """The network with the weights of a safetensors file, frozen, for inference.

    Args:
        sha256: the file's hex digest.

    Raises:
        UserError: the file is missing, has another digest, is no safetensors file, or a tensor in it is missing,
            unknown or of another shape.
    """
    tensors = read_weights(path, sha256, tensor_shapes(), "I3D")
    with torch.device("meta"):  # initial weights would be thrown away, but would move the random generator on
        network = I3D()
    counts = {name: torch.zeros((), dtype=torch.long) for name in network.state_dict() if name.endswith(COUNTER)}
    network.load_state_dict(tensors | counts, assign=True)
    return network.eval().requires_grad_(False)


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a file, in the order of the layers."""
    with torch.device("meta"):
        state = I3D().state_dict()
    return {name: tuple(value.shape) for name, value in state.items() if not name.endswith(COUNTER)}
