"""The renderer in torch, for clips that are needed on a GPU: the painter's pictures to within one grey level.

Every pixel evaluates the formula of render/dense.py for every object, in float32 and in units of native pixels;
compiled, it is one fused pass. It runs on any device; without a GPU the painter of render/discs.py is far faster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from physlaw.errors import UserError, unknown
from physlaw.render.averaging import NATIVE
from physlaw.render.config import METHODS, check_resolution
from physlaw.render.dense import RIM, RING_HOLE
from physlaw.worlds.appearance import RING, SQUARE
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenes import Trajectory


def _alpha(dx: Tensor, dy: Tensor, reach: Tensor, shape: Tensor) -> Tensor:
    """Coverage by one object; reach and shape broadcast."""
    d2, reach2 = dx * dx + dy * dy, reach * reach
    disc = ((reach2 - d2) / (RIM * reach2)).clamp(0, 1)
    hole2 = (RING_HOLE * RING_HOLE) * reach2
    ring = disc * (1 - ((hole2 - d2) / (RIM * hole2)).clamp(0, 1))
    # A thousandth of a pixel of slack: float32 must not lose an edge that lies on a pixel exactly.
    square = ((dx.abs() <= reach + 1e-3) & (dy.abs() <= reach + 1e-3)).float()
    return torch.where(shape == SQUARE, square, torch.where(shape == RING, ring, disc)) * (reach > 0)


def _paint(centres: Tensor, looks: Tensor, width: int, factor: int) -> Tensor:
    """(N, T, B, 2) centres in native pixels, (N, B, 5) reach, shape, colour -> (N, T, W, W, 3) uint8."""
    pixel = torch.arange(width * factor, device=centres.device, dtype=torch.float32)
    x = pixel.view(1, 1, 1, 1, width, factor)
    y = pixel.flip(0).view(1, 1, width, factor, 1, 1)  # row 0 on top
    shades = [torch.full((), 255.0, device=centres.device)] * 3
    for k in range(looks.shape[1]):
        cx, cy = (centres[:, :, k, axis, None, None, None, None] for axis in range(2))
        look = looks[:, None, k, :, None, None, None, None]
        alpha = _alpha(x - cx, y - cy, look[:, :, 0], look[:, :, 1])
        shades = [(1 - alpha) * shade + alpha * look[:, :, 2 + c] for c, shade in enumerate(shades)]
    area = factor * factor
    sums = [shade.trunc().sum(dim=(3, 5)) for shade in shades]
    return torch.stack([((s + area // 2) / area).floor() for s in sums], dim=-1).to(torch.uint8)


@cache
def _painter(compiled: bool) -> Callable[[Tensor, Tensor, int, int], Tensor]:
    return torch.compile(_paint, dynamic=False) if compiled else _paint


def render_clips_torch(
    trajectory: Trajectory,
    resolution: int,
    method: str = "area",
    device: str = "cuda",
    compiled: bool = True,
    chunk: int = 64,
) -> Tensor:
    """Frames of N scenes as a tensor on a device.

    Args:
        trajectory, resolution, method: as for render_clips.
        compiled: fuse into one pass; without, `chunk` scenes at a time need 8 MB each and temporaries.
        chunk: scenes per pass; the last pass is filled up, so that one shape is compiled.
    Returns:
        (N, T, resolution, resolution, 3) uint8, within one grey level of render_clips.
    Raises:
        UserError: resolution or method is not valid, or the resolution is no divisor of 256 below it.
    """
    check_resolution(resolution)
    if method not in METHODS:
        raise unknown("rendering method", method, METHODS)
    averaged = method == "area" and resolution < NATIVE
    if averaged and NATIVE % resolution:
        raise UserError(f"renderer=gpu needs a resolution that divides {NATIVE}, got {resolution}")
    native = NATIVE if averaged else resolution
    scale = (native - 1) / WORLD_SIZE
    centres = torch.from_numpy(trajectory.positions * scale).float()
    looks = torch.empty(*trajectory.radii.shape, 5)
    looks[..., 0] = torch.from_numpy(trajectory.radii * scale)
    looks[..., 1] = torch.from_numpy(trajectory.shapes.astype("float32"))
    looks[..., 2:] = torch.from_numpy(trajectory.colours.astype("float32"))
    count, chunk = len(centres), min(chunk, len(centres))
    frames = torch.empty((*centres.shape[:2], resolution, resolution, 3), dtype=torch.uint8, device=device)
    centres, looks = centres.to(device, non_blocking=True), looks.to(device, non_blocking=True)
    for start in range(0, count, chunk):
        first = min(start, count - chunk)  # the last pass may paint some scenes twice
        part = slice(first, first + chunk)
        frames[part] = _painter(compiled)(centres[part], looks[part], resolution, native // resolution)
    return frames
