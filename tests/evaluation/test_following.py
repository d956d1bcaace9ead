"""Clamp, snapper, follow, and errors that do not reward vanishing, on motions that are known."""

from __future__ import annotations

import numpy as np
import pytest

from physlaw.evaluation.following import final_velocities, follow, following_columns, held_to, nearest_in_bands
from physlaw.evaluation.velocity import velocity_errors
from physlaw.intervals import ratio_bootstrap
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import COLLISION, SCENARIOS, UNIFORM
from physlaw.worlds.scenes import ball_trajectory, eval_scenes

BANDS = ((1.0, 1.25), (3.75, 4.0))


def velocities(x: list[float]) -> np.ndarray:
    return np.stack([np.array(x), np.zeros(len(x))], axis=-1)[:, None]


def test_speeds_are_held_to_the_range_or_to_the_nearest_band() -> None:
    assert nearest_in_bands(np.array([0.0, 2.4, 2.5, 2.6, 9.0]), BANDS).tolist() == [1.0, 1.25, 1.25, 3.75, 4.0]
    init = np.array([[0.5, 0.5], [1.0, 2.4], [2.0, 6.0]])
    assert held_to(UNIFORM, init).tolist() == [[0.7, 1.0], [1.0, 2.4], [1.4, 4.0]]
    assert held_to(UNIFORM, init, BANDS)[:, 1].tolist() == [1.0, 1.25, 4.0]


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_final_velocities_are_the_laws(name: str) -> None:
    """As the clips of an evaluation block show them."""
    scenes = eval_scenes(SCENARIOS[name], "id")
    index = np.arange(0, len(scenes), max(1, len(scenes) // 20))
    init, positions = scenes.init(index), scenes.positions(index)
    frames = render_clips(scenes.trajectory(index), 32)
    measured = velocity_errors(scenes.scenario, init, positions, frames).true_velocity[..., 0]
    wanted = final_velocities(scenes.scenario, init)
    known = np.isfinite(measured)
    assert known.any()
    assert measured[known] == pytest.approx(wanted[known], abs=0.03)  # the frame of the contact is cut to whole steps


def test_follow_is_one_for_the_law_and_nothing_for_the_clamp() -> None:
    init = np.array([[1.0, 5.0], [1.0, 5.5], [1.0, 0.5]])
    for generated, wanted in (([5.0, 5.5, 0.5], 1.0), ([4.0, 4.0, 1.0], 0.0), ([4.5, 4.75, 0.75], 0.5)):
        columns = following_columns(UNIFORM, init, velocities(generated), None, "elastic")
        found = follow(columns["follow_moved"], columns["follow_asked"])
        assert [found[name] for name in ("follow", "follow_low", "follow_high")] == pytest.approx([wanted] * 3)
    assert columns["clamp_corrected"].tolist() == [1.0, 1.5, 0.5]
    inside = following_columns(UNIFORM, np.array([[1.0, 2.0]]), velocities([3.0]), None, "elastic")
    assert np.isnan(follow(inside["follow_moved"], inside["follow_asked"])["follow"])  # nothing is asked
    lost = following_columns(UNIFORM, init, velocities([5.0, np.nan, 0.5]), None, "elastic")
    assert follow(lost["follow_moved"], lost["follow_asked"])["follow"] == 1.0


def test_in_a_gap_the_snapper_errs_and_the_clamp_does_not() -> None:
    columns = following_columns(UNIFORM, np.array([[1.0, 2.0], [1.0, 4.5]]), velocities([2.0, 4.5]), BANDS, "elastic")
    assert columns["snapper_corrected"].tolist() == [0.75, 0.5]
    assert columns["clamp_corrected"].tolist() == [0.0, 0.5]


def test_collisions_are_held_before_the_contact() -> None:
    init = np.array([[1.0, 1.0, 6.0, 2.0]])  # equal balls swap their speeds
    columns = following_columns(COLLISION, init, np.array([[[-2.0, 0.0], [6.0, 0.0]]]), None, "elastic")
    assert columns["clamp_corrected"].tolist() == [1.0]  # -2 and 4 instead of -2 and 6
    assert columns["follow_moved"] == columns["follow_asked"]


def test_a_ball_that_vanishes_counts_as_standing_still() -> None:
    init = np.array([[1.0, 3.0]])
    start = np.array([[[1.5, 5.0]]])
    positions = UNIFORM.move(init, start, 32)
    frames = render_clips(ball_trajectory(positions, UNIFORM.radii(init)), 64)
    whole = velocity_errors(UNIFORM, init, positions, frames)
    assert whole.corrected_imputed == pytest.approx(whole.corrected)
    assert whole.seen.tolist() == [1.0]
    frames[:, 10:] = 255
    lost = velocity_errors(UNIFORM, init, positions, frames)

    assert lost.corrected[0] < 0.05  # of what was seen, all is right
    scored = round(lost.missing[0] / (1 - lost.seen[0]))
    moved = scored - lost.missing[0] - 1  # differences between frames that were seen
    assert lost.corrected_imputed[0] == pytest.approx(3.0 * (1 - moved / (scored - 1)), abs=0.05)
    frames[:, 3:] = 255
    never = velocity_errors(UNIFORM, init, positions, frames)
    assert np.isnan(never.corrected[0])
    assert never.corrected_imputed[0] == pytest.approx(3.0, abs=1e-6)
    assert never.seen[0] == 0


def test_the_interval_of_a_ratio_covers() -> None:
    rng, hits, rounds = np.random.default_rng(2), 0, 400
    for _ in range(rounds):
        below = rng.uniform(0.5, 1.5, 256)
        above = 0.4 * below + rng.normal(0, 0.3, 256)
        low, high = ratio_bootstrap(above, below)
        hits += low <= 0.4 <= high
    assert hits / rounds >= 0.93
