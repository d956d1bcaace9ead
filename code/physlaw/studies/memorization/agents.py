"""Reference agents of memorisation: what vanishes, and what turns back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physlaw.agents.balls import CLAMP, LAW, NEAREST_CASE, Asked, continued, draw, from_frames
from physlaw.agents.frames import fade
from physlaw.evaluation.codec import Frames
from physlaw.worlds.laws import WORLD_SIZE

MIRRORED_SHARE = 0.1  # of clips that mirror draws reversed


def dissolver(asked: Asked) -> Frames:
    """The law; balls whose speed lies outside the trained range fade after the condition frames."""
    whole = continued(asked, asked.init)
    rest = replace(whole, radii=np.where(asked.outside(), 0.0, whole.radii))
    first = np.full(len(asked.numbers), asked.cell.data.num_cond_frames - 1)
    return fade(draw(asked, whole), draw(asked, rest), first)


def mirror(asked: Asked) -> Frames:
    """The nearest training clip; where training has mirror images, one clip in ten is the mirror image of it."""
    numbers, _ = asked.known.nearest(asked.scenes, asked.numbers)
    case = asked.known.training.trajectory(numbers, asked.cell.data.num_frames)
    flips = asked.scenario.flips or asked.cell.data.flips
    turned = (asked.uniforms("mirror")[:, 0] < MIRRORED_SHARE) & flips
    positions = case.positions.copy()
    positions[turned, ..., 0] = WORLD_SIZE - positions[turned, ..., 0]
    return draw(asked, replace(case, positions=positions))


MAKERS = {
    "law": LAW,
    "clamp": CLAMP,
    "nearest_case": NEAREST_CASE,
    "dissolver": from_frames(dissolver),
    "mirror": from_frames(mirror),
}
