"""Which of two attributes a generated object kept, where training had shown only some combinations of them.

The pairs of the paper's section 5.3 (trained: red slow and blue fast; asked: blue slow) and of its ring study, A.5.2.
Distances are scaled so that 1 is one trained band of a continuous attribute, or one discrete value for another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.metric import COUNT, SHARE, Metric
from physlaw.worlds.regions import within

Array = NDArray[np.float64]
Codes = NDArray[np.uint8]
Band = tuple[float, float]
Box = tuple[Band, Band]

KEEPS_BOTH, KEEPS_FIRST, KEEPS_SECOND, UNDECIDED = 0, 1, 2, 3
OUTCOMES = ("keeps both", "keeps first", "keeps second", "undecided")  # names of the codes, in order
# Of a group of clips: how many have each outcome, shares of the decided ones, and keeps first of those that kept one.
CLIPS = tuple(Metric(f"{name.replace(' ', '_')}_clips", f"{name}: clips", 0, interval=COUNT) for name in OUTCOMES[:3])
UNDECIDED_CLIPS = Metric("undecided_clips", "undecided", 0, interval=COUNT)
DECIDED = Metric("decided", "decided", 0, interval=COUNT)
SHARES = (
    Metric("keeps_both_share", "keeps both", 2, interval=SHARE),
    Metric("keeps_first_share", "keeps the first", 2, interval=SHARE),
    Metric("keeps_second_share", "keeps the second", 2, interval=SHARE),
)
DOMINANCE = Metric("dominance", "first of one kept", 2, interval=SHARE)
METRICS = (DECIDED, *CLIPS, *SHARES, UNDECIDED_CLIPS, DOMINANCE)

# How much nearer, in scaled distance, the nearest candidate must be. Half of it is how far the measured value must lie
# from the middle between two candidates: 0.075 world units / s, or 0.0175 world units of radius. Of true clips at
# 32 x 32, blurred and with noise, 95 % are measured within 0.01 and 0.012 (tracking/object_accuracy.py).
MARGIN = 0.1
# Candidates nearer to each other leave less than the margin on either side of their middle for an answer.
MIN_SEPARATION = 2 * MARGIN
# Farther from every candidate than half a trained band, an object is none of them (a smear, a stray speed).
MAX_DISTANCE = 0.5
_TIE = 1e-9  # rounding


@dataclass(frozen=True)
class Attribute:
    """scale: the difference that counts as 1; of a discrete attribute, whose values are codes, any difference does."""

    name: str
    scale: float = 1.0
    discrete: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise UserError(f"the scale of {self.name} must be above 0, got {self.scale}")

    def distance(self, values: Array, others: Array) -> Array:
        """Scaled distance, element by element; NaN where either is NaN."""
        difference = np.abs(values - others)
        if not self.discrete:
            return difference / self.scale
        return np.where(np.isnan(difference), np.nan, (difference > _TIE).astype(np.float64))


COLOUR = Attribute("colour", discrete=True)  # 0 red, 1 blue
SHAPE = Attribute("shape", discrete=True)  # the scenes' codes
SIZE = Attribute("size", 0.35)  # radius or half side; a trained band is 0.35 wide
VELOCITY = Attribute("velocity", 1.5)  # speed; a trained band is 1.5 wide


@dataclass(frozen=True)
class Pair:
    """Two attributes, and the combinations of them that training showed.

    trained: boxes ((low, high) of the first, (low, high) of the second), ends included; low = high if discrete.
    Raises:
        UserError: no box, a band that is no interval, or a discrete attribute with more than one value in a box.
    """

    first: Attribute
    second: Attribute
    trained: tuple[Box, ...]

    def __post_init__(self) -> None:
        if not self.trained:
            raise UserError(f"{self.name} needs at least one trained combination")
        for box in self.trained:
            for attribute, (low, high) in zip((self.first, self.second), box, strict=True):
                if not low <= high:
                    raise UserError(f"trained {attribute.name} must be (low, high), got ({low}, {high})")
                if attribute.discrete and low != high:
                    raise UserError(f"trained {attribute.name} is discrete: low = high in a box, got ({low}, {high})")

    @property
    def name(self) -> str:
        return f"{self.first.name} and {self.second.name}"


def _trained_with(pair: Pair, conditioned: Array, measured: Array, keep: int) -> tuple[Array, Array]:
    """Where training had the other attribute together with the conditioned value of attribute `keep`.

    Returns:
        (N,), (N,) scaled distance of the measured, and of the conditioned, other attribute from the nearest such value.
    Raises:
        UserError: a conditioned value is in no trained band of its attribute.
    """
    kept, other = (pair.first, pair.second)[keep], (pair.first, pair.second)[1 - keep]
    found = np.full((2, len(conditioned)), np.inf)
    for box in pair.trained:
        (low, high), band = box[keep], box[1 - keep]
        holds = within(conditioned[:, keep], low, high)
        for nearest, pairs in zip(found, (measured, conditioned), strict=True):
            value = pairs[:, 1 - keep]
            nearest[holds] = np.minimum(nearest, other.distance(value, np.clip(value, *band)))[holds]
    if np.isinf(found[1]).any():
        value = conditioned[np.isinf(found[1]).argmax(), keep]
        bands = ", ".join(f"{box[keep][0]:g} to {box[keep][1]:g}" for box in pair.trained)
        raise UserError(f"conditioned {kept.name} {value:g} was not trained; trained: {bands}")
    return found[0], found[1]


def outcomes(pair: Pair, conditioned: Array, measured: Array) -> Codes:
    """What became of each clip's pair of attributes.

    Candidates: the condition itself (keeps both); the trained combinations with the conditioned value of the first
    attribute (keeps first: the second went where training had it with such a first); those with the conditioned value
    of the second; and both moved at once, which keeps neither. The measured pair belongs to the nearest in scaled
    distance. A speed pulled beyond the edge of a trained band, into it, has moved to that band: distances are to the
    whole of it.

    Args:
        conditioned: (N, 2) what the condition frames show. measured: (N, 2) of the generated frames, NaN: not known.
    Returns:
        (N,) codes. UNDECIDED where a measured value is NaN, where neither is kept, where the nearest candidate is not
        nearer than the next by MARGIN or is farther than MAX_DISTANCE, or where the condition is within MIN_SEPARATION
        of a trained combination: moving there could not be told from keeping both.
    Raises:
        UserError: arrays of other shapes, a conditioned value that is not finite, or was not trained.
    """
    if conditioned.ndim != 2 or conditioned.shape[1:] != (2,) or measured.shape != conditioned.shape:
        raise UserError(f"conditioned and measured must both be (N, 2), got {conditioned.shape} and {measured.shape}")
    if not np.isfinite(conditioned).all():
        raise UserError(f"conditioned values of {pair.name} must be finite")
    stays = [a.distance(measured[:, k], conditioned[:, k]) for k, a in enumerate((pair.first, pair.second))]
    second_moved, second_gap = _trained_with(pair, conditioned, measured, 0)
    first_moved, first_gap = _trained_with(pair, conditioned, measured, 1)
    candidates = ((stays[0], stays[1]), (stays[0], second_moved), (first_moved, stays[1]), (first_moved, second_moved))
    distances = np.stack([np.hypot(*candidate) for candidate in candidates], axis=1)  # in the order of the codes
    known = np.isfinite(measured).all(axis=1)
    distances[~known] = 0.0
    ranked = np.sort(distances, axis=1)
    clear = (ranked[:, 1] - ranked[:, 0] >= MARGIN) & (ranked[:, 0] <= MAX_DISTANCE)
    clear &= np.minimum(first_gap, second_gap) >= MIN_SEPARATION
    return np.where(known & clear, distances.argmin(axis=1), UNDECIDED).astype(np.uint8)


def _check_codes(codes: Codes) -> None:
    if codes.ndim != 1 or not np.isin(codes, range(len(OUTCOMES))).all():
        raise UserError(f"codes must be (N,) of 0 to {len(OUTCOMES) - 1}, got {codes.shape} {np.unique(codes)[:8]}")


def share_table(codes: Codes) -> dict[str, float]:
    """How often each outcome came up, for one row of a table: clips, and the columns of METRICS; NaN of none."""
    _check_codes(codes)
    decided, one = codes[codes != UNDECIDED], codes[np.isin(codes, (KEEPS_FIRST, KEEPS_SECOND))]
    row: dict[str, float] = {"clips": len(codes)} | DECIDED.over(codes != UNDECIDED)
    for code, metric in enumerate((*CLIPS, UNDECIDED_CLIPS)):
        row |= metric.over(codes == code)
    for code, metric in enumerate(SHARES):
        row |= metric.over(decided == code)
    return row | DOMINANCE.over(one == KEEPS_FIRST)


def combination_distances(query_frames: NDArray, first_frames: NDArray, second_frames: NDArray) -> tuple[Array, Array]:
    """How much of a clip would change on the way to each trained combination.

    Args:
        query_frames: (N, T, ...) test clips, pixels or latents. first_frames, second_frames: the same clips drawn as
            the trained combination that keeps the first attribute, and as the one that keeps the second.
    Returns:
        (N,), (N,) root mean square difference per clip, in the units of the arrays.
    Raises:
        UserError: arrays of other shapes.
    Source: paper A.5.2, which explains the ring by the amount of pixel change.
    """
    for frames in (first_frames, second_frames):
        if frames.shape != query_frames.shape or frames.ndim < 2:
            raise UserError(f"clips must have the shape {query_frames.shape}, (N, T, ...), got {frames.shape}")
    distances = np.empty((2, len(query_frames)))
    for row, frames in zip(distances, (first_frames, second_frames), strict=True):
        for clip, (query, other) in enumerate(zip(query_frames, frames, strict=True)):  # one by one, to bound memory
            row[clip] = np.sqrt(np.mean((query.astype(np.float64) - other.astype(np.float64)) ** 2))
    return distances[0], distances[1]


def right_predictions(distance_first: Array, distance_second: Array, codes: Codes) -> NDArray[np.bool_]:
    """Whether each clip goes to the trained combination that takes less change.

    Of the clips that kept exactly one attribute; those at equal distances, of which nothing is predicted, are left out.

    Args:
        distance_first, distance_second: (N,) to the combination that keeps the first attribute, and the second.
    Returns:
        (n,) of the clips of which something is predicted.
    Raises:
        UserError: arrays of other shapes, or a distance that is not finite.
    """
    _check_codes(codes)
    if not distance_first.shape == distance_second.shape == codes.shape:
        raise UserError(
            f"distances must be {codes.shape} like the codes, got {distance_first.shape}, {distance_second.shape}"
        )
    if not np.isfinite(distance_first + distance_second).all():
        raise UserError("distances to trained combinations must be finite")
    used = np.isin(codes, (KEEPS_FIRST, KEEPS_SECOND)) & (distance_first != distance_second)
    predicted = np.where(distance_first < distance_second, KEEPS_FIRST, KEEPS_SECOND)
    return np.asarray((predicted == codes)[used])
