"""The model under test, as functions of frames. Studies know no other model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]
AS_ARRAYS = "{num_frames} frames of {resolution} x {resolution}, from arrays"  # how metrics get clips, in protocols
Features = Callable[[Frames], NDArray[np.float32]]


@dataclass(frozen=True)
class Codec:
    """What a model does to clips: (N, T, W, W, 3) uint8 in and out.

    generate(frames, block, numbers): continue each clip from its condition frames; only those are read, and the noise
    belongs to (block, scene number). reconstruct: the tokenizer alone; of a model without one, the clips themselves.
    latents, condition_latents: what a model makes of whole clips, and of what the condition frames show, (N, ...);
    None where it tells neither. device: where networks that compare pictures run. hidden(frames, block, numbers,
    steps): the model's hidden tokens while it generates the same clips, at these denoising steps (0: the first),
    (N, steps, layers, T', D): by layer, the first before any block, and by latent frame, the mean of its tokens; None
    where it does not show them.
    """

    generate: Callable[[Frames, str, Index], Frames]
    reconstruct: Callable[[Frames], Frames]
    latents: Features | None = None
    condition_latents: Features | None = None
    device: str = "cpu"
    hidden: Callable[[Frames, str, Index, Sequence[int]], NDArray[np.float32]] | None = None
