"""Configuration of evaluation: plain data, no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from physlaw.data.config import EVALUATIONS
from physlaw.errors import UserError, unknown


@dataclass
class EvalConfig:
    """Which clips are generated and scored for a cell."""

    blocks: str = "released"  # which evaluation set: released, or paper (apart from training; its appendix A.4)
    id_clips: Optional[int] = None  # None: the whole block
    ood_clips: Optional[int] = None  # per block
    batch_size: int = 64
    shown_clips: int = 2  # per block, kept as videos for the report

    def __post_init__(self) -> None:
        if self.blocks not in EVALUATIONS:
            raise unknown("eval.blocks", self.blocks, EVALUATIONS)
        for key in ("id_clips", "ood_clips", "batch_size"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"eval.{key} must be at least 1, got {value}")


@dataclass
class ScoreConfig:
    """How `physlaw score` measures."""

    scenario: Optional[str] = None  # None: read it off the file
    resize: Optional[int] = None  # average 256 x 256 frames down to this side first
    keep_last: bool = False  # the release drops the last frame
