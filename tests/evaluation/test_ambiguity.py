import math

import numpy as np
import pytest

from physlaw.render.bodies import render_bodies
from physlaw.studies.combinatorial.ambiguity import (
    EDGES,
    accuracy_by_margin,
    outcomes_from_frames,
    red_path,
)
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import GREEN, RED, pack
from physlaw.worlds.phyre.ambiguity import (
    ELSEWHERE,
    FAMILIES,
    GAP_BALL,
    LEFT,
    MISSING,
    OFFSET_BALL,
    RESTS,
    RIGHT,
    THROUGH,
    AmbiguityScenes,
    classify,
)

STRIDES = {32: 1, 64: 2, 128: 4, 256: 8}  # of the distinct scenes; all of them agree at every size


def truth(scenes: AmbiguityScenes, number: int, width: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Frames, the red ball's (T, 2) path in px of the scene, and its radius."""
    bodies, poses = scenes.motion(number)
    return render_bodies(pack(bodies), poses, width), poses[:, -1, :2], bodies[-1].diameter / 2


def blurred(frames: np.ndarray, seed: int) -> np.ndarray:
    """Each pixel mixed with its neighbours (1 2 1, both ways), and noise of 6 grey levels."""
    mixed = frames.astype(float)
    for axis in (1, 2):
        mixed = (np.roll(mixed, 1, axis) + 2 * mixed + np.roll(mixed, -1, axis)) / 4
    noise = np.random.default_rng(seed).normal(0, 6, frames.shape)
    return np.clip(mixed + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("width", STRIDES)
def test_frames_of_the_truth_tell_the_true_outcome(width: int) -> None:
    agree = []
    for family in FAMILIES:
        scenes = AmbiguityScenes(family)
        numbers = scenes.distinct()
        numbers = numbers if len(numbers) < 20 and width < 128 else numbers[:: STRIDES[width]]
        for number in numbers:
            frames, path, radius = truth(scenes, number, width)
            true = classify(path[:, 0], path[:, 1], radius, scenes.blocks(number))
            agree.append(outcomes_from_frames(frames[None], scenes, [number]) == [true])
    assert len(agree) >= 14
    assert np.mean(agree) >= 0.99


@pytest.mark.parametrize(("width", "most"), [(32, 3.0), (64, 0.9), (128, 0.3), (256, 0.15)])
def test_the_ball_is_found_to_a_fraction_of_a_pixel(width: int, most: float) -> None:
    for family in FAMILIES:
        frames, path, radius = truth(AmbiguityScenes(family), 30, width)
        assert np.abs(red_path(frames, radius) - path).max() < most  # px of the scene


def test_blur_and_noise_do_not_hide_the_outcome() -> None:
    agree = []
    for family in FAMILIES:
        scenes = AmbiguityScenes(family)
        for number in range(0, len(scenes), 9):
            frames, path, radius = truth(scenes, number, 64)
            true = classify(path[:, 0], path[:, 1], radius, scenes.blocks(number))
            agree.append(outcomes_from_frames(blurred(frames, number)[None], scenes, [number]) == [true])
    assert np.mean(agree) >= 0.95


def test_a_ball_that_vanishes_grows_or_hangs_is_no_outcome() -> None:
    scenes = AmbiguityScenes(GAP_BALL)
    frames, _, _ = truth(scenes, 0, 64)
    is_red = (np.abs(frames[-1].astype(int) - PALETTE[RED]) < 100).all(axis=-1)

    def last(change: np.ndarray) -> list[str]:
        clips = frames[None].copy()
        clips[0, -1] = change
        return outcomes_from_frames(clips, scenes, [0])

    assert last(frames[-1]) == [THROUGH]
    assert last(np.full_like(frames[-1], 255)) == [MISSING]
    assert last(np.where(is_red[..., None], PALETTE[GREEN], frames[-1]).astype(np.uint8)) == [MISSING]
    assert last(np.broadcast_to(PALETTE[RED], frames[-1].shape)) == [MISSING]
    twice = frames[-1].copy()
    twice[:4, :4] = PALETTE[RED]  # as much red again, far away
    assert last(twice) == [MISSING]
    specks = frames[-1].copy()
    specks[2, ::16] = (255, 190, 190)
    assert last(specks) == [THROUGH]
    assert last(frames[0]) == [ELSEWHERE]
    assert outcomes_from_frames(np.full((1, 3, 32, 32, 3), 255, np.uint8), scenes, [0]) == [MISSING]


def test_rows_worked_by_hand() -> None:
    true = [THROUGH, RESTS, RESTS, LEFT, RIGHT, RIGHT]
    found = [THROUGH, THROUGH, MISSING, ELSEWHERE, RIGHT, RIGHT]
    margins = [0.1, -0.1, -0.9, -1.0, 1.5, 100.0]
    families = [GAP_BALL] * 3 + [OFFSET_BALL] * 3
    rows = accuracy_by_margin(true, found, margins, (0, 1, math.inf), families)
    assert [(row.family, row.low, row.high) for row in rows] == [
        (family, low, high) for family in (GAP_BALL, OFFSET_BALL, "all") for low, high in ((0, 1), (1, math.inf))
    ]
    assert [(r.clips, r.right, r.wrong, r.elsewhere, r.missing) for r in rows] == [
        (3, 1, 1, 0, 1),
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0),
        (3, 2, 0, 1, 0),
        (3, 1, 1, 0, 1),
        (3, 2, 0, 1, 0),
    ]
    assert rows[0].accuracy == pytest.approx(1 / 3)
    # Wilson's interval of 1 in 3, as in tables.
    assert (rows[0].accuracy_low, rows[0].accuracy_high) == pytest.approx((0.0615, 0.7923), abs=1e-4)
    assert (rows[1].accuracy, rows[1].accuracy_low, rows[1].accuracy_high) == (None, None, None)


def test_every_clip_is_in_one_default_range() -> None:
    margins = [0, 0.25, -0.5, 1, -2, 3.99, 4, -500]
    rows = accuracy_by_margin([RESTS] * 8, [RESTS] * 8, margins)
    assert [row.low for row in rows] == list(EDGES[:-1])
    assert [row.clips for row in rows] == [1, 1, 1, 1, 2, 2]
    assert all(row.accuracy == row.accuracy_high == 1 for row in rows)
