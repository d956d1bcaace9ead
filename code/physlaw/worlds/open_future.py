"""A ball whose future its first frame does not tell: from the middle, to the left or to the right, at any speed.

In the other worlds the condition decides everything, and a model that draws the mean of all futures is as good as one
that draws one of them. Here the mean is a smear.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from physlaw.worlds.laws import DT_S, WORLD_SIZE
from physlaw.worlds.placement import Placement
from physlaw.worlds.scenarios import UNIFORM
from physlaw.worlds.scenes import SceneSet

Array = NDArray[np.float64]
NUM_COND_FRAMES = 1  # two would tell the speed


def place_middle(init: Array, units: Array) -> Placement:
    """(r, v) -> one ball that is in the middle of the picture at frame 0, one step of the law after its start."""
    start = np.full((len(init), 1, 2), WORLD_SIZE / 2)
    start[:, 0, 0] -= init[:, 1] * DT_S
    undrawn = np.full(units.shape, np.nan)
    return Placement(start, undrawn, undrawn)


# All move to the right; their mirror images are the other half of the set.
OPEN_FUTURE = replace(UNIFORM, name="open_future", place=place_middle, flips=True)


def open_scenes(size: str) -> SceneSet:
    """Uniform motion's training grid of that size, every ball starting in the middle."""
    return SceneSet(OPEN_FUTURE, f"train/{size}", OPEN_FUTURE.training_set(size))
