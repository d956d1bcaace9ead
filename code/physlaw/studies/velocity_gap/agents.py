"""Reference agents of velocity gaps: they snap to trained bands of speed, or interpolate."""

from __future__ import annotations

import numpy as np

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, Array, Asked, from_values
from physlaw.evaluation.following import nearest_in_bands
from physlaw.studies.velocity_gap.study import BANDS, WIDE

_RIM = 1e-9  # distance from a band below which a speed is in it


def snapper(asked: Asked) -> Array:
    """The law, every speed taken from the nearest trained band."""
    return asked.with_speeds(nearest_in_bands(asked.init[:, 1], BANDS[asked.cell.scenario])[:, None])


def random_band(asked: Asked) -> Array:
    """The law, every speed taken from a trained band that is drawn, with probabilities as one over the distances."""
    speed, bands = asked.init[:, 1], BANDS[asked.cell.scenario]
    edges = np.stack([np.clip(speed, *band) for band in bands], axis=1)
    weights = 1 / np.maximum(np.abs(edges - speed[:, None]), _RIM)  # of the band that holds the speed: all
    shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    chosen = (asked.uniforms("band") >= shares[:, :-1]).sum(axis=1)
    return asked.with_speeds(edges[np.arange(len(speed)), chosen][:, None])


def interpolator(asked: Asked) -> Array:
    """Snaps in the widest gap; in narrower ones and between islands the law, held to the whole range."""
    if asked.cell.scenario == WIDE:
        return snapper(asked)
    bands = BANDS[asked.cell.scenario]
    return asked.with_speeds(np.clip(asked.init[:, [1]], bands[0][0], bands[-1][1]))


MAKERS = {
    "law": LAW,
    "clamp": CLAMP,
    "snapper": from_values(snapper),
    "random_band": from_values(random_band),
    "interpolator": from_values(interpolator),
    "nearest_case": NEAREST_CASE,
}
