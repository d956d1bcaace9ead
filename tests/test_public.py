"""The functions that other programs call: as they would."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import physlaw.score
import physlaw.worlds
from physlaw import public_worlds
from physlaw.errors import UserError
from physlaw.studies import registry
from physlaw.worlds.scenarios import SCENARIOS


def test_clips_of_a_scenario_have_their_truth() -> None:
    made = physlaw.worlds.clips("collision", "id", count=3, offset=2, resolution=64)
    assert made.frames.shape == (3, 32, 64, 64, 3)
    assert made.frames.dtype == np.uint8
    assert made.positions.shape == (3, 32, 2, 2)
    assert list(made.numbers) == [2, 3, 4]
    assert dict(zip(physlaw.worlds.factors("collision"), made.init.T, strict=True)).keys() == {"r1", "r2", "v1", "v2"}
    again = physlaw.worlds.clips("collision", "id", count=1, offset=4, resolution=64)
    np.testing.assert_array_equal(again.frames[0], made.frames[2])


def test_a_ball_s_velocity_is_read_off_its_clip() -> None:
    made = physlaw.worlds.clips("uniform", "id", count=20, resolution=128)
    speed = made.init[:, physlaw.worlds.factors("uniform").index("v")]
    found = physlaw.score.velocity(made.frames)
    np.testing.assert_allclose(found[:, 0, 0], speed, atol=0.03)
    np.testing.assert_allclose(found[:, 0, 1], 0, atol=0.02)
    np.testing.assert_allclose(physlaw.score.positions(made.frames)[:, 0], made.positions[:, 0], atol=0.05)
    assert np.isnan(physlaw.score.velocity(np.full_like(made.frames, 255))).all()


def test_clips_that_stop_are_wrong_by_their_speed() -> None:
    truth = physlaw.worlds.clips("uniform", "id", count=8)
    stopped = truth.frames.copy()
    stopped[:, 3:] = truth.frames[:, 2:3]
    speed = truth.init[:, physlaw.worlds.factors("uniform").index("v")]
    np.testing.assert_allclose(physlaw.score.errors(truth, stopped).corrected, speed, atol=0.03)
    assert (physlaw.score.errors(truth, truth.frames).corrected < 0.03).all()
    found = physlaw.score.frame_metrics(truth.frames, stopped)
    assert (found.ssim[:, :3] == 1).all()
    assert (found.ssim[:, -1] < 1).all()


def test_a_scene_is_placed() -> None:
    assert physlaw.worlds.where("uniform", r=1.2, v=2.0).in_dist
    place = physlaw.worlds.where("uniform", r=1.2, v=5)
    assert not place.in_dist
    assert place.blocks
    assert set(place.blocks) <= set(physlaw.worlds.block_names("uniform"))


def test_a_file_is_scored_as_by_the_command(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    words = ["simulate", "scenario=parabola", "split=id", "count=4", "resolution=256", f"out={path}"]
    subprocess.run([sys.executable, "-m", "physlaw", *words], check=True, capture_output=True)
    found = physlaw.score.score_file(str(path), resize=64)
    assert (found["scenario"], found["clips"]) == ("parabola", 4)
    assert found["classes"]["in"]["corrected"] < 0.05


def test_sets_have_names() -> None:
    assert set(SCENARIOS) < set(physlaw.worlds.scenario_names()) == set(registry.scenarios())
    for scenario in ("uniform", "collision"):
        for size in physlaw.worlds.sizes(scenario):
            assert len(physlaw.worlds.clips(scenario, "train", size, count=1, resolution=16).frames) == 1


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert set(physlaw.worlds.PUBLIC) == set(public_worlds.__all__)
    for module, names in ((physlaw.worlds, physlaw.worlds.PUBLIC), (physlaw.score, physlaw.score.__all__)):
        for name in names:
            value = getattr(module, name)
            assert not callable(value) or value.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        physlaw.worlds.nothing  # noqa: B018


def test_mistakes_are_named() -> None:
    for call, words in (
        (lambda: physlaw.worlds.clips("unifrom"), "unknown scenario 'unifrom'; valid: uniform"),
        (lambda: physlaw.worlds.clips(split="level9"), "unknown evaluation block of scenario uniform 'level9'"),
        (lambda: physlaw.worlds.clips(split="train", size="31k"), "unknown training size"),
        (lambda: physlaw.worlds.clips(count=0), "count=0"),
        (lambda: physlaw.worlds.clips(count=2, resolution=0), "resolution must be 1 to"),
        (lambda: physlaw.worlds.where("uniform", r=1.2), "missing: v"),
        (lambda: physlaw.score.velocity(np.zeros((1, 2, 8, 8, 3), np.uint8), balls=3), "balls must be 1 or 2, got 3"),
        (lambda: physlaw.score.positions(np.zeros((2, 8, 8, 3), np.uint8)), r"frames must be \(N, T, W, W, 3\) uint8"),
        (lambda: physlaw.score.score_file("nowhere.npz"), "nowhere.npz"),
    ):
        with pytest.raises(UserError, match=words):
            call()


def test_what_is_below_needs_none_of_it() -> None:
    code = "import sys, physlaw.worlds\nassert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
