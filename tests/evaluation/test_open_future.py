"""An open future's measure accepts the truth and nothing that is no ball, or balls of another distribution."""

import numpy as np
import pytest

from physlaw.data.clips import RenderedClips, WithMirrored
from physlaw.evaluation.open_future import open_future, true_share_below
from physlaw.worlds.open_future import open_scenes

SCENES = open_scenes("30k")
CLIPS = WithMirrored(RenderedClips(SCENES, 16))
NUMBERS = np.sort(np.random.default_rng(0).choice(len(CLIPS), 400))
TRUTH = CLIPS.clips(NUMBERS)
RADII = SCENES.init(NUMBERS % len(SCENES))[:, 0]


def test_the_first_frame_tells_nothing() -> None:
    same_size = np.flatnonzero(SCENES.init(np.arange(len(SCENES)))[:, 0] == SCENES.init(np.array([0]))[0, 0])
    first = CLIPS.clips(np.concatenate([same_size, same_size + len(SCENES)]))[:, 0]
    assert len(same_size) == 300
    assert (np.ptp(first.astype(int), axis=0) <= 1).all()


def test_the_truth_follows_its_own_distribution() -> None:
    found = open_future(TRUTH, RADII)
    assert found.measured == 1
    assert found.left == pytest.approx(0.5, abs=0.06)
    assert found.left + found.right == 1
    assert found.distance < 0.07
    assert sum(found.row()["speeds_by_unit"]) == 400
    assert true_share_below(np.array([-4.0, -2.5, -1.0, 0.0, 1.0, 2.5, 4.0])).tolist() == [
        *(0, 0.25, 0.5, 0.5, 0.5, 0.75, 1)
    ]


def test_the_mean_of_the_futures_and_noise_are_no_balls() -> None:
    mean = np.broadcast_to(TRUTH.mean(axis=0, keepdims=True), TRUTH.shape).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, TRUTH.shape, np.uint8)
    for frames in (mean, noise):
        found = open_future(frames, RADII)
        assert found.measured == 0
        assert found.row()["distance"] is None


def test_one_sided_standing_and_too_fast_balls_are_another_distribution() -> None:
    right = open_future(CLIPS.clips(NUMBERS % len(SCENES)), RADII)
    assert (right.left, right.right) == (0, 1)
    assert right.distance == pytest.approx(0.5, abs=0.01)
    standing = open_future(np.repeat(TRUTH[:, :1], 32, axis=1), RADII)
    assert (standing.measured, standing.left, standing.right) == (1, 0, 0)
    other_size = open_future(TRUTH, RADII * 1.6)
    assert other_size.measured < 0.5
