"""LPIPS, the perceptual distance of Zhang et al. 2018, over AlexNet; the published weights come from a file.

The file is one safetensors file: the convolutions of torchvision's AlexNet as features.<0|3|6|8|10>.weight and .bias,
and the published heads (version 0.1) as lin<0..4>.weight, each (1, channels, 1, 1).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from physlaw.errors import UserError
from physlaw.models.weights_file import read_weights

WIDTHS = (64, 192, 384, 256, 256)
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # ImageNet's statistics for pictures in [-1, 1]
SMALLEST_SIDE = 31  # below it the second pooling has nothing left to pool
EPSILON = 1e-10


class AlexNetFeatures(nn.Sequential):
    """Pictures (N, 3, H, W), scaled -> the five ReLU outputs (N, C, h, w) of AlexNet (Krizhevsky 2014).

    The layers' indices are those of torchvision's alexnet.features, so the tensors' names are too.
    """

    def __init__(self) -> None:
        c1, c2, c3, c4, c5 = WIDTHS
        layers: list[nn.Module] = [nn.Conv2d(3, c1, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.Conv2d(c1, c2, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        for before, after in ((c2, c3), (c3, c4), (c4, c5)):
            layers += [nn.Conv2d(before, after, 3, 1, 1), nn.ReLU()]
        super().__init__(*layers)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        stages = []
        x = pictures
        for layer in self:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                stages.append(x)
        return stages


class LPIPS(nn.Module):
    """The distance of pictures (N, 3, H, W) in [-1, 1] to others of the same shape: (N,) float32, frozen weights.

    Args:
        path, sha256: the weights and the digest they must have.

    Raises:
        UserError: the file is missing, has another digest, is no safetensors file, or a tensor in it is missing,
            unknown or of another shape; on use, a side is below SMALLEST_SIDE.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, path: Path, sha256: str) -> None:
        super().__init__()
        with torch.device("meta"):  # initial weights would be thrown away, but would move the random generator on
            self.features = AlexNetFeatures()
            for stage, width in enumerate(WIDTHS):
                self.add_module(f"lin{stage}", nn.Conv2d(width, 1, 1, bias=False))
        shapes = {name: tuple(value.shape) for name, value in self.state_dict().items()}
        self.load_state_dict(read_weights(path, sha256, shapes, "LPIPS"), assign=True)
        self.requires_grad_(False)
        self.register_buffer("shift", torch.tensor(SHIFT).reshape(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).reshape(3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        if min(pictures.shape[-2:]) < SMALLEST_SIDE:
            height, width = pictures.shape[-2:]
            raise UserError(f"pictures of {height} x {width} pixels: LPIPS needs at least {SMALLEST_SIDE} a side")
        distance = torch.zeros(len(pictures), device=pictures.device)
        stages = zip(self._directions(pictures), self._directions(others), strict=True)
        for stage, (ours, theirs) in enumerate(stages):
            head = self.get_parameter(f"lin{stage}.weight")  # as a product, since autocast would round a convolution
            distance = distance + (head * (ours - theirs).square()).sum(1).mean((1, 2))
        return distance

    def _directions(self, pictures: Tensor) -> list[Tensor]:
        """Each stage's features with unit length over the channels, float32."""
        stages = [stage.float() for stage in self.features((pictures - self.shift) / self.scale)]
        # vector_norm, not a root of a sum: its derivative at zero is zero, where the root's would make a NaN
        return [x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + EPSILON) for x in stages]
