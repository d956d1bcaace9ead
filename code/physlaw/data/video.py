"""Clips as pictures for people: side by side, enlarged, as an animation that any browser plays."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = NDArray[np.uint8]

PANEL_PX = 32  # a page enlarges what is smaller
FRAMES_PER_S = 10
GAP_PX, GAP_GREY = 4, 160


def side_by_side(clips: list[Frames], panel_px: int = PANEL_PX) -> Frames:
    """Clips (T, W, W, 3) -> one (T, H, H n + gaps, 3), each enlarged to about panel_px pixels without smoothing."""
    panels: list[Frames] = []
    for clip in clips:
        factor = max(1, panel_px // clip.shape[1])
        panel = clip.repeat(factor, axis=1).repeat(factor, axis=2)
        panels += [panel, np.full((*panel.shape[:2], GAP_PX, 3), GAP_GREY, np.uint8)]
    return np.concatenate(panels[:-1], axis=2)


def encode_gif(frames: Frames) -> bytes:
    """An endless animation of (T, H, W, 3) uint8 at 10 frames per second."""
    images = [Image.fromarray(frame).quantize(24) for frame in frames]
    stream = io.BytesIO()
    images[0].save(stream, "GIF", save_all=True, append_images=images[1:], duration=1000 // FRAMES_PER_S, loop=0)
    return stream.getvalue()
