"""The rules by which a stranger's pictures become clips that are measured. Every one that was used is noted.

1. Arrays: (T, H, W, 3); channels first, grey and a last channel of opacity (on white) are turned into it; floats of 0
   to 1, of -1 to 1 and of 0 to 255 into bytes.
2. Sizes: of pictures that are not square the central square counts (fit=stretch: all, squeezed). Larger ones are
   averaged over areas, smaller ones enlarged by bilinear interpolation.
3. Frames: as many as the whole clip has, or as many as it has without the condition, are taken one by one whatever the
   rate. Of other numbers those nearest to the wanted times are taken, by the rate that is given, else that the file
   says, else the exam's own; and whether the condition is among them is told by the first frame: is it nearer to the
   first or to the last condition frame? Frames that are lacking are blank: no ball is there.
4. Condition frames are put in the place of an answer's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from physlaw.errors import UserError
from physlaw.exam.video import MAX_FRAMES, MAX_SIDE_PX
from physlaw.render.averaging import NATIVE, area_average
from physlaw.worlds.laws import FRAME_S

Frames = NDArray[np.uint8]
WHITE = 255
CHANNELS = (1, 3, 4)


@dataclass
class Clip:
    """One answer on its way. rate: frames a second, where its file says it. notes: the rules that were used. side: the
    shorter one of its pictures, before they were resized."""

    frames: Frames
    rate: float | None = None
    notes: list[str] = field(default_factory=list)
    side: int = 0


def check_shape(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Raises UserError for an array that is no clip of up to 1024 frames and 4096 pixels a side."""
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise UserError(f"{where}: frames cannot be {dtype}; valid: uint8, or floats of 0 to 1")
    if len(shape) not in (3, 4) or not all(shape) or shape[0] > MAX_FRAMES or max(shape[1:]) > MAX_SIDE_PX:
        raise UserError(
            f"{where}: frames of shape {list(shape)}; valid: (frames, height, width, 3), up to {MAX_FRAMES} frames of "
            f"{MAX_SIDE_PX} x {MAX_SIDE_PX}"
        )


def as_bytes(values: NDArray[Any], where: str) -> tuple[Frames, list[str]]:
    """Rule 1: an array of any of its forms -> (T, H, W, 3) uint8, and what was done.

    Raises:
        UserError: it has none of them, or values that are not finite or out of range.
    """
    check_shape(values.shape, values.dtype, where)
    notes = []
    if values.ndim == 3:
        values = values[..., None]
    elif values.shape[-1] not in CHANNELS and values.shape[1] in CHANNELS:
        values = np.moveaxis(values, 1, -1)
        notes.append("channels came first")
    if values.shape[-1] not in CHANNELS:
        raise UserError(f"{where}: frames of shape {list(values.shape)} have no 1, 3 or 4 channels")
    if values.dtype != np.uint8:
        values = _bytes_of(values, where, notes)
    if values.shape[-1] == 1:
        values = np.broadcast_to(values, (*values.shape[:-1], 3))
        notes.append("grey")
    if values.shape[-1] == 4:
        opacity = values[..., 3:].astype(np.uint16)
        values = ((values[..., :3] * opacity + WHITE * (WHITE - opacity) + WHITE // 2) // WHITE).astype(np.uint8)
        notes.append("opacity laid on white")
    return np.ascontiguousarray(values), notes


def _bytes_of(values: NDArray[Any], where: str, notes: list[str]) -> Frames:
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(f"{where}: frames hold values that are not finite")
    if values.dtype.kind == "f" and low >= -1e-3 and high <= 1 + 1e-3:
        scaled, note = values * WHITE, "floats of 0 to 1"
    elif values.dtype.kind == "f" and low >= -1 - 1e-3 and high <= 1 + 1e-3:
        scaled, note = (values + 1) * (WHITE / 2), "floats of -1 to 1"
    elif low >= 0 and high <= WHITE:
        scaled, note = values, f"{values.dtype} of 0 to 255"
    else:
        raise UserError(f"{where}: frames hold values of {low:g} to {high:g}; valid: bytes, or floats of 0 to 1")
    notes.append(note)
    return np.clip(np.rint(scaled), 0, WHITE).astype(np.uint8)


def resized(frames: Frames, side: int, fit: str) -> Frames:
    """Rule 2: (T, H, W, 3) uint8 -> (T, side, side, 3); side 0: as it is."""
    height, width = frames.shape[1:3]
    if height != width and fit == "crop":
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        frames = frames[:, top : top + short, left : left + short]
        height = width = short
    if side in (0, height) and height == width:
        return frames
    if (height, width) == (NATIVE, NATIVE) and side < NATIVE:
        return area_average(frames, side)
    way = Image.Resampling.BOX if min(height, width) >= side else Image.Resampling.BILINEAR
    pictures = [Image.fromarray(np.ascontiguousarray(picture)).resize((side, side), way) for picture in frames]
    return np.stack([np.asarray(picture) for picture in pictures])


def size_note(shape: tuple[int, int], side: int, fit: str) -> list[str]:
    """What rule 2 did to pictures of that height and width."""
    height, width = shape
    if (height, width) == (side, side):
        return []
    done = "" if height == width else ", cut to its central square" if fit == "crop" else ", squeezed"
    return [f"{width} x {height} pixels{done}, measured at {side}"]


@dataclass(frozen=True)
class Timing:
    """Rule 3. frames: of the whole clip; shown: condition frames. rate, counted_from: as the user gives them."""

    frames: int
    shown: int
    rate: float | None = None
    counted_from: int | None = None

    def place(self, clip: Clip, condition: Frames, out: Frames) -> None:
        """Into `out`, (T, W, W, 3), an answer at the clip's times, after the (c, W, W, 3) condition. Adds to the clip's
        notes."""
        count, rest = len(clip.frames), self.frames - self.shown
        exact = {self.frames: 0, rest: self.shown}
        first = exact.get(count) if self.counted_from is None else self.counted_from
        one_by_one = count == self.frames - (first or 0) and first is not None
        if first is None:
            first = self._seen_first(clip.frames[0], condition)
        if first:
            clip.notes.append("without condition frames")
        rate = 1 / FRAME_S if one_by_one else self.rate or clip.rate or 1 / FRAME_S
        wanted = np.rint((np.arange(self.shown, self.frames) - first) * (rate * FRAME_S) + 1e-9).astype(int)
        inside = (wanted >= 0) & (wanted < count)
        if not one_by_one:
            clip.notes.append(f"{count} frames at {rate:g} a second")
        if not inside.all():
            clip.notes.append(f"{int((~inside).sum())} frames lacking, blank")
        out[: self.shown] = condition
        for frame, number in zip(out[self.shown :], np.where(inside, wanted, -1), strict=True):
            frame[:] = clip.frames[number] if number >= 0 else WHITE

    def _seen_first(self, frame: Frames, condition: Frames) -> int:
        """0 or `shown`: a clip without the condition begins where that ends."""
        away = [np.abs(frame.astype(np.int16) - one).mean() for one in (condition[0], condition[-1])]
        return 0 if away[0] <= away[1] else self.shown
