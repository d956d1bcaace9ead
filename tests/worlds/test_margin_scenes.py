"""Ambiguous scenes with margins on both sides of a pixel."""

from collections import Counter

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.phyre.ambiguity import FAMILIES
from physlaw.worlds.phyre.margin_scenes import OF_A_SIDE, MarginScenes


@pytest.mark.parametrize("side", [32, 256])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_scenes_on_both_sides_of_a_pixel_and_of_both_outcomes(family: str, side: int) -> None:
    scenes = MarginScenes(family, side)
    margins = np.array([scenes.margin(number, side) for number in scenes.distinct()])
    assert (np.abs(margins) < 1).sum() == (np.abs(margins) >= 1).sum() == OF_A_SIDE >= 40
    assert len(set(margins.round(9))) == len(scenes)
    outcomes = np.array([scenes.outcome(number) for number in scenes.distinct()])
    for chosen in (np.abs(margins) < 1, np.abs(margins) >= 1):
        counts = Counter(outcomes[chosen])
        assert len(counts) == 2
        assert max(counts.values()) <= 0.55 * OF_A_SIDE, "a constant answer is right in about half"


def test_red_balls_are_a_pixel_or_more_and_start_apart_from_black_ones() -> None:
    for family in FAMILIES:
        scenes = MarginScenes(family, 32)
        for number in scenes.distinct():
            bodies, poses = scenes.start(number)
            red = bodies[-1].diameter / 2
            assert red >= 16
            gaps = np.hypot(*(poses[5:-1, :2] - poses[-1, :2]).T) - [body.diameter / 2 for body in bodies[5:-1]]
            assert (gaps > red).all()


def test_addresses_are_of_one_side() -> None:
    assert MarginScenes(FAMILIES[0], 32).address(3) != MarginScenes(FAMILIES[0], 64).address(3)
    with pytest.raises(UserError, match="scene 100 is not in"):
        MarginScenes(FAMILIES[0]).blocks(100)
    with pytest.raises(UserError, match="at least 1 pixel"):
        MarginScenes(FAMILIES[0], 0)
