"""What a study says and shows on the front page: two sentences with numbers, and an animation of committed clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.video import encode_gif

Frames = NDArray[np.uint8]
PANEL_PX, GAP_PX, LABEL_PX, SIDE_PX, FONT_PX = 160, 6, 24, 104, 13
PAPER, INK, FRAME = 255, 30, 205  # greys


@dataclass(frozen=True)
class Strip:
    """One row of the animation: what is asked for, and clips (T, W, W, 3) of one size under their names."""

    label: str
    clips: dict[str, Frames]


@dataclass(frozen=True)
class Front:
    """answer: what its metrics say, a sentence each. strips: from a results folder and its metrics; the same names in
    every strip, none where no clips were kept."""

    answer: Callable[[pd.DataFrame], list[str]]
    strips: Callable[[Path, pd.DataFrame], list[Strip]]


def animation(strips: list[Strip]) -> bytes:
    """A GIF: a row per strip, a column per name, clips enlarged without smoothing.

    Raises:
        ValueError: no strips.
    """
    if not strips:
        raise ValueError("no strips to draw")
    names, rows = list(strips[0].clips), [_row(strip) for strip in strips]
    width = rows[0].shape[2]
    head = np.full((len(rows[0]), LABEL_PX, width, 3), PAPER, np.uint8)
    frames = np.concatenate([head, *rows], axis=1)
    step = (width - SIDE_PX) // len(names)
    texts = [(SIDE_PX + k * step + 2, 4, name) for k, name in enumerate(names)]
    for k, lines in enumerate(strip.label.split("\n") for strip in strips):
        top = LABEL_PX + k * rows[0].shape[1] + step // 2 - 8 * len(lines)
        texts += [(4, top + 16 * j, line) for j, line in enumerate(lines)]
    return encode_gif(np.minimum(frames, _written(texts, frames.shape[1:3])))


def _row(strip: Strip) -> Frames:
    """(T, side + GAP_PX, width, 3): the label's column left free, then each clip in a thin frame."""
    count = min(len(clip) for clip in strip.clips.values())
    row = []
    for clip in strip.clips.values():
        factor = max(1, PANEL_PX // clip.shape[1])
        large = clip[:count].repeat(factor, axis=1).repeat(factor, axis=2)
        framed = np.pad(large, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=FRAME)
        row.append(np.pad(framed, ((0, 0), (0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=PAPER))
    label = np.full((*row[0].shape[:2], SIDE_PX, 3), PAPER, np.uint8)
    return np.concatenate([label, *row], axis=2)


def _written(texts: list[tuple[int, int, str]], shape: tuple[int, ...]) -> Frames:
    """(H, W, 3): dark text on white."""
    from PIL import Image, ImageDraw, ImageFont  # a machine that only trains may lack it

    picture = Image.new("L", (shape[1], shape[0]), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(FONT_PX)
    for x, y, text in texts:
        pen.text((x, y), text, fill=INK, font=font)
    return np.asarray(picture, np.uint8)[..., None].repeat(3, axis=2)
