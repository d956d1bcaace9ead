"""Clips rendered on the GPU that trains on them: within one grey level of the other paths' bytes, and never copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlaw.data.clips import Index
from physlaw.data.records import ClipCounts
from physlaw.errors import UserError
from physlaw.worlds.scenes import SceneSet

if TYPE_CHECKING:
    from torch import Tensor


class GpuClips:
    """A scene set's clips at one resolution, rendered at every use.

    Raises:
        UserError: there is no GPU.
    """

    def __init__(self, scenes: SceneSet, resolution: int, method: str = "area") -> None:
        import torch

        if not torch.cuda.is_available():
            raise UserError("data.renderer=gpu needs a GPU that torch can use; choose data.renderer=cpu")
        self.scenes, self.resolution, self.method = scenes, resolution, method

    def __len__(self) -> int:
        return len(self.scenes)

    def clips(self, index: Index) -> Tensor:
        """(N,) numbers -> (N, T, W, W, 3) uint8 on the GPU."""
        from physlaw.render.gpu import render_clips_torch

        return render_clips_torch(self.scenes.trajectory(index), self.resolution, self.method)

    def digest(self) -> str:
        return self.scenes.digest()

    def counts(self) -> ClipCounts | None:
        return None
