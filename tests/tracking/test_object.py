"""What is read back from clips of one coloured object, against what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.render.averaging import area_average
from physlaw.render.discs import render_clips
from physlaw.tracking.object import NEVER, UNKNOWN, ObjectLooks, measure_object
from physlaw.tracking.object_accuracy import blur, check_shape_resolution, confusion
from physlaw.worlds.appearance import BLUE, CIRCLE, RED, RING, SQUARE
from physlaw.worlds.laws import WORLD_SIZE, uniform_motion
from physlaw.worlds.scenes import Trajectory

WIDTH, LENGTH = 32, 16
Frames = NDArray[np.uint8]


def clip(
    shape: int = CIRCLE,
    colour: tuple[int, int, int] = RED,
    radius: float = 1.0,
    velocity: float = 2.0,
    start: float = 2.0,
    width: int = WIDTH,
    method: str = "area",
) -> Frames:
    """(1, T, W, W, 3) one object in uniform motion at height 5.17."""
    positions = uniform_motion(np.array([[start, 5.17]]), np.array([[velocity, 0.0]]), LENGTH)[:, :, None]
    looks = np.array([[colour]], np.uint8), np.array([[shape]], np.uint8)
    return render_clips(Trajectory(positions, np.array([[radius]]), *looks), width, method)


def paint(inside: NDArray[np.bool_], colour: tuple[int, int, int] = RED) -> Frames:
    """(256, 256) mask -> (1, T, W, W, 3) the same picture in every frame."""
    image = np.full((256, 256, 3), 255, np.uint8)
    image[inside] = colour
    return np.repeat(area_average(image[None], WIDTH)[None], LENGTH, axis=1)


def world_grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(256, 256) x and y from the middle of the picture, row 0 on top."""
    axis = WORLD_SIZE * np.arange(256) / 255 - WORLD_SIZE / 2
    return np.broadcast_to(axis, (256, 256)), np.broadcast_to(-axis[:, None], (256, 256))


def splice(before: Frames, after: Frames, frame: int) -> ObjectLooks:
    """The looks of a clip that goes on as another one from a frame on."""
    frames = before.copy()
    frames[:, frame:] = after[:, frame:]
    return measure_object(frames)


@pytest.mark.parametrize("disturbance", ["none", "blur", "noise", "blur and noise"])
def test_true_clips_are_read_back(disturbance: str) -> None:
    table = confusion(32, 192, seed=3, disturbance=disturbance).set_index("shape")
    assert table["clips"].tolist() == [64, 64, 64, 192]
    for wrong in ("shape_wrong", "shape_unknown", "colour_wrong", "colour_unknown", "frame_wrong"):
        assert (table[wrong] < 0.01).all(), table[wrong]
    assert (table["radius_error"] < 0.01).all()
    assert (table["radius_error_95"] < 0.02).all()
    assert (table["velocity_error_95"] < 0.03).all()


@pytest.mark.slow
@pytest.mark.parametrize(("resolution", "clips"), [(64, 192), (128, 48)])
def test_true_clips_are_read_back_at_larger_sizes(resolution: int, clips: int) -> None:
    for disturbance in ("none", "blur and noise"):
        table = confusion(resolution, clips, seed=3, disturbance=disturbance)
        assert (table[["shape_wrong", "shape_unknown", "colour_wrong", "colour_unknown"]] < 0.01).all(axis=None)
        assert (table["radius_error"] < 0.01).all()


def test_shapes_are_confused_below_the_least_resolution() -> None:
    table = confusion(16, 96, seed=3, disturbance="blur").set_index("shape")
    assert table.loc["all", "shape_wrong"] + table.loc["all", "shape_unknown"] > 0.01
    check_shape_resolution(32)
    with pytest.raises(UserError, match="32 or more, got 16"):
        check_shape_resolution(16)


@pytest.mark.parametrize("method", ["area", "bare"])
@pytest.mark.parametrize("shape", [CIRCLE, SQUARE, RING])
def test_one_clip_in_world_units(shape: int, method: str) -> None:
    looks = measure_object(clip(shape, BLUE, 1.2, 1.7, width=64, method=method), method)
    truth = uniform_motion(np.array([[2.0, 5.17]]), np.array([[1.7, 0.0]]), LENGTH)
    hard = method == "bare" and shape == SQUARE  # its edges jump from pixel to pixel
    assert looks.positions == pytest.approx(truth, abs=0.08 if hard else 0.03)
    assert looks.in_view.all()
    assert (looks.colour, looks.shape, looks.blue_share) == (1, shape, pytest.approx(1))
    assert looks.radius == pytest.approx(1.2, rel=0.02)
    assert looks.velocity == pytest.approx(1.7, abs=0.1 if hard else 0.03)
    assert (looks.frame_shape[:, 3:] == shape).all()
    assert (looks.frame_shape[:, :3] == UNKNOWN).all()  # the condition is not fitted
    assert not looks.vanished.any()
    assert (looks.changed_colour_at, looks.colour_changes, looks.shape_changes) == (NEVER, 0, 0)


def test_motion_to_the_left_is_negative() -> None:
    assert measure_object(clip(velocity=-2.0, start=8.0)).velocity == pytest.approx(-2.0, abs=0.02)


def test_an_object_that_leaves_is_measured_while_in_view_and_has_not_vanished() -> None:
    frames = clip(velocity=4.0, start=5.0, radius=0.8)  # its right side is at 10 after 1.05 s, its left after 1.45 s
    looks = measure_object(frames)
    truth = uniform_motion(np.array([[5.0, 5.17]]), np.array([[4.0, 0.0]]), LENGTH)[..., 0]
    assert not looks.in_view[truth + 0.8 > WORLD_SIZE + 0.1].any()
    assert looks.in_view[truth + 0.8 < WORLD_SIZE - 0.1].all()
    assert np.isnan(looks.positions[0, -1]).all()
    assert (looks.area[0, -1], looks.frame_shape[0, -1]) == (0, UNKNOWN)
    assert looks.velocity == pytest.approx(4.0, abs=0.03)
    assert looks.radius == pytest.approx(0.8, rel=0.01)
    assert not looks.vanished.any()


def test_an_absent_object_has_no_looks() -> None:
    looks = measure_object(np.full((2, LENGTH, WIDTH, WIDTH, 3), 255, np.uint8))
    for values in (looks.colour, looks.shape, looks.radius, looks.velocity, looks.blue_share, looks.positions):
        assert np.isnan(values).all()
    assert not looks.in_view.any()
    assert looks.vanished.all()
    assert (looks.changed_colour_at == NEVER).all()


def test_an_object_that_vanishes_in_the_middle() -> None:
    frames = clip()
    frames[:, 9:] = 255
    looks = measure_object(frames)
    assert looks.vanished.all()
    assert looks.velocity == pytest.approx(2.0, abs=0.02)  # what is left is measured
    expected = np.zeros((1, LENGTH), np.bool_)
    expected[:, :9] = True
    assert not measure_object(frames, expected=expected).vanished.any()
    frames = clip()
    frames[:, 5:] = 255
    assert np.isnan(measure_object(frames).velocity).all()  # two generated frames


def test_a_lone_speck_is_no_object_and_does_not_pull_one() -> None:
    frames = np.full((1, LENGTH, WIDTH, WIDTH, 3), 255, np.uint8)
    frames[:, :, 4, 4] = (255, 200, 200)
    assert np.isnan(measure_object(frames).positions).all()
    with_speck = clip()
    with_speck[:, :, 30, 30] = (0, 0, 255)
    clean, looks = measure_object(clip()), measure_object(with_speck)
    assert looks.positions == pytest.approx(clean.positions, abs=1e-9)
    assert (looks.radius, looks.colour) == (clean.radius, 0)


def test_colour_changes_are_dated_and_the_later_colour_counts() -> None:
    looks = splice(clip(colour=RED), clip(colour=BLUE), 7)
    assert (looks.changed_colour_at, looks.colour_changes, looks.colour) == (7, 1, 1)
    back = clip(colour=RED)
    back[:, 5:8] = clip(colour=BLUE)[:, 5:8]
    looks = measure_object(back)
    assert (looks.changed_colour_at, looks.colour_changes, looks.colour) == (5, 2, 0)
    # From the last condition frame to the first generated one is a change as well; among condition frames none is.
    assert splice(clip(colour=RED), clip(colour=BLUE), 3).changed_colour_at == 3
    assert splice(clip(colour=RED), clip(colour=BLUE), 2).changed_colour_at == NEVER


def test_shape_changes_are_counted() -> None:
    looks = splice(clip(SQUARE), clip(CIRCLE), 7)
    assert (looks.shape_changes, looks.shape, looks.colour_changes) == (1, CIRCLE, 0)


def test_a_two_coloured_object_has_no_colour_but_a_shape() -> None:
    x, y = world_grid()
    frames = paint(np.hypot(x, y) < 1.2)
    blue = paint(np.hypot(x, y) < 1.2, BLUE)
    half = frames.copy()
    half[:, :, :, WIDTH // 2 :] = blue[:, :, :, WIDTH // 2 :]
    looks = measure_object(half)
    assert np.isnan(looks.colour).all()
    assert looks.blue_share == pytest.approx(0.5, abs=0.02)
    assert (looks.shape, looks.changed_colour_at) == (CIRCLE, NEVER)
    purple = measure_object(paint(np.hypot(x, y) < 1.2, (128, 0, 128)))
    assert np.isnan(purple.colour).all()
    assert purple.blue_share == pytest.approx(0.5)
    black = measure_object(paint(np.hypot(x, y) < 1.2, (0, 0, 0)))
    assert np.isnan(black.blue_share).all()


@pytest.mark.parametrize("name", ["smear", "two", "half", "square ring"])
def test_what_is_none_of_the_shapes_is_undecided(name: str) -> None:
    x, y = world_grid()
    inside = {
        "smear": (x / 1.6) ** 2 + (y / 0.8) ** 2 < 1,
        "two": (np.hypot(x + 1.5, y) < 0.8) | (np.hypot(x - 1.5, y) < 0.8),
        "half": (np.hypot(x, y) < 1.2) & (x < 0),
        "square ring": (np.maximum(abs(x), abs(y)) < 1.2) & (np.maximum(abs(x), abs(y)) > 0.7),
    }[name]
    looks = measure_object(paint(inside))
    assert np.isnan(looks.shape).all()
    assert np.isnan(looks.radius).all()
    assert (looks.frame_shape == UNKNOWN).all()
    assert looks.colour == 0


def test_between_circle_and_square_is_undecided() -> None:
    x, y = world_grid()
    circle, square = paint(np.hypot(x, y) < 1.2), paint(np.maximum(abs(x), abs(y)) < 1.2 * np.sqrt(np.pi) / 2)
    for share, shape in ((0.0, CIRCLE), (0.25, CIRCLE), (0.5, None), (0.75, SQUARE), (1.0, SQUARE)):
        looks = measure_object(np.round((1 - share) * circle + share * square).astype(np.uint8))
        assert np.isnan(looks.shape).all() if shape is None else looks.shape == shape, share


def test_the_radius_is_of_the_shape_that_is_asked() -> None:
    frames = clip(SQUARE, radius=1.0)
    assert measure_object(frames).radius == pytest.approx(1.0, rel=0.02)
    as_circle = measure_object(frames, shape=CIRCLE)
    assert as_circle.radius == pytest.approx(np.sqrt(4 / (np.pi * 0.985)), rel=0.02)
    assert as_circle.shape == SQUARE


@pytest.mark.parametrize("method", ["area", "bare"])
def test_specks_and_noise_are_measured_without_failing(method: str) -> None:
    generator = np.random.default_rng(5)
    frames = generator.integers(0, 256, (4, LENGTH, 16, 16, 3)).astype(np.uint8)  # nothing but noise
    frames[1:] = 255
    frames[1, :, 5, 7] = (255, 0, 0)  # one pixel
    frames[2, :, 5:7, 7] = (255, 128, 128)  # two faint ones
    frames[3, :, 3:9, 4:10] = (255, 235, 235)  # a large area hardly above the noise threshold
    looks = measure_object(frames, method)
    assert np.isnan(looks.shape).all()
    assert np.isfinite(looks.positions[1:]).all()
    assert not np.isinf(looks.radius).any()


def test_blur_keeps_the_coverage_and_none_changes_nothing() -> None:
    frames = clip()
    assert (blur(frames, 0.0) == frames).all()
    soft = blur(frames, 1.0)
    assert (255.0 - soft).sum() == pytest.approx((255.0 - frames).sum(), rel=0.01)
    assert (soft[0, 0] != frames[0, 0]).any()


def test_wrong_input_is_named() -> None:
    with pytest.raises(UserError, match=r"frames must be \(N, T, W, W, 3\)"):
        measure_object(np.zeros((1, 4, 8, 8), np.uint8))
    with pytest.raises(UserError, match="unknown rendering method 'soft'"):
        measure_object(clip(), "soft")
    with pytest.raises(UserError, match="unknown shape '7'; valid: 0, 1, 2"):
        measure_object(clip(), shape=7)
    with pytest.raises(UserError, match=r"expected must be \(N, T\) = \(1, 16\), got \(16,\)"):
        measure_object(clip(), expected=np.ones(LENGTH, np.bool_))
    with pytest.raises(UserError, match="unknown disturbance 'fog'"):
        confusion(32, 2, disturbance="fog")
