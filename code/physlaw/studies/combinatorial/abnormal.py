"""Is a clip of the combinatorial world physically impossible? An automatic verdict in place of people's.

A clip has one statistic for each cause, larger is worse. A cause holds if its statistic exceeds a threshold, which is
calibrated on simulated clips that went the same way as the clips to be judged (resolution, tokenizer), and is never
lower than what people can see. A clip is abnormal if any cause holds. How the true motion went plays no part: other
motion that is possible is not abnormal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.intervals import Share, wilson
from physlaw.metric import LOWER, SHARE, Metric
from physlaw.tracking.bodies.measure import ObjectMeasures

Array = NDArray[np.float64]

VANISHED = "vanished"
APPEARED = "appeared"
SPLIT = "split"
DEFORMED = "deformed"
TELEPORTED = "teleported"
STATIC_MOVED = "static_moved"
ENERGY_GAIN = "energy_gain"
PENETRATION = "penetration"

# Each cause's statistic, and the value below which people hardly see anything; px of the 512 px scene.
FLOORS = {
    VANISHED: 0.5,  # share of a body that is missing where it is drawn; the largest over bodies and frames
    APPEARED: 250.0,  # px^2 of red or of gray more than the bodies have, in one frame
    SPLIT: 0.5,  # connected parts of red or of gray more than there are bodies, in one frame
    DEFORMED: 200.0,  # px^2 that rigid bodies do not explain in one frame, wherever they are: the smallest red ball's
    TELEPORTED: 20.0,  # px a frame of velocity that neither gravity nor a contact gives, in 1 to 6 frames in a row
    STATIC_MOVED: 150.0,  # px^2 of black that is new or gone, in one frame
    ENERGY_GAIN: 4.0,  # px by which the mean height of all that moves exceeds the first frame's
    PENETRATION: 6.0,  # px by which two bodies, or a body and a wall, overlap
}
CAUSES = tuple(FLOORS)
QUANTILE = 0.998  # of the simulated clips' statistics, on which a threshold rests
SAFETY = 1.25  # times that quantile
# Of a set of clips: how many are abnormal, and for which causes.
_PROTOCOL = (
    f"automatic, from tracked objects; thresholds: {SAFETY:g} x the {QUANTILE:.1%} quantile of "
    "{detector_clips} simulated training clips, reconstructed; Wilson interval"
)
ABNORMAL = Metric("abnormal", "abnormal", 2, LOWER, SHARE, _PROTOCOL)
OF_CAUSES = tuple(Metric(cause, cause, 2, LOWER, SHARE, _PROTOCOL) for cause in CAUSES)
_WINDOW = 6  # frames over which unexplained changes of velocity add up


def _unexplained_velocity(pushes: Array) -> float:
    """(T, D, 2) -> the longest sum of 1 to 6 vectors in a row; a frame that is not known (NaN) adds nothing."""
    known = np.nan_to_num(pushes)
    total, longest = known, 0.0
    for width in range(1, min(_WINDOW, len(known)) + 1):
        if width > 1:
            total = total[:-1] + known[width - 1 :]
        longest = max(longest, float(np.hypot(total[..., 0], total[..., 1]).max()))
    return longest


def statistics(measures: Sequence[ObjectMeasures]) -> NDArray[np.float64]:
    """N clips' measures -> (N, causes), in the order of CAUSES and the units of FLOORS.

    Areas, parts and heights are compared with the known first frame, or with the clip's own where that has more: what
    a tokenizer adds to every frame is not the motion's fault.
    """
    out = np.zeros((len(measures), len(CAUSES)))
    for row, clip in zip(out, measures, strict=True):
        values = {
            VANISHED: 1 - clip.found.min(),
            APPEARED: (clip.areas - np.maximum(clip.full_areas, clip.areas[0]))[:, :2].max(),
            SPLIT: (clip.parts - np.maximum(clip.first_counts, clip.parts[0]))[:, :2].max(),
            DEFORMED: (clip.unexplained - clip.unexplained[0]).max(),
            TELEPORTED: _unexplained_velocity(clip.pushes),
            STATIC_MOVED: (clip.static_change - clip.static_change[0]).max(),
            ENERGY_GAIN: (clip.height - max(clip.first_height, clip.height[0])).max(),
            PENETRATION: clip.depth.max(),
        }
        row[:] = [values[cause] for cause in CAUSES]
    return out


@dataclass(frozen=True)
class Thresholds:
    """What statistics must exceed to be abnormal.

    values: of every cause. resolution: pixels of the clips. clips: how many simulated clips they rest on. quantile,
    safety: as calibrate.
    """

    values: dict[str, float]
    resolution: int
    clips: int
    quantile: float = QUANTILE
    safety: float = SAFETY

    def __post_init__(self) -> None:
        for cause in CAUSES:
            if cause not in self.values:
                raise UserError(f"thresholds must name every cause, {cause!r} is missing")
        for cause, value in self.values.items():
            if cause not in CAUSES:
                raise unknown("cause", cause, CAUSES)
            if not 0 < value < math.inf:
                raise UserError(f"the threshold of {cause!r} must be a positive number, got {value}")

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Thresholds:
        """The other way round. Raises UserError if a field is missing, unknown or wrong."""
        try:
            return cls(**{**data, "values": dict(data["values"])})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"not a record of thresholds ({error!r}): {dict(data)}") from error


def _check_statistics(values: Array) -> None:
    if values.ndim != 2 or values.shape[1] != len(CAUSES):
        raise UserError(f"statistics must be (clips, {len(CAUSES)} causes), got {values.shape}")
    if not np.isfinite(values).all():
        clip, cause = np.argwhere(~np.isfinite(values))[0]
        raise UserError(f"clip {clip}: the statistic of {CAUSES[cause]!r} is not finite: {values[clip, cause]}")


def calibrate(
    simulated: Array, resolution: int, quantile: float = QUANTILE, safety: float = SAFETY, most_vanished: float = 0.9
) -> Thresholds:
    """Thresholds that simulated clips hardly ever exceed.

    Each is `safety` times the quantile of the simulated clips' statistics, or the floor of what can be seen if that
    is higher. With the standard values and 600 clips, well under 1 % of new simulated clips exceed any.

    Args:
        simulated: (N, causes) statistics of simulated clips, treated like those to be judged; 600 or more.
        resolution: pixels of the clips.
        most_vanished: the threshold of "vanished", a share, is never higher.
    Raises:
        UserError: statistics of another shape or not finite, none at all, or a quantile outside 0 to 1.
    """
    _check_statistics(simulated)
    if not len(simulated):
        raise UserError("thresholds need simulated clips, got none")
    if not 0 < quantile <= 1:
        raise UserError(f"the quantile must be above 0 and at most 1, got {quantile}")
    bounds = safety * np.quantile(simulated, quantile, axis=0)
    values = {cause: max(FLOORS[cause], float(bound)) for cause, bound in zip(CAUSES, bounds, strict=True)}
    values[VANISHED] = min(values[VANISHED], most_vanished)
    return Thresholds(values, resolution, len(simulated), quantile, safety)


def judge(values: Array, thresholds: Thresholds) -> NDArray[np.bool_]:
    """(N, causes) statistics -> (N, causes) whether each cause holds; a clip is abnormal if any does.

    Raises UserError for statistics of another shape or not finite.
    """
    _check_statistics(values)
    return values > np.array([thresholds.values[cause] for cause in CAUSES])


def abnormal_share(verdicts: NDArray[np.bool_]) -> Share:
    """(N, causes) verdicts -> the share of clips with any cause."""
    return wilson(int(verdicts.any(axis=1).sum()), len(verdicts))
