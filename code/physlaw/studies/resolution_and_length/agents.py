"""Reference agents of resolution and length of training."""

from __future__ import annotations

from physlaw.agents.balls import LAW, NOISE, NOISY_LAW, Array, Asked, from_values
from physlaw.studies.resolution_and_length.study import OTHERS


def halving_law(asked: Asked) -> Array:
    """noisy_law with half the noise at twice the side or after three times the steps."""
    return asked.speed_noise(NOISE / 2 if asked.cell.scenario in OTHERS else NOISE)


MAKERS = {"law": LAW, "noisy_law": NOISY_LAW, "halving_law": from_values(halving_law)}
