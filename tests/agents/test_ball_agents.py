"""Reference agents of the balls' worlds, as the tracker finds them."""

import numpy as np
import pytest
from agent_draws import Drawn, agent_codec, draw_block

from physlaw.evaluation.following import nearest_in_bands
from physlaw.studies.attributes.outcomes import KEEPS_BOTH, KEEPS_FIRST, KEEPS_SECOND, UNDECIDED, outcomes
from physlaw.studies.attributes.score import CrossedPair
from physlaw.studies.attributes.sets import PAIR_OF
from physlaw.studies.id_ood.study import PAPER_ID_SLOPES
from physlaw.studies.ring.sets import PAIR
from physlaw.studies.square_out.agents import nearest_in_hull
from physlaw.studies.velocity_gap.study import BANDS
from physlaw.tracking.object import measure_object

SMALL = ("size=300", "data.resolution=16")
CLOSE = 0.06  # world units / s; the tracker's own error, with balls that leave the picture early


def uniform(agent: str, block: str, *words: str, count: int = 24) -> Drawn:
    return draw_block("id_ood", agent, block, "scenario=uniform", *SMALL, *words, count=count)


@pytest.mark.parametrize("scenario", ["uniform", "parabola", "collision"])
def test_law_draws_the_truth(scenario: str) -> None:
    for block in ("id", "xl_level2_v1"):
        drawn = draw_block("id_ood", "law", block, f"scenario={scenario}", *SMALL)
        np.testing.assert_array_equal(drawn.frames, drawn.truth)


def test_noisy_law_errs_by_a_twentieth_and_the_same_in_every_cell_of_a_seed() -> None:
    drawn = uniform("noisy_law", "id", count=96)
    factors = drawn.speeds[:, 0] / drawn.init[:, 1]
    assert factors.mean() == pytest.approx(1, abs=0.02)
    assert factors.std() == pytest.approx(0.05, abs=0.012)
    other = uniform("noisy_law", "id", "size=3k", count=96)
    np.testing.assert_array_equal(other.frames, drawn.frames)
    assert (uniform("noisy_law", "id", "seed=1", count=96).frames != drawn.frames).any()


@pytest.mark.parametrize("scenario", ["uniform", "parabola"])
def test_scaling_noise_shrinks_as_the_papers_error(scenario: str) -> None:
    def spread(agent: str, size: str) -> float:
        words = (f"scenario={scenario}", "size=300", "data.resolution=64", f"size={size}")
        drawn = draw_block("id_ood", agent, "id", *words, count=96)
        return float((drawn.speeds[:, 0] / drawn.init[:, 1]).std())

    data, parameters = PAPER_ID_SLOPES[scenario]
    base = spread("scaling_law_s", "300")
    assert spread("scaling_law_s", "3k") / base == pytest.approx(10**data, rel=0.1)
    assert spread("scaling_law_l", "300") / base == pytest.approx((310.03 / 22.46) ** parameters, rel=0.1)


def test_clamps_are_held_to_the_trained_range_where_a_scene_leaves_it() -> None:
    for agent, tolerance in (("clamp", CLOSE), ("scaling_clamp_l", 0.15)):
        fast = uniform(agent, "xl_level2_v1")
        assert fast.speeds[:, 0] == pytest.approx(np.full(24, 4.0), abs=tolerance), agent
        slow = uniform(agent, "level2_v1")
        assert np.nanmedian(slow.speeds[:, 0]) == pytest.approx(1.0, abs=tolerance), agent
    inside = uniform("scaling_clamp_s", "id")
    np.testing.assert_array_equal(inside.frames, uniform("scaling_law_s", "id").frames)


def test_clamped_balls_touch_before_they_part() -> None:
    """Balls that grow to the trained size, and slow ones that speed up, still meet and obey the law."""
    drawn = draw_block("id_ood", "clamp", "level6_r1_r2_v1_v2", "scenario=collision", *SMALL)
    assert np.isfinite(drawn.speeds).mean() > 0.9
    same = draw_block("id_ood", "clamp", "id", "scenario=collision", *SMALL)
    np.testing.assert_array_equal(same.frames, same.truth)


def test_nearest_case_shows_a_training_clip() -> None:
    drawn = uniform("nearest_case", "xl_level2_v1")
    assert drawn.speeds[:, 0].max() < 4 + CLOSE
    assert np.median(drawn.speeds[:, 0]) > 3


def test_codecs_reconstruct_exactly_or_drift_by_a_pixel() -> None:
    still, cell = agent_codec("id_ood", "identity", "scenario=uniform")
    assert cell.data.resolution == 128
    drift, _ = agent_codec("id_ood", "drift", "scenario=uniform")
    drawn = uniform("law", "id", "data.resolution=128", count=8)
    np.testing.assert_array_equal(still.reconstruct(drawn.truth), drawn.truth)
    drawn.frames = drift.reconstruct(drawn.truth)
    per_second = 10 / 128 / (31 * 0.1)  # one pixel over 31 steps
    assert drawn.errors.corrected == pytest.approx(np.full(8, per_second), abs=0.004)


def seen(conditioned: np.ndarray, expected: np.ndarray, found: np.ndarray) -> bool:
    """Where the ball is wholly in view for the frames of the true one, it moves as expected."""
    slower = expected <= conditioned + 1e-9
    known = slower & np.isfinite(conditioned)
    return bool(known.sum() > 8 and np.abs(found - expected)[known].max() < CLOSE)


def speeds(agent: str, scenario: str, block: str = "gap", count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    drawn = draw_block("velocity_gap", agent, block, f"scenario={scenario}", "size=300", count=count)
    return drawn.init[:, 1], drawn.speeds[:, 0]


def test_snapper_takes_the_nearest_band() -> None:
    for scenario in ("gap_125_375", "gap_two_islands"):
        conditioned, found = speeds("snapper", scenario)
        assert seen(conditioned, nearest_in_bands(conditioned, BANDS[scenario]), found)
    conditioned, found = speeds("snapper", "gap_125_375", "bands")
    assert np.abs(found - conditioned).max() < CLOSE


def test_random_band_takes_a_band_by_nearness() -> None:
    bands = BANDS["gap_125_375"]
    conditioned, found = speeds("random_band", "gap_125_375", count=256)
    lower = np.abs(found - 1.25) < CLOSE
    near, far = conditioned < 1.75, (conditioned > 2.25) & (conditioned < 2.75)
    assert lower[near].mean() > 0.75
    assert 0.3 < lower[far].mean() < 0.7
    inside, found = speeds("random_band", "gap_125_375", "bands")
    assert np.abs(found - inside).max() < CLOSE
    assert len(bands) == 2


def test_interpolator_snaps_in_the_widest_gap_alone() -> None:
    for scenario in ("gap_175_325", "gap_two_islands"):
        conditioned, found = speeds("interpolator", scenario)
        assert np.abs(found - conditioned).max() < CLOSE
    conditioned, found = speeds("interpolator", "gap_125_375")
    assert seen(conditioned, nearest_in_bands(conditioned, BANDS["gap_125_375"]), found)


def test_dissolver_fades_what_was_never_as_slow() -> None:
    words = ("scenario=fast_right", "size=300")
    slow = draw_block("memorization", "dissolver", "slow", *words)
    assert (slow.frames[:, 12:] > 250).all()  # white
    assert (slow.frames[:, 3] < 200).any(axis=(1, 2, 3)).all()
    fast = draw_block("memorization", "dissolver", "fast", *words)
    np.testing.assert_array_equal(fast.frames, fast.truth)


def test_mirror_turns_one_clip_in_ten_where_training_has_mirror_images() -> None:
    flipped = draw_block("memorization", "mirror", "slow", "scenario=fast_flipped", "size=300", count=128)
    share = (flipped.speeds[:, 0] < -0.5).mean()
    assert 0.04 < share < 0.17
    plain = draw_block("memorization", "mirror", "slow", "scenario=fast_right", "size=300", count=128)
    assert not (plain.speeds[:, 0] < 0).any()


def test_the_hulls_nearest_points() -> None:
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.5, 0.5]])
    points = np.array([[0.4, 0.4], [-1.0, 1.0], [2.0, 2.0], [5.0, -1.0]])
    assert nearest_in_hull(points, corners) == pytest.approx(np.array([[0.4, 0.4], [0, 1], [1, 1], [2, 0]]))


def test_hull_follows_the_law_inside_and_its_rim_outside() -> None:
    words = ("scenario=hole_all_but_rim", "size=10k")
    inside = draw_block("square_out", "hull", "inside", *words)
    outside = draw_block("square_out", "hull", "outside", *words)
    assert np.nanmean(inside.errors.corrected) < 0.06
    assert np.nanmean(outside.errors.corrected) > 0.3


def kept(agent: str, study: str, scenario: str, block: str, count: int = 48) -> np.ndarray:
    """Outcomes of the decided clips."""
    drawn = draw_block(study, agent, block, f"scenario={scenario}", "size=300", "data.resolution=32", count=count)
    crossed = CrossedPair.of(PAIR if study == "ring" else PAIR_OF[scenario])
    positions = drawn.scenes.positions(drawn.numbers)
    reach = drawn.scenes.scenario.radii(drawn.init)[:, None, :, None]
    expected = ((positions >= reach) & (positions <= 10 - reach)).all(axis=(2, 3))
    looks = measure_object(drawn.frames, "area", expected, None if crossed.has_shapes else 0)
    conditioned = crossed.conditioned(drawn.init, drawn.scenes.scenario.factors)
    found = outcomes(crossed.pair, conditioned, crossed.measured(looks))
    return found[found != UNDECIDED]


def test_priority_keeps_colour_and_with_a_ring_shape() -> None:
    assert set(kept("priority", "attributes", "colour_shape", "blue_circle")) == {KEEPS_FIRST}
    assert set(kept("priority", "attributes", "size_shape", "large_circle")) == {KEEPS_FIRST}
    assert set(kept("priority", "ring", "colour_ring", "blue_circle")) == {KEEPS_SECOND}
    trained = draw_block("attributes", "priority", "red_circle", "scenario=colour_shape", "size=300")
    np.testing.assert_array_equal(trained.frames, trained.truth)


def test_colour_keeper_keeps_colour_even_with_a_ring() -> None:
    assert set(kept("colour_keeper", "ring", "colour_ring", "red_ring")) == {KEEPS_FIRST}
    assert set(kept("colour_keeper", "attributes", "size_shape", "large_circle")) == {KEEPS_BOTH}


def test_random_attribute_keeps_either() -> None:
    found = kept("random_attribute", "attributes", "colour_shape", "blue_circle", 96)
    assert 0.35 < (found == KEEPS_FIRST).mean() < 0.65
    assert set(found) == {KEEPS_FIRST, KEEPS_SECOND}


def test_told_law_needs_to_be_told() -> None:
    words = ("scenario=collision", *SMALL)
    told = draw_block("modality", "told_law_numbers", "xl_level4_v1_v2", *words)
    np.testing.assert_array_equal(told.frames, told.truth)
    plain = draw_block("modality", "told_law", "xl_level4_v1_v2", *words)
    np.testing.assert_array_equal(plain.frames, draw_block("modality", "clamp", "xl_level4_v1_v2", *words).frames)


def test_halving_law_has_half_the_noise_in_the_finer_and_the_longer_cell() -> None:
    def spread(scenario: str) -> float:
        words = (f"scenario={scenario}", "size=300", "data.resolution=32")
        drawn = draw_block("resolution_and_length", "halving_law", "id", *words, count=96)
        return float((drawn.speeds[:, 0] / drawn.init[:, 1]).std())

    assert spread("uniform_fine") / spread("uniform") == pytest.approx(0.5, rel=0.1)
    assert spread("uniform_long") / spread("uniform") == pytest.approx(0.5, rel=0.1)
