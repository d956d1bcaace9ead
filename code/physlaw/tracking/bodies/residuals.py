"""What of a picture the fitted bodies leave unexplained, and which of them are to blame.

Pictures are (3, H, H) coverage of red, gray and black, padded as in fit. Blurred pictures are compared after smoothing
them and the bodies alike, as often as makes the known first frame agree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlaw.tracking.bodies import jit
from physlaw.tracking.bodies.drawing import PAD
from physlaw.worlds.bodies import SIDE


class View(NamedTuple):
    """What the fitted bodies are held against.

    picture: (3, H, H). seen: (3, H, H) the picture smoothed `passes` times. dead: coverage by which a pixel may differ.
    noise: pixels of larger gaps in all that are left alone.
    """

    picture: NDArray[np.float64]
    seen: NDArray[np.float64]
    passes: int
    dead: float
    noise: float


@jit
def smooth(picture, passes):  # type: ignore[no-untyped-def]
    """A copy of a picture (C, H, H), each pass spread by (1, 2, 1) / 4 along rows and columns."""
    out = picture.copy()
    size = out.shape[1]
    for _ in range(passes):
        for channel in range(len(out)):
            for row in range(size):
                before = 0.0
                for column in range(size):
                    here = out[channel, row, column]
                    after = out[channel, row, column + 1] if column + 1 < size else 0.0
                    out[channel, row, column] = (before + 2 * here + after) / 4
                    before = here
            for column in range(size):
                before = 0.0
                for row in range(size):
                    here = out[channel, row, column]
                    after = out[channel, row + 1, column] if row + 1 < size else 0.0
                    out[channel, row, column] = (before + 2 * here + after) / 4
                    before = here
    return out


@jit
def gaps(view, scratch):  # type: ignore[no-untyped-def]
    """(2, H, H) coverage of red and gray that is too much (> 0) or too little; bodies may hide behind other colours."""
    seen, out = view.seen, smooth(scratch.model, view.passes)
    for channel in range(2):
        for row in range(out.shape[1]):
            for column in range(out.shape[2]):
                drawn = out[channel, row, column]
                gap = seen[channel, row, column] - drawn
                if gap < 0:
                    free = max(1.0 - seen[1 - channel, row, column] - seen[2, row, column], 0.0)
                    gap = min(seen[channel, row, column] - min(drawn, free), 0.0)
                out[channel, row, column] = gap
    return out


@jit
def unexplained(view, scratch):  # type: ignore[no-untyped-def]
    """Sum of the gaps, as far as they exceed the dead zone (pixels)."""
    total = 0.0
    for gap in gaps(view, scratch).flat:
        total += max(abs(gap) - view.dead, 0.0)
    return total


@jit
def blame_bodies(view, kit, scratch):  # type: ignore[no-untyped-def]
    """(D,) gaps beyond the dead zone (pixels) in and next to the box of each body."""
    off = gaps(view, scratch)
    size = off.shape[1]
    blame = np.zeros(len(kit.channels))
    for d in range(len(blame)):
        row0, column0, rows, columns = scratch.boxes[d]
        for row in range(max(0, row0 - 1), min(size, row0 + rows + 1)):
            for column in range(max(0, column0 - 1), min(size, column0 + columns + 1)):
                blame[d] += max(abs(off[kit.channels[d], row, column]) - view.dead, 0.0)
    return blame


@jit
def lacking_shares(view, active, kit, scratch, shares):  # type: ignore[no-untyped-def]
    """shares (D,): of each body's area, what the picture does not show where the body is drawn; 1 for one that is not
    active. Where bodies overlap, each is blamed by its part."""
    off, model = gaps(view, scratch), smooth(scratch.model, view.passes)
    size = off.shape[1]
    for d in range(len(shares)):
        shares[d] = 1.0
        if not active[d]:
            continue
        found, channel, patch = 0.0, kit.channels[d], scratch.patches[d]
        row0, column0, rows, columns = scratch.boxes[d]
        for row in range(max(0, -row0), min(rows, size - row0)):
            for column in range(max(0, -column0), min(columns, size - column0)):
                mine, drawn = patch[0, row, column], model[channel, row0 + row, column0 + column]
                if mine > 0.0 and drawn > 0.0:
                    found += mine * (1 + min(off[channel, row0 + row, column0 + column], 0.0) / drawn)
        shares[d] = max(1 - found / kit.areas[d] * (SIDE / (size - 2 * PAD)) ** 2, 0.0)
