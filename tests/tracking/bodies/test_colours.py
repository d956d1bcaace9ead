"""Pictures taken apart into red, gray and black, and how many connected parts each colour has."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, WIDTH, scene

from physlaw.errors import UserError
from physlaw.render.bodies import render_bodies
from physlaw.tracking.bodies.colours import check_clips, colour_areas, count_parts, coverage, noise_floor
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import BLACK, GRAY, RED, THICKNESS, WHITE, ball, bar, pack

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
Array = np.ndarray
PLACED = (
    (SHAPES["red ball"], (150, 300, 0)),
    (SHAPES["jar"], (350, 250, 0.4)),
    (bar(150.0, colour=BLACK, dynamic=False), (200, 100, 0.2)),
)


def frames_of(*placed: tuple, width: int = WIDTH) -> Array:
    """(1, W, W, 3)."""
    bodies, poses = scene(*placed)
    return render_bodies(pack(bodies), poses[None], width)


def static_of(*placed: tuple, width: int = WIDTH) -> Array:
    return 1 - frames_of(*placed, width=width)[0, ..., 0] / 255


def mixed(red: float = 0, gray: float = 0, black: float = 0) -> Array:
    """(1, W, W, 3) pixels of which shares have these colours; the rest is white."""
    shares = {RED: red, GRAY: gray, BLACK: black, WHITE: 1 - red - gray - black}
    colour = sum(share * PALETTE[code].astype(float) for code, share in shares.items())
    return np.broadcast_to(np.round(colour).astype(np.uint8), (1, 32, 32, 3))


@pytest.mark.parametrize("red", [0, 0.3, 1])
@pytest.mark.parametrize("gray", [0, 0.4, 1])
@pytest.mark.parametrize("black", [0, 0.3, 1])
def test_known_mixtures_are_taken_apart(red: float, gray: float, black: float) -> None:
    if red + gray + black > 1:
        return
    frames, known = mixed(red, gray, black), [red, gray, black]
    assert coverage(frames, np.ones((32, 32)))[0, :, 3, 5] == pytest.approx(known, abs=0.1)  # rounding's
    if not black:
        assert coverage(frames, np.zeros((32, 32)))[0, :, 3, 5] == pytest.approx(known, abs=0.01)


def test_gray_and_black_are_told_apart_by_where_black_may_be() -> None:
    """Noise of 2 of 255 looks like black where it may be; elsewhere black shows only where nothing else would do."""
    frames = mixed(gray=0.5).copy()
    frames[..., 2] -= 2
    static = np.zeros((32, 32))
    static[16, 16] = 0.1
    gray = coverage(frames, static)[0, 1]
    assert gray[:14, :] == pytest.approx(0.5, abs=0.04)
    assert abs(gray[16, 16] - 0.5) > 0.05
    assert np.array_equal(gray != gray[0, 0], np.pad(np.ones((5, 5), bool), ((14, 13), (14, 13))))
    assert coverage(mixed(black=1), np.zeros((32, 32)))[0, :, 3, 5] == pytest.approx([0, 0, 1], abs=0.01)


@pytest.mark.parametrize("width", [32, 64, 128, 256])
def test_areas_are_those_of_the_bodies_at_every_size(width: int) -> None:
    maps = coverage(frames_of(*PLACED, width=width), static_of(PLACED[2], width=width))
    red, gray, black = colour_areas(maps)[0]
    assert red == pytest.approx(math.pi * 20.5**2, rel=0.02)
    assert gray == pytest.approx(frames_area(PLACED[1]), rel=0.02)
    assert black == pytest.approx(150 * THICKNESS, rel=0.02)
    assert count_parts(maps).tolist() == [[1, 1, 1]]


def frames_area(placed: tuple) -> float:
    """px^2 that a body colours in the 512 px picture."""
    return float((frames_of(placed, width=512) < 255).any(axis=-1).sum())


def test_wide_frames_are_averaged_first() -> None:
    wide, narrow = frames_of(*PLACED, width=256), frames_of(*PLACED, width=WIDTH)
    static = static_of(PLACED[2])
    assert coverage(wide, static, WIDTH) == pytest.approx(coverage(narrow, static), abs=0.05)
    with pytest.raises(UserError, match="must divide that of the frames, 256, got 48"):
        coverage(wide, width=48)


def test_noise_up_to_the_floor_is_white() -> None:
    clean = frames_of(*PLACED)
    noisy = np.clip(clean + np.random.default_rng(1).normal(0, 3, clean.shape), 0, 255).astype(np.uint8)
    floor = noise_floor(noisy, clean, WIDTH)
    assert 2 * 3 < floor < 5 * 3  # white is cut off at 255
    static = static_of(PLACED[2])
    away = np.s_[0, :, :16, :]
    assert coverage(noisy, static)[away].any(axis=0).mean() > 0.5
    assert coverage(noisy, static, floor=floor)[away].any(axis=0).mean() < 0.02
    gray, bare, floored = (
        colour_areas(maps)[0, 1]
        for maps in (coverage(clean, static), coverage(noisy, static), coverage(noisy, static, floor=floor))
    )
    assert abs(floored - gray) < 0.3 * abs(bare - gray)
    assert noise_floor(clean, clean, WIDTH) == 0
    assert noise_floor(np.zeros_like(clean), clean, WIDTH) == 40  # never more
    assert noise_floor(np.zeros_like(clean), np.zeros_like(clean), WIDTH) == 0  # no white to ask


@pytest.mark.parametrize(
    ("placed", "parts"),
    [
        ([(ball(24.5), (200, 200, 0)), (ball(24.5), (300, 200, 0))], 2),
        ([(ball(24.5), (200, 200, 0)), (ball(24.5), (249, 200, 0))], 1),  # they touch
        ([(bar(80.0), (200, 200, 0)), (bar(80.0), (284, 260, math.pi / 2)), (ball(9.5), (100, 400, 0))], 3),
        ([(bar(55.0), (200, 200, 0.3)), (bar(55.0), (270, 222, 0.3))], 2),  # a bar that is split
        ([(SHAPES["sticks"], (200, 200, 0.3)), (SHAPES["sticks"], (300, 200, 0.3))], 2),
        ([(SHAPES["jar"], (0, 256, 0))], 1),  # half of it is beyond the border
        ([(ball(3.5), (200, 200, 0)), (ball(24.5), (300, 200, 0))], 1),  # 38 px^2 are no part
    ],
)
@pytest.mark.parametrize("width", [32, 64])
def test_parts_are_counted(placed: list[tuple], parts: int, width: int) -> None:
    maps = coverage(frames_of(*placed, width=width), np.zeros((width, width)))
    assert count_parts(maps).tolist() == [[0, parts, 0]]


def test_pixels_that_touch_at_a_corner_are_one_part() -> None:
    maps = np.zeros((2, 3, 64, 64))
    maps[:, 0, 10, 10] = maps[0, 0, 11, 11] = maps[0, 0, 12, 10] = maps[1, 0, 12, 10] = 1
    maps[:, 2, 63, 63] = maps[:, 2, 0, 0] = maps[:, 2, 0, 63] = 1
    assert count_parts(maps).tolist() == [[1, 0, 3], [2, 0, 3]]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((1, 48, 48, 3), np.uint8), "32, 64, 128, 256 px wide, got 48"),
        (np.zeros((1, 32, 64, 3), np.uint8), r"\(T, W, W, 3\) uint8, got \(1, 32, 64, 3\)"),
        (np.zeros((1, 32, 32, 3)), "float64"),
        (np.zeros((0, 32, 32, 3), np.uint8), "at least one frame"),
    ],
)
def test_what_is_no_clip_is_named(frames: Array, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_clips(frames)
