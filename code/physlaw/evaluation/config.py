"""Configuration of evaluation: plain data, no numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from physlaw.data.config import EVALUATIONS
from physlaw.errors import UserError
from physlaw.fields import MOST_CLIPS, check, choice, ranged


@dataclass
class EvalConfig:
    """Which clips are generated and scored for a cell."""

    # which evaluation set: released, or paper (apart from training; its appendix A.4)
    blocks: str = choice("released", EVALUATIONS)
    id_clips: Optional[int] = ranged(None, at_least=1)  # None: the whole block
    ood_clips: Optional[int] = ranged(None, at_least=1)  # per block
    batch_size: int = ranged(64, at_least=1, at_most=MOST_CLIPS)
    shown_clips: int = ranged(2, at_least=0)  # per block, kept as videos for the report
    # simulated ones that the abnormal ratio's thresholds are calibrated on, and checked on
    detector_clips: int = ranged(500, at_least=1)
    # Weights of metrics that compare pictures, safetensors (`physlaw weights`); no part of a run's identity.
    lpips_file: str = ""
    lpips_sha256: str = ""
    i3d_file: str = ""
    i3d_sha256: str = ""

    def __post_init__(self) -> None:
        check(self, "eval.")
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
    resize: Optional[int] = ranged(None, at_least=1)  # average 256 x 256 frames down to this side first
    keep_last: bool = False  # the release drops the last frame

    def __post_init__(self) -> None:
        check(self)


@dataclass
class SweepConfig:
    """How `physlaw sweep_sampler` measures."""

    # the largest is the reference
    steps: Tuple[int, ...] = ranged((5, 10, 20, 50, 100, 250), at_least=1, at_most=100_000)
    seeds: int = ranged(3, at_least=1)  # of the noise
    clips: int = ranged(256, at_least=1)
    tolerance: float = ranged(0.02, at_least=0)
    out: str = ""  # a JSON file; <run folder>/sampler.json unless named

    def __post_init__(self) -> None:
        check(self)
        if not self.steps:
            raise UserError("steps must be at least one number, got []")


@dataclass
class AcceptanceConfig:
    """Where `physlaw tokenizer` writes; what it measures follows from the profile's own keys (eval.*, data.*)."""

    out: str = ""  # a folder; results/<study>/<table> unless named
