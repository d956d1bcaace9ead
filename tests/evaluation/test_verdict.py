"""The automatic verdict on clips of bodies: truth passes, each corruption is found, thresholds and ratios are sound."""

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.intervals import wilson
from physlaw.render.bodies import render_bodies
from physlaw.studies.combinatorial.abnormal import (
    CAUSES,
    FLOORS,
    Thresholds,
    abnormal_share,
    calibrate,
    judge,
    statistics,
)
from physlaw.studies.combinatorial.abnormal_check import check_detector, simulated_statistics, spread_numbers
from physlaw.studies.combinatorial.corruptions import CORRUPTIONS
from physlaw.tracking.bodies.measure import measure_objects
from physlaw.worlds.bodies import pack
from physlaw.worlds.phyre.scenes import out_of_template_videos, training_videos

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
FLOOR = Thresholds(dict(FLOORS) | {"penetration": 13.0}, 32, 500)
EXPECTED = {
    "object_removed": "vanished",
    "bar_broken": "deformed",
    "ball_teleported": "teleported",
    "time_reversed": "energy_gain",
    "gravity_flipped": "energy_gain",
}


@pytest.mark.slow
def test_simulated_clips_are_normal() -> None:
    videos = out_of_template_videos()
    for number in (0, 333, 777):
        bodies, poses = videos.motion(number, 16)
        found = measure_objects(render_bodies(pack(bodies), poses, 64), bodies, poses[0])
        assert not judge(statistics([found]), FLOOR).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_clip_is_found_by_its_cause(name: str) -> None:
    videos, caught, tried = training_videos("60"), 0, 0
    for number in spread_numbers(videos, 12, "test").tolist():
        made = CORRUPTIONS[name](*videos.motion(number, 32), 0, number)
        if made is None:
            continue
        holds = judge(statistics([measure_objects(made.render(32), made.scene, made.first_poses)]), FLOOR)[0]
        tried += 1
        caught += holds[CAUSES.index(EXPECTED[name])]
    assert tried >= 8
    assert caught >= 0.8 * tried


@pytest.mark.slow
def test_a_small_detector_is_calibrated_and_checked() -> None:
    videos = training_videos("6")
    values = simulated_statistics(videos, spread_numbers(videos, 12, "calibrate"), 32, None, 8)
    thresholds = calibrate(values, 32)
    assert all(thresholds.values[cause] >= FLOORS[cause] for cause in CAUSES)
    found = check_detector(32, thresholds, {"six": videos}, truths=6, corrupted=3, num_frames=8)
    assert found.false_positives["six"].of == 6
    assert set(found.found) == set(CORRUPTIONS)
    assert Thresholds.from_dict(thresholds.as_dict()) == thresholds
    blank = simulated_statistics(videos, [0], 32, lambda frames: np.full_like(frames, 255), 8)
    assert judge(blank, thresholds)[0, CAUSES.index("vanished")]  # everything is gone


def test_a_clip_is_abnormal_if_any_cause_holds() -> None:
    values = np.zeros((4, len(CAUSES)))
    values[1, CAUSES.index("split")] = 1
    values[2] = 1e6
    assert abnormal_share(judge(values, FLOOR)) == wilson(2, 4)


def test_impossible_arguments_are_named() -> None:
    with pytest.raises(UserError, match="got none"):
        calibrate(np.zeros((0, len(CAUSES))), 32)
    values = np.zeros((2, len(CAUSES)))
    values[1, CAUSES.index("split")] = np.nan
    with pytest.raises(UserError, match="'split' is not finite"):
        judge(values, FLOOR)
    with pytest.raises(UserError, match="unknown cause"):
        Thresholds(dict(FLOORS) | {"melted": 1.0}, 32, 1)
    with pytest.raises(UserError, match="thresholds are for clips of 32 px"):
        check_detector(64, FLOOR, {"six": training_videos("6")})
    with pytest.raises(UserError, match="must be 1 to 594000"):
        spread_numbers(training_videos("6"), 0, "x")
