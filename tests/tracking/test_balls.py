"""Ball positions read from frames: the released parser's rules, and ours, which invert the renderer."""

import numpy as np
import pytest

from physlaw.render.discs import render_clips
from physlaw.tracking.balls import pixel_centres, track
from physlaw.worlds.scenes import ball_trajectory

BLANK = 255


def test_released_rules_for_missing_balls() -> None:
    frames = np.full((1, 3, 64, 64, 3), BLANK, np.uint8)
    frames[0, 1, 20:24, 30:34] = (255, 0, 0)
    one = track(frames, 1).parsed[0, :, 0]
    assert one[:, 0].tolist() == pytest.approx([10, 10 * 31.5 / 64, 10])
    assert np.isnan(one[0, 1])
    assert one[2, 1] == one[1, 1]
    two = track(frames, 2).parsed[0]
    assert two[:, 0, 0].tolist() == pytest.approx([0, 10 * 31.5 / 64, 0])
    assert two[:, 1, 0].tolist() == [10, 10, 10]
    assert two[2, 1, 1] == two[1, 0, 1]  # ball 2 takes ball 1's last y


def test_thresholds_are_strict_and_specks_do_not_move_the_ball() -> None:
    frames = np.full((1, 1, 16, 16, 3), BLANK, np.uint8)
    frames[0, 0, 8, 8] = (255, 127, 0)
    assert track(frames, 1).parsed[0, 0, 0, 0] == 10  # 127 never counts
    clean = render_clips(ball_trajectory(np.array([[[[3.0, 3.0]]]]), np.array([[1.0]])), 64)
    speck = clean.copy()
    speck[0, 0, 2, 60] = (255, 200, 200)
    assert np.allclose(track(clean, 1).balls, track(speck, 1).balls, atol=0.02)


def test_pixel_centres_invert_the_renderer() -> None:
    assert pixel_centres(256)[[0, -1]].tolist() == [0, 10]
    assert pixel_centres(64, "bare")[[0, -1]].tolist() == [0, 10]
    for width in (16, 64, 256):
        frames = render_clips(ball_trajectory(np.array([[[[5.3, 4.1]]]]), np.array([[1.2]])), width)
        assert np.abs(track(frames, 1).balls[0, 0, 0] - [5.3, 4.1]).max() < 0.01
