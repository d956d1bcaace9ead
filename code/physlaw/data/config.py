"""Configuration of clips: plain data, no numpy, so that a launcher can check it on a bare machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict

from physlaw.errors import UserError
from physlaw.fields import MOST_FRAMES, check, choice, random_seed, ranged
from physlaw.render.config import METHODS, picture_side

PLACEMENTS = ("per_sample", "released")
RENDERERS = ("cpu", "gpu")
LATENT_DTYPES = ("float16", "bfloat16")
CONDITIONS = ("zeros", "held")
EVALUATIONS = ("released", "paper")
CONTACTS = ("elastic", "released")
DRAWS = ("fixed", "by_seed")


@dataclass
class DataConfig:
    """Which clips. Lengths in frames, sizes in pixels."""

    resolution: int = picture_side(128)
    num_frames: int = ranged(32, at_least=1, at_most=MOST_FRAMES)
    num_cond_frames: int = ranged(3, at_least=1)
    # what a model sees for the other frames; held: the last condition frame, and it draws what differs from it
    condition: str = choice("zeros", CONDITIONS)
    contact: str = choice("elastic", CONTACTS)  # or released: inelastic below closing speed 1.0
    # how images below 256 are made: area averages of the 256 image, or bare formula
    method: str = choice("area", METHODS)
    renderer: str = choice("cpu", RENDERERS)  # or gpu: training clips are rendered there, within one grey level
    seed: int = random_seed()  # of the start positions; not the training seed
    # of the training clips' start positions; by_seed: anew for every training seed
    draw: str = choice("fixed", DRAWS)
    # training clips: a random choice of that many of the training set, the same for equal draws; 0: all
    clips: int = ranged(0, at_least=0)
    placement: str = choice("per_sample", PLACEMENTS)  # or released: the release's order and random numbers
    latent_dtype: str = choice("float16", LATENT_DTYPES)  # or bfloat16: of cached latents
    flips: bool = False  # train on every clip's mirror image too
    files: str = ""  # train on the clips of this file or folder in the released layout, not on rendered ones

    def __post_init__(self) -> None:
        check(self, "data.")
        if not 1 <= self.num_cond_frames < self.num_frames:
            raise UserError(
                f"data.num_cond_frames must be 1 to num_frames - 1 = {self.num_frames - 1}, got {self.num_cond_frames}"
            )

    def identity(self) -> Dict[str, Any]:
        """All that can change a result. Draw and clips count where they are not the defaults, so that settings from
        before them keep their digests."""
        plain = {"draw": "fixed", "clips": 0}
        return {key: value for key, value in vars(self).items() if key not in plain or value != plain[key]}
