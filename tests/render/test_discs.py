import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.render.discs import area_average, render_clips
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import SQUARE, Trajectory, ball_trajectory, training_scenes


def one_ball(x: float, y: float, r: float = 1.0) -> Trajectory:
    return ball_trajectory(np.array([[[[x, y]]]]), np.array([[r]]))


def dense_formula(trajectory: Trajectory, width: int) -> np.ndarray:
    """The published formula over every pixel: the slow reference."""
    axis = np.arange(width) / (width - 1)
    out = np.empty((trajectory.num_scenes, trajectory.positions.shape[1], width, width, 3), np.uint8)
    for scene in range(trajectory.num_scenes):
        for frame in range(trajectory.positions.shape[1]):
            image = np.full((width, width, 3), 255.0)
            for ball, radius in enumerate(trajectory.radii[scene] / 10):
                x, y = trajectory.positions[scene, frame, ball] / 10
                d2 = (axis[None] - x) ** 2 + (axis[:, None] - y) ** 2
                alpha = np.clip((radius**2 - d2) / (0.03 * radius**2), 0, 1)[..., None]
                image = (1 - alpha) * image + alpha * trajectory.colours[scene, ball]
            out[scene, frame] = image.astype(np.uint8)[::-1]
    return out


def test_released_frames_are_reproduced(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    positions = arrays["positions"].reshape(*arrays["positions"].shape[:2], -1, 2)
    frames = render_clips(ball_trajectory(positions, SCENARIOS[name].radii(arrays["init"])))
    assert np.abs(frames.astype(int) - arrays["frames"]).max() <= 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_bounding_boxes_miss_no_pixel_of_the_dense_formula(name: str) -> None:
    scenes = training_scenes(name, "300")
    trajectory = scenes.trajectory(np.array([3, 200]))
    for width in (256, 64):
        method = "area" if width == 256 else "bare"
        frames = render_clips(trajectory, width, method)
        assert np.abs(frames.astype(int) - dense_formula(trajectory, width)).max() <= 1


@pytest.mark.parametrize("resolution", [16, 24, 32, 100, 128])
def test_small_images_are_area_averages_of_the_native_one(resolution: int) -> None:
    trajectory = training_scenes("collision", "300").trajectory(np.array([0, 100, 290]))
    native = render_clips(trajectory, 256)
    small = render_clips(trajectory, resolution)
    assert np.abs(small.astype(int) - area_average(native, resolution)).max() <= 1


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


def test_larger_images_use_the_formula_and_bad_sizes_are_refused() -> None:
    assert render_clips(one_ball(5, 5), 512).shape == (1, 1, 512, 512, 3)
    for resolution in (15, 513):
        with pytest.raises(UserError, match="16 to 512"):
            render_clips(one_ball(5, 5), resolution)
    with pytest.raises(UserError, match="area, bare"):
        render_clips(one_ball(5, 5), 64, "blurred")
