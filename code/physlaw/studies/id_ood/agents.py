"""Reference agents of in and out of distribution: noise that shrinks with data and parameters, and codecs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, NOISY_LAW, Array, Asked, from_values
from physlaw.agents.config import PARAMETERS, parameters_of
from physlaw.agents.frames import Training, drift
from physlaw.config import CellConfig
from physlaw.data.world import World
from physlaw.evaluation.codec import Codec
from physlaw.studies.id_ood.study import PAPER_CLIPS, PAPER_ID_SLOPES

SCALING_NOISE = 0.03  # of a speed, with the paper's smallest training set and model
DRIFT_PIXELS = 1.0  # over the clip


def scaling_noise(asked: Asked) -> float:
    """The noise of a cell's speeds: it falls with training clips and parameters as the paper's ID error does."""
    data, parameters = PAPER_ID_SLOPES[asked.scenario.name]
    clips = len(asked.known.training) / PAPER_CLIPS[0]
    size = parameters_of(asked.cell.model.agent) / PARAMETERS["s"]
    return float(SCALING_NOISE * clips**data * size**parameters)


def scaling_law(asked: Asked) -> Array:
    """The law with noise that shrinks with scale, in and out of distribution alike."""
    return asked.speed_noise(scaling_noise(asked))


def scaling_clamp(asked: Asked) -> Array:
    """scaling_law, held to the training set's range where the scene leaves it."""
    low, high = asked.known.trained_range
    outside = (asked.init < low - 1e-9) | (asked.init > high + 1e-9)
    return np.where(outside, np.clip(asked.init, low, high), scaling_law(asked))


def drifting(cell: CellConfig, world: World, training: Training) -> Codec:
    """A codec that drifts by DRIFT_PIXELS over the clip; what it generates follows the law."""
    return replace(LAW(cell, world, training), reconstruct=lambda frames: drift(frames, DRIFT_PIXELS))


MAKERS = {
    "law": LAW,
    "noisy_law": NOISY_LAW,
    "scaling_law": from_values(scaling_law),
    "scaling_clamp": from_values(scaling_clamp),
    "clamp": CLAMP,
    "nearest_case": NEAREST_CASE,
    "identity": LAW,
    "drift": drifting,
}
