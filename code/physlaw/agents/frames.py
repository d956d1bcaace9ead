"""What agents do to frames, and the Codec that they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from physlaw.config import CellConfig
from physlaw.data.clips import ClipSource
from physlaw.data.world import World
from physlaw.evaluation.codec import Codec, Frames, Index

FADING_FRAMES = 8  # in which something that fades goes from whole to gone

Training = Callable[[], ClipSource]
# Of an agent: a cell, its scenario, where its training clips come from.
Maker = Callable[[CellConfig, World, Training], Codec]


def as_they_are(frames: Frames) -> Frames:
    """The tokenizer of an agent: none."""
    return frames


def after_condition(condition: Frames, drawn: Frames, count: int) -> Frames:
    """(N, T, W, W, 3) drawn clips whose first `count` frames are the given ones."""
    drawn[:, :count] = condition[:, :count]
    return drawn


def fade(kept: Frames, gone: Frames, first: NDArray[np.int64]) -> Frames:
    """Clips in which what `kept` shows and `gone` does not fades linearly over FADING_FRAMES frames.

    Args:
        kept, gone: (N, T, W, W, 3) uint8. first: (N,) the last frame that shows it whole.
    """
    passed = (np.arange(kept.shape[1]) - first[:, None]) / FADING_FRAMES
    share = np.clip(passed, 0.0, 1.0)[..., None, None, None]
    return np.asarray(np.rint(kept * (1.0 - share) + gone * share), dtype=np.uint8)


def drift(frames: Frames, pixels: float) -> Frames:
    """Clips that move to the right evenly, by so many pixels at the last frame; between pixels linear, with the left
    column repeated.

    Args:
        frames: (N, T, W, W, 3) uint8. pixels: 0 to 1.
    """
    shift = np.linspace(0.0, pixels, frames.shape[1])[:, None, None, None]
    left = np.concatenate([frames[:, :, :, :1], frames[:, :, :, :-1]], axis=3)
    return np.asarray(np.rint(frames * (1.0 - shift) + left * shift), dtype=np.uint8)


def codec_of(generate: Callable[[Frames, str, Index], Frames]) -> Codec:
    """An agent that reconstructs clips as they are."""
    return Codec(generate, as_they_are)
