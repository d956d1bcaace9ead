"""Pictures of the combinatorial world as coverage maps: which share of each pixel is red, gray and black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.tracking.bodies import jit
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import BLACK, GRAY, RED, SIDE, THICKNESS, WHITE

Frames = NDArray[np.uint8]
Maps = NDArray[np.float64]

COLOURS = (RED, GRAY, BLACK)
RESOLUTIONS = (32, 64, 128, 256)
_STEPS = (PALETTE[list(COLOURS)].astype(np.float64) - PALETTE[WHITE]).T  # columns: from white to each colour
# Row k: the least-squares shares if colour k is absent; row 3: with all three.
_SOLVERS = np.zeros((4, 3, 3))
for _absent in range(3):
    _left = [k for k in range(3) if k != _absent]
    _SOLVERS[_absent, _left] = np.linalg.pinv(_STEPS[:, _left])
_SOLVERS[3] = np.linalg.inv(_STEPS)
_NOISE = np.linalg.norm(_SOLVERS[3], axis=1)  # of each share, per unit of colour noise
_BLACK = 2
_FULL = 1.2  # red and gray cannot cover more of a pixel than this
_FAR_COLOUR = 40.0  # of 255; so far from any mixture of white, red and gray lies no noise
_THIN = 2 / 3 * THICKNESS  # px, of sticks
_LEAST_PART = 60.0  # px^2
_MOST_FLOOR = 40.0  # of 255
_NEAR = 2  # pixels around static bodies where a blurred picture may be black


@jit
def _shares(colour, absent, solvers, out):  # type: ignore[no-untyped-def]
    for k in range(3):
        row = solvers[absent, k]
        out[k] = row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]


@jit
def _unmix(frames, black, floor, solvers, steps, noise, out):  # type: ignore[no-untyped-def]
    """out (T, 3, W, W) from the averages of blocks of frames (T, side, side, 3), and black (W, W), where it may be."""
    colour, share = np.zeros(3), np.zeros(3)
    block = frames.shape[1] // out.shape[2]
    for t in range(out.shape[0]):
        for row in range(out.shape[2]):
            for column in range(out.shape[3]):
                colour[:] = 0.0
                for i in range(block):
                    for j in range(block):
                        for k in range(3):
                            colour[k] += frames[t, block * row + i, block * column + j, k] - 255.0
                colour /= block * block
                if colour[0] ** 2 + colour[1] ** 2 + colour[2] ** 2 <= floor * floor:
                    out[t, 0, row, column] = out[t, 1, row, column] = out[t, 2, row, column] = 0.0
                    continue
                with_black = black[row, column]
                if not with_black:
                    _shares(colour, _BLACK, solvers, share)
                    gap = 0.0
                    for k in range(3):
                        off = colour[k] - steps[k, 0] * share[0] - steps[k, 1] * share[1]
                        gap += off * off
                    with_black = share[0] + share[1] > _FULL or gap > _FAR_COLOUR * _FAR_COLOUR
                if with_black:
                    _shares(colour, 3, solvers, share)
                    worst = 0
                    for k in range(1, 3):
                        if share[k] / noise[k] < share[worst] / noise[worst]:
                            worst = k
                    if share[worst] < 0:
                        _shares(colour, worst, solvers, share)
                for k in range(3):
                    out[t, k, row, column] = min(max(share[k], 0.0), 1.0)


def check_clips(frames: Frames) -> None:
    """Raises UserError unless frames are (..., T, W, W, 3) uint8 of a known width."""
    if frames.dtype != np.uint8 or frames.ndim < 4 or frames.shape[-1] != 3 or frames.shape[-2] != frames.shape[-3]:
        raise UserError(f"frames must be (T, W, W, 3) uint8, got {frames.shape} {frames.dtype}")
    if frames.shape[-2] not in RESOLUTIONS:
        raise UserError(f"frames must be {', '.join(map(str, RESOLUTIONS))} px wide, got {frames.shape[-2]}")
    if not frames.shape[-4]:
        raise UserError("a clip must have at least one frame, got none")


def coverage(
    frames: Frames, static: NDArray[np.floating] | None = None, width: int | None = None, floor: float = 0.0
) -> Maps:
    """Shares of red, gray and black of each pixel: the mixture with white that is nearest to its colour.

    Args:
        frames: (T, side, side, 3) uint8.
        static: (W, W) share of each pixel that black static bodies cover, if that is known. Gray and black differ
            from white in nearly the same direction: where both are possible, a pixel's noise of 2 of 255 is 0.4 of
            gray; without black, 0.02. So pixels farther than 2 from static bodies are taken to hold no black, unless
            their colour is no mixture of white, red and gray.
        width: W, the pixels of the maps; frames that are wider are averaged first. By default W = side.
        floor: distance from white, of 255, up to which a pixel is white; against the noise of frames.
    Returns:
        (T, 3, W, W) red, gray, black, each from 0 to 1.
    Raises:
        UserError: frames of another shape or type, or a width that does not divide theirs.
    """
    check_clips(frames)
    side = frames.shape[1]
    width = width or side
    if side % width:
        raise UserError(f"the width of the maps must divide that of the frames, {side}, got {width}")
    black = np.ones((width, width), dtype=np.bool_)
    if static is not None:
        covered = np.pad(np.asarray(static) > 0, _NEAR)
        windows = np.lib.stride_tricks.sliding_window_view(covered, (2 * _NEAR + 1, 2 * _NEAR + 1))
        black = np.asarray(windows.any(axis=(2, 3)))
    out = np.empty((len(frames), 3, width, width))
    _unmix(frames, black, floor, _SOLVERS, _STEPS, _NOISE, out)
    return out


def noise_floor(frames: Frames, first: Frames, width: int) -> float:
    """Distance from white, of 255, that noise hardly exceeds, from a clip's first frame and what it should show.

    Args:
        frames: (T, side, side, 3). first: (1, width, width, 3) the known first frame. width: pixels after averaging.
    Returns:
        four times the root mean square of a channel's noise where the known frame is white, two pixels from anything.
    """
    block = frames.shape[1] // width
    shown = frames[0].reshape(width, block, width, block, 3).mean(axis=(1, 3))
    dark = np.pad((first[0] < 255).any(axis=-1), _NEAR)
    near = np.lib.stride_tricks.sliding_window_view(dark, (2 * _NEAR + 1, 2 * _NEAR + 1)).any(axis=(2, 3))
    noise = shown[~np.asarray(near)] - 255.0
    return min(4 * float(np.sqrt(np.mean(noise**2))), _MOST_FLOOR) if noise.size else 0.0


def colour_areas(maps: Maps) -> NDArray[np.float64]:
    """(T, 3, W, W) coverage -> (T, 3) px^2 of the 512 px scene."""
    return maps.sum(axis=(2, 3)) * (SIDE / maps.shape[-1]) ** 2


@jit
def _count(share, least, smallest, labels, stack):  # type: ignore[no-untyped-def]
    """Number of connected parts of a map (W, W) with at least `smallest` pixels of coverage in all."""
    width = share.shape[0]
    labels[:] = 0
    parts = 0
    for row in range(width):
        for column in range(width):
            if labels[row, column] or share[row, column] < least:
                continue
            labels[row, column] = 1
            stack[0] = row * width + column
            top, area = 1, 0.0
            while top:
                top -= 1
                at_row, at_column = divmod(stack[top], width)
                area += share[at_row, at_column]
                for r in range(max(0, at_row - 1), min(width, at_row + 2)):
                    for c in range(max(0, at_column - 1), min(width, at_column + 2)):
                        if not labels[r, c] and share[r, c] >= least:
                            labels[r, c] = 1
                            stack[top] = r * width + c
                            top += 1
            parts += area >= smallest
    return parts


@jit
def _count_all(maps, least, smallest, out):  # type: ignore[no-untyped-def]
    width = maps.shape[2]
    labels, stack = np.zeros((width, width), np.uint8), np.zeros(width * width, np.int64)
    for t in range(maps.shape[0]):
        for colour in range(3):
            out[t, colour] = _count(maps[t, colour], least, smallest, labels, stack)


def count_parts(maps: Maps) -> NDArray[np.int64]:
    """(T, 3, W, W) coverage -> (T, 3) connected parts of each colour, pixels that touch at a corner included.

    A pixel counts from a quarter of the coverage that the thinnest object gives on; a part from 60 px^2 on.
    """
    width = maps.shape[-1]
    out = np.zeros((len(maps), 3), dtype=np.int64)
    _count_all(maps, _THIN / 4 * min(width / SIDE, 1 / _THIN), _LEAST_PART * (width / SIDE) ** 2, out)
    return out
