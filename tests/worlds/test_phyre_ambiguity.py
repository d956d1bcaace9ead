from itertools import pairwise

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.bodies import BLACK, GREEN, PURPLE, RED, WALL, extent
from physlaw.worlds.phyre.ambiguity import (
    ELSEWHERE,
    FAMILIES,
    GAP_BALL,
    GAP_WIDTH,
    LEFT,
    MISSING,
    OFFSET_BALL,
    OFFSET_BLOCK,
    OUTCOMES,
    RESTS,
    RIGHT,
    THROUGH,
    AmbiguityScenes,
    classify,
)
from physlaw.worlds.phyre.red_ball import pixel_ball

GAP = np.array([[200.0, 153.6], [260.0, 153.6]])
FLOOR = 10.24


def outcomes(family: str) -> list[tuple[float, str]]:
    """(margin, outcome) of every distinct scene, by number."""
    scenes = AmbiguityScenes(family)
    return [(scenes.margin(number), scenes.outcome(number)) for number in scenes.distinct()]


def turns(rows: list[tuple[float, str]]) -> list[tuple[float, float, str, str]]:
    """Where the outcome changes: the margins and the outcomes before and after."""
    return [(a[0], b[0], a[1], b[1]) for a, b in pairwise(rows) if a[1] != b[1]]


def test_families_have_the_released_sizes_and_numbers() -> None:
    sets = [AmbiguityScenes(family) for family in FAMILIES]
    assert [scenes.released for scenes in sets] == [20000, 20001, 20002, 20003]
    assert [len(scenes) for scenes in sets] == [101, 101, 100, 100]
    assert [len(scenes.distinct()) for scenes in sets] == [5, 11, 100, 100]


def test_red_balls_are_those_of_the_release() -> None:
    balls = {
        family: sorted({pixel_ball(scenes.action(number)) for number in range(len(scenes))})
        for family, scenes in ((family, AmbiguityScenes(family)) for family in FAMILIES)
    }
    assert balls[GAP_BALL] == [(229, 235, radius) for radius in range(14, 19)]
    assert balls[OFFSET_BALL] == [(x, 235, 14) for x in range(199, 210)]
    assert balls[GAP_WIDTH] == [(255, 255, 27)]
    assert balls[OFFSET_BLOCK] == [(204, 255, 27)]


@pytest.mark.parametrize("family", FAMILIES)
def test_scenes_start_apart_and_as_described(family: str) -> None:
    scenes = AmbiguityScenes(family)
    for number in (0, len(scenes) // 2, len(scenes) - 1):
        bodies, poses = scenes.start(number)
        assert [body.shape for body in bodies[:4]] == [WALL] * 4
        blocks = len(scenes.blocks(number))
        assert [body.colour for body in bodies[4:]] == [PURPLE, GREEN, *[BLACK] * blocks, RED]
        assert [body.dynamic for body in bodies[4:]] == [False, True, *[False] * blocks, True]
        floor, green = (np.array(extent(bodies[k], 0.0)) + np.tile(poses[k, :2], 2) for k in (4, 5))
        np.testing.assert_allclose(floor, (0, 0, 512, FLOOR), atol=1e-9)
        np.testing.assert_allclose(green[:2], (FLOOR, FLOOR), atol=1e-9)
        assert bodies[5].diameter == 51
        assert all(body.diameter == 21 for body in bodies[6:-1])
        np.testing.assert_array_equal(poses[6:-1, :2], scenes.blocks(number))
        gaps = np.hypot(*(poses[5:-1, :2] - poses[-1, :2]).T) - [body.diameter / 2 for body in bodies[5:-1]]
        assert (gaps > bodies[-1].diameter / 2).all()


def test_margins_follow_from_the_geometry() -> None:
    assert AmbiguityScenes(GAP_BALL).margin(0) == pytest.approx(51.2 - 21 - 28)
    assert AmbiguityScenes(GAP_BALL).margin(100) == pytest.approx(51.2 - 21 - 36)
    assert AmbiguityScenes(OFFSET_BALL).margin(0) == pytest.approx(199 - 204.8)
    assert AmbiguityScenes(GAP_WIDTH).margin(7) == pytest.approx(19.96 + 0.512 * 7 - 54)
    assert AmbiguityScenes(OFFSET_BLOCK).margin(50) == pytest.approx(204 - 204.8)
    assert AmbiguityScenes(OFFSET_BLOCK).margin(50, 128) == pytest.approx(-0.2)
    for family, sign in ((GAP_BALL, -1), (OFFSET_BALL, 1), (GAP_WIDTH, 1), (OFFSET_BLOCK, -1)):
        scenes = AmbiguityScenes(family)
        assert (np.diff([sign * scenes.margin(number) for number in scenes.distinct()]) > 0).all()


def test_varied_ball_passes_the_gap_as_in_the_release() -> None:
    rows = outcomes(GAP_BALL)
    assert [outcome for _, outcome in rows] == [THROUGH, THROUGH, RESTS, RESTS, RESTS]  # radii 14 to 18
    scenes = AmbiguityScenes(GAP_BALL)
    heights = [scenes.motion(number, 50)[1][-1, -1, 1] for number in scenes.distinct()[2:]]
    np.testing.assert_allclose(heights, (160.4, 163.6, 166.1), atol=0.1)


def test_varied_offset_switches_sides_as_in_the_release() -> None:
    rows = outcomes(OFFSET_BALL)
    assert [outcome for _, outcome in rows] == [LEFT] * 6 + [RIGHT] * 5  # x 199 to 204, 205 to 209
    scenes = AmbiguityScenes(OFFSET_BALL)
    ends = [scenes.motion(number, 50)[1][-1, -1, 0] for number in scenes.distinct()[:6]]
    np.testing.assert_allclose(ends, 64, atol=1.5)  # against the green ball; the release's: 63 to 65


def test_varied_gap_turns_where_it_does_in_the_release() -> None:
    (topple, rest, *first), (held, passed, *second) = turns(outcomes(GAP_WIDTH))
    assert first == [RIGHT, RESTS]
    assert second == [RESTS, THROUGH]
    # In the release: topples up to 27.1 px of gap, rests from 27.6 to 53.75, passes from 54.26. Toppling is a matter of
    # friction and rebound, in which the two engines agree to two of the scenes; falling through is one of geometry.
    assert abs((topple + 54) - 27.1) < 1.1
    assert abs((rest + 54) - 27.6) < 1.1
    assert held + 54 == pytest.approx(53.75, abs=0.01)
    assert passed + 54 == pytest.approx(54.26, abs=0.01)


def test_varied_block_switches_sides_within_the_release_s_bracket() -> None:
    ((right, left, *sides),) = turns(outcomes(OFFSET_BLOCK))
    assert sides == [RIGHT, LEFT]
    assert -0.08 < left < 0 < right < 0.22  # the release's: block minus ball between -0.22 and 0.08 px
    scenes = AmbiguityScenes(OFFSET_BLOCK)
    ends = [scenes.motion(number, 50)[1][-1, -1, 0] for number in (0, 99)]
    np.testing.assert_allclose(ends, (480, 79), atol=4)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_models_32_frames_show_the_outcome_of_all_50(family: str) -> None:
    scenes = AmbiguityScenes(family)
    for number in scenes.distinct()[:: 1 if len(scenes.distinct()) < 20 else 3]:
        short, whole = scenes.outcome(number), scenes.outcome(number, 50)
        assert short == whole
        assert short in OUTCOMES


def test_the_path_decides_where_the_last_frame_could_not() -> None:
    rolled = [230, 229, 240, 300, 370], [250, 160, 120, 37, 37]
    toppled = [230, 258, 300, 340, 370], [250, 180, 120, 37, 37]
    assert classify(*rolled, 27, GAP) == THROUGH
    assert classify(*toppled, 27, GAP) == RIGHT
    assert classify([230, 190, 100], [250, 170, 37], 27, GAP) == LEFT
    assert classify([230, np.nan, 231, np.nan, 300], [250, np.nan, 120, np.nan, 37], 27, GAP) == THROUGH
    assert classify([230], [37], 27, GAP) == THROUGH  # one frame: its place stands in
    assert classify([190, 180], [60, 37], 27, GAP[:1]) == LEFT


def test_what_no_law_gives_is_no_outcome() -> None:
    assert classify([230, 230], [250, 170], 27, GAP) == RESTS
    assert classify([230, 230], [250, 250], 27, GAP) == ELSEWHERE  # hangs in the air
    assert classify([230, 400], [250, 160], 27, GAP) == ELSEWHERE
    assert classify([230, np.nan], [250, 37], 27, GAP) == MISSING


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"'gap'; valid: gap_ball, offset_ball, gap_width, offset_block"):
        AmbiguityScenes("gap")
    scenes = AmbiguityScenes(GAP_WIDTH)
    for call in (scenes.start, scenes.motion, scenes.margin, scenes.action, scenes.outcome):
        for number in (-1, 100):
            with pytest.raises(UserError, match=f"scene {number} is not in gap_width; valid: 0 to 99"):
                call(number)
    with pytest.raises(UserError, match="got 0"):
        scenes.margin(0, 0)
    with pytest.raises(UserError, match="got 2 and 1"):
        classify([1, 2], [1], 27, GAP)
    with pytest.raises(UserError, match="got 0 and 0"):
        classify([], [], 27, GAP)
