"""Visual ambiguity: what became of the red ball in generated clips, and how often that is right, by margin.

The margin of a scene (worlds.phyre.ambiguity) is counted in pixels of the generated picture: where it is below one,
the first frame hardly tells the model what must happen.
Source: paper, section 5.5.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.intervals import wilson
from physlaw.metric import COUNT, HIGHER, SHARE, Metric
from physlaw.tracking.balls import Frames, check_frames
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import RED, SIDE
from physlaw.worlds.phyre.ambiguity import ELSEWHERE, MISSING, OUTCOMES, AmbiguityScenes, classify

Array = NDArray[np.float64]

EDGES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, math.inf)  # pixels of the picture
ALL = "all"
# Of the clips of one family and range of margins.
_PROTOCOL = "outcome of the red ball against the simulator's, by the margin in pixels of the clip; Wilson interval"
ACCURACY = Metric("accuracy", "accuracy", 2, HIGHER, SHARE, _PROTOCOL)
COUNTS = tuple(Metric(name, name, 0, interval=COUNT) for name in ("right", "wrong", "elsewhere", "missing"))
_RED = PALETTE[RED].astype(np.int64)
_FULL_RED = 2 * _RED[0] - _RED[1] - _RED[2]  # it is 0 for grays and negative for all other colours of the palette
_MIN_SHARE = 0.05  # a pixel with less red is background (noise of generated frames)
_AREAS = (1 / 3, 3.0)  # of the ball's area; a red blob beyond is no ball
_REACH, _REACH_PIXELS = 1.3, 2.0  # of the window around the bulk: in radii, and pixels more


def red_path(frames: Frames, radius: float) -> Array:
    """Where the red ball is in one clip.

    A pixel's share of red is exact in mixtures with white, gray and black, whatever the blur; mixtures with green and
    purple lose some. The centroid is taken in a window around the bulk, so that stray specks do not pull it.

    Args:
        frames: (T, W, W, 3) uint8, row 0 on top.
        radius: of the ball, px of the scene.
    Returns:
        (T, 2) centre in px of the scene, NaN where the window holds less than a third or more than three times the
        ball's area of red.
    """
    width = frames.shape[2]
    scale = SIDE / width
    levels = frames.astype(np.int16)
    excess = 2 * levels[..., 0] - levels[..., 1] - levels[..., 2]
    share = np.clip(excess.astype(np.float64) / _FULL_RED, 0.0, 1.0)
    share[share < _MIN_SHARE] = 0.0
    places, reach = np.arange(width), _REACH * radius / scale + _REACH_PIXELS
    with np.errstate(invalid="ignore", divide="ignore"):
        # The reddest half alone: noise of many pixels would outweigh a small ball.
        bulk = np.where(share >= share.max(axis=(1, 2), keepdims=True) / 2, share, 0.0)
        mass = bulk.sum(axis=(1, 2))
        column, row = (bulk.sum(axis=axis) @ places / mass for axis in (1, 2))  # NaN, and so no window, without red
        in_column, in_row = (np.abs(places - centre[:, None]) <= reach for centre in (column, row))
        share *= in_column[:, None, :] & in_row[:, :, None]
        area = share.sum(axis=(1, 2))
        x = (share.sum(axis=1) @ places / area + 0.5) * scale
        y = SIDE - (share.sum(axis=2) @ places / area + 0.5) * scale
    ratio = area * scale**2 / (math.pi * radius**2)
    plausible = (_AREAS[0] <= ratio) & (ratio <= _AREAS[1])
    return np.where(plausible[:, None], np.stack([x, y], axis=1), np.nan)


def outcomes_from_frames(frames: Frames, scenes: AmbiguityScenes, numbers: Sequence[int]) -> list[str]:
    """What became of the red ball in each clip: one of OUTCOMES, "elsewhere" or "missing".

    Args:
        frames: (N, T, W, W, 3) uint8, row 0 on top; the whole clips, since the path decides (see classify).
        numbers: the N clips' scenes.
    Raises:
        UserError: frames of another shape or type, not N numbers, or no such number.
    """
    check_frames(frames)
    if len(frames) != len(numbers) or not frames.shape[1]:
        raise UserError(f"{len(numbers)} scenes need as many clips of 1 frame or more, got {frames.shape}")
    found = []
    for clip, number in zip(frames, numbers, strict=True):
        bodies, _ = scenes.start(number)
        radius = bodies[-1].diameter / 2
        path = red_path(clip, radius)
        found.append(classify(path[:, 0], path[:, 1], radius, scenes.blocks(number)))
    return found


@dataclass(frozen=True)
class Accuracy:
    """How often the outcome is right, of the clips of one family, or "all", whose size of margin is in [low, high).

    low, high: pixels of the picture. clips = right + wrong + elsewhere + missing; `wrong` are plausible: another of
    OUTCOMES. accuracy = right / clips, with Wilson's 95 % interval; None without clips.
    """

    family: str
    low: float
    high: float
    clips: int
    right: int
    wrong: int
    elsewhere: int
    missing: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None


def _row(family: str, low: float, high: float, pairs: Sequence[tuple[str, str]]) -> Accuracy:
    right = sum(true == found for true, found in pairs)
    elsewhere, missing = (sum(found == kind for _, found in pairs) for kind in (ELSEWHERE, MISSING))
    wrong = len(pairs) - right - elsewhere - missing
    share = wilson(right, len(pairs))
    counts = (len(pairs), right, wrong, elsewhere, missing)
    return Accuracy(family, low, high, *counts, share.share, share.low, share.high)


def _check(true: Sequence[str], found: Sequence[str], margins: Array, families: Sequence[str] | None) -> None:
    counts = [len(true), len(found), len(margins), len(true) if families is None else len(families)]
    if len(set(counts)) > 1:
        raise UserError(f"true and found outcomes, margins and families must be equally many, got {counts}")
    for outcome in true:
        if outcome not in OUTCOMES:
            raise unknown("true outcome", outcome, OUTCOMES)
    for outcome in found:
        if outcome not in (*OUTCOMES, ELSEWHERE, MISSING):
            raise unknown("found outcome", outcome, (*OUTCOMES, ELSEWHERE, MISSING))
    if not np.isfinite(margins).all():
        raise UserError(f"margins must be finite, got {margins[~np.isfinite(margins)][0]}")


def accuracy_by_margin(
    true: Sequence[str],
    found: Sequence[str],
    margins: Sequence[float] | Array,
    edges: Sequence[float] = EDGES,
    families: Sequence[str] | None = None,
) -> list[Accuracy]:
    """Accuracy for each range of margins.

    The intervals take the N clips as independent. Two scenes that are the same, from the same noise, are not: use
    AmbiguityScenes.distinct().

    Args:
        true, found: N outcomes each.
        margins: (N,) pixels of the picture, of either sign.
        edges: ascending sizes of margin, pixels of the picture, from 0 on.
        families: N names; each family then has rows of its own, before those of all.
    Returns:
        A row per range, also of no clips; by family in order of appearance, then by margin.
    Raises:
        UserError: not equally many of each, an unknown outcome, a margin that is not finite, or edges that are fewer
            than two, negative or do not ascend.
    """
    sizes = np.abs(np.asarray(margins, dtype=np.float64))
    _check(true, found, sizes, families)
    if len(edges) < 2 or not edges[0] >= 0 or not all(a < b for a, b in itertools.pairwise(edges)):
        raise UserError(f"edges must be two or more ascending numbers from 0 on, got {tuple(edges)}")
    groups: dict[str, list[int]] = {}
    for index, family in enumerate(families or ()):
        groups.setdefault(family, []).append(index)
    groups[ALL] = list(range(len(true)))
    return [
        _row(family, low, high, [(true[i], found[i]) for i in members if low <= sizes[i] < high])
        for family, members in groups.items()
        for low, high in itertools.pairwise(edges)
    ]
