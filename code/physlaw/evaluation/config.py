"""Configuration of evaluation: plain data, no numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

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
    detector_clips: int = 500  # simulated ones that the abnormal ratio's thresholds are calibrated on, and checked on
    # Weights of the combinatorial study's metrics, safetensors (`physlaw weights`); no part of a run's identity.
    lpips_file: str = ""
    lpips_sha256: str = ""
    i3d_file: str = ""
    i3d_sha256: str = ""

    def __post_init__(self) -> None:
        if self.blocks not in EVALUATIONS:
            raise unknown("eval.blocks", self.blocks, EVALUATIONS)
        for key in ("id_clips", "ood_clips", "batch_size", "detector_clips"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"eval.{key} must be at least 1, got {value}")
        for kind in ("lpips", "i3d"):
            file, sha256 = getattr(self, f"{kind}_file"), getattr(self, f"{kind}_sha256")
            if bool(file) != bool(sha256) or not re.fullmatch("([0-9a-fA-F]{64})?", sha256):
                raise UserError(
                    f"eval.{kind}_file and eval.{kind}_sha256 (64 hexadecimal digits) go together, got {file!r} and "
                    f"{sha256!r}"
                )

    def networks(self) -> Dict[str, str]:
        """Digests of the metrics' networks: with others a cell is measured again, not trained or sampled again."""
        return {"lpips": self.lpips_sha256.lower(), "i3d": self.i3d_sha256.lower()}

    def identity(self) -> Dict[str, Any]:
        """All that decides which clips are made."""
        return {key: value for key, value in vars(self).items() if not key.startswith(("lpips_", "i3d_"))}


@dataclass
class ScoreConfig:
    """How `physlaw score` measures."""

    scenario: Optional[str] = None  # None: read it off the file
    resize: Optional[int] = None  # average 256 x 256 frames down to this side first
    keep_last: bool = False  # the release drops the last frame


@dataclass
class SweepConfig:
    """How `physlaw sweep_sampler` measures."""

    steps: Tuple[int, ...] = (5, 10, 20, 50, 100, 250)  # the largest is the reference
    seeds: int = 3  # of the noise
    clips: int = 256
    tolerance: float = 0.02
    out: str = ""  # a JSON file; <run folder>/sampler.json unless named

    def __post_init__(self) -> None:
        for key in ("seeds", "clips"):
            if getattr(self, key) < 1:
                raise UserError(f"{key} must be at least 1, got {getattr(self, key)}")
        if not self.steps or min(self.steps) < 1:
            raise UserError(f"steps must be numbers of at least 1, got {list(self.steps)}")
        if self.tolerance < 0:
            raise UserError(f"tolerance must not be negative, got {self.tolerance}")


@dataclass
class AcceptanceConfig:
    """Where `physlaw tokenizer` writes; what it measures follows from the profile's own keys (eval.*, data.*)."""

    out: str = ""  # a folder; results/<study>/<table> unless named
