import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physlaw.errors import UserError
from physlaw.render.averaging import area_average
from physlaw.render.dense import render_dense
from physlaw.render.discs import render_clips
from physlaw.worlds.appearance import BLUE, CIRCLE, RED, RING, SQUARE
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import Trajectory, ball_trajectory, training_scenes


def one_ball(x: float, y: float, r: float = 1.0) -> Trajectory:
    return ball_trajectory(np.array([[[[x, y]]]]), np.array([[r]]))


def test_released_frames_are_reproduced(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    positions = arrays["positions"].reshape(*arrays["positions"].shape[:2], -1, 2)
    frames = render_clips(ball_trajectory(positions, SCENARIOS[name].radii(arrays["init"])))
    assert np.abs(frames.astype(int) - arrays["frames"]).max() <= 1


def averaged(native: np.ndarray, width: int) -> np.ndarray:
    """Whole blocks averaged in integers, rounded half up."""
    factor = native.shape[2] // width
    blocks = native.reshape(*native.shape[:2], width, factor, width, factor, 3).astype(np.int64)
    return ((blocks.sum(axis=(3, 5)) + factor**2 // 2) // factor**2).astype(np.uint8)


numbers = st.floats(-1.5, 11.5)


@st.composite
def scenes_of_objects(draw: st.DrawFn) -> Trajectory:
    """One to three objects of any shape, size and colour, anywhere near the picture, often on top of each other."""
    count, frames = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    positions = np.array(draw(st.lists(numbers, min_size=2 * count * frames, max_size=2 * count * frames)))
    positions = positions.reshape(1, frames, count, 2)
    if draw(st.booleans()):
        positions[:, :, 1:] = positions[:, :, :1] + positions[:, :, 1:] / 8
    if draw(st.booleans()):
        positions = np.round(positions * 51 / 2) / 51 * 2  # on pixel centres, where rims are exact
    radii = np.array([draw(st.sampled_from([0.0, 0.3, 0.7, 1.0, 1.2345, 2.0])) for _ in range(count)])
    named = st.sampled_from([RED, BLUE, (12, 200, 255), (255, 255, 255)])
    colours = np.array([draw(named) for _ in range(count)], dtype=np.uint8)
    shapes = np.array([draw(st.sampled_from([CIRCLE, SQUARE, RING])) for _ in range(count)], dtype=np.uint8)
    return Trajectory(positions, radii[None], colours[None], shapes[None])


@settings(max_examples=150, deadline=None)
@given(scenes_of_objects())
def test_the_fast_painter_gives_the_bytes_of_the_formula(trajectory: Trajectory) -> None:
    native = render_dense(trajectory, 256)
    assert np.array_equal(render_clips(trajectory, 256), native)
    for width in (128, 64, 32, 16):
        assert np.array_equal(render_clips(trajectory, width), averaged(native, width)), width
    assert np.array_equal(render_clips(trajectory, 100), area_average(native, 100))
    assert np.array_equal(render_clips(trajectory, 48, "bare"), render_dense(trajectory, 48))


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("placement", ["per_sample", "released"])
def test_whole_scenes_have_the_bytes_of_the_formula(name: str, placement: str) -> None:
    scenes = training_scenes(SCENARIOS[name], "300", placement=placement)
    trajectory = scenes.trajectory(np.array([3, 200]))
    native = render_dense(trajectory, 256)
    assert np.array_equal(render_clips(trajectory), native)
    assert np.array_equal(render_clips(trajectory, 128), averaged(native, 128))


@pytest.mark.parametrize("resolution", [16, 256])
def test_batches_and_given_memory_change_nothing(resolution: int) -> None:
    trajectory = training_scenes(SCENARIOS["collision"], "300").trajectory(np.arange(0, 40, 4))
    whole = render_clips(trajectory, resolution)
    out = np.zeros((1, *whole.shape[1:]), np.uint8)
    for k in range(10):
        assert render_clips(trajectory[k : k + 1], resolution, out=out) is out
        assert np.array_equal(out[0], whole[k])
    with pytest.raises(ValueError, match="C-contiguous"):
        render_clips(trajectory, resolution, out=out)


def test_positions_that_are_not_numbers_are_named() -> None:
    trajectory = training_scenes(SCENARIOS["uniform"], "300").trajectory(np.arange(3))
    trajectory.positions[1, 5] = np.nan
    with pytest.raises(UserError, match="scene 1 has a position"):
        render_clips(trajectory, 16)
    far = one_ball(1e300, -1e300)
    assert render_clips(far, 16).min() == 255


def test_origin_is_bottom_left_and_partly_hidden_discs_are_clipped() -> None:
    frame = render_clips(one_ball(0, 0))[0, 0]
    assert frame[-1, 0].tolist() == [255, 0, 0]  # row 0 is the top
    assert frame[0].min() == 255
    assert frame[:, 40:].min() == 255


def test_later_balls_cover_earlier_ones_and_squares_are_hard() -> None:
    both = ball_trajectory(np.full((1, 1, 2, 2), 5.0), np.array([[1.0, 0.5]]))
    frame = render_clips(both)[0, 0]
    assert frame[128, 128].tolist() == [0, 0, 255]
    assert frame[128, 128 + 18].tolist() == [255, 0, 0]
    square = Trajectory(
        both.positions[:, :, :1], np.array([[1.0]]), both.colours[:, :1], np.array([[SQUARE]], np.uint8)
    )
    painted = (render_clips(square)[0, 0, :, :, 1] == 0).sum()
    assert painted == 52**2  # columns 102 to 153: both ends lie on the edge exactly
    assert set(np.unique(render_clips(square)[0, 0, :, :, 1])) == {0, 255}
    ring = Trajectory(square.positions, square.radii, square.colours, np.array([[RING]], np.uint8))
    frame = render_clips(ring)[0, 0]
    assert frame[128, 128].tolist() == [255, 255, 255]
    assert frame[128, 128 + 20].tolist() == [255, 0, 0]


def test_larger_images_use_the_formula_and_bad_sizes_are_refused() -> None:
    assert render_clips(one_ball(5, 5), 512).shape == (1, 1, 512, 512, 3)
    assert np.array_equal(render_clips(one_ball(5, 5), 300), render_dense(one_ball(5, 5), 300))
    for resolution in (15, 513):
        with pytest.raises(UserError, match="16 to 512"):
            render_clips(one_ball(5, 5), resolution)
    with pytest.raises(UserError, match="area, bare"):
        render_clips(one_ball(5, 5), 64, "blurred")
