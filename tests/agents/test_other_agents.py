"""Reference agents of composition and of the combinatorial world, as the trackers find them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from agent_draws import agent_codec

from physlaw.agents.frames import FADING_FRAMES, drift, fade
from physlaw.config import CellConfig
from physlaw.evaluation.codec import Frames
from physlaw.render.discs import render_clips
from physlaw.studies.combinatorial.agents import FADE_LESS, FADE_MORE
from physlaw.studies.combinatorial.ambiguity import outcomes_from_frames
from physlaw.studies.combinatorial.score import ambiguity_sets, template_sets
from physlaw.studies.composition.lawful import measure_composition
from physlaw.studies.composition.scenes import columns
from physlaw.studies.composition.sets import COMPOSITIONS, scored_sets
from physlaw.worlds.phyre.ambiguity import AmbiguityScenes

BODIES = ("eval.id_clips=12", "eval.ood_clips=12")
FAMILY = "offset_block"


def test_fading_and_drifting_frames() -> None:
    kept, gone = np.zeros((2, 20, 4, 4, 3), np.uint8), np.full((2, 20, 4, 4, 3), 255, np.uint8)
    frames = fade(kept, gone, np.array([2, 15]))
    assert (frames[0, : 2 + 1] == 0).all()
    assert (frames[0, 2 + FADING_FRAMES :] == 255).all()
    assert (np.diff(frames[0, :, 0, 0, 0].astype(int)) >= 0).all()
    assert (frames[1, :16] == 0).all()
    edge = np.zeros((1, 3, 2, 4, 3), np.uint8)
    edge[..., :2, :] = 200
    assert drift(edge, 1.0)[0, :, 0, 2, 0].tolist() == [0, 100, 200]


def composed(agent: str, scenario: str, block: str, count: int = 12) -> tuple[np.ndarray, Frames, Frames]:
    """(N, 2) which of red and blue vanished; the agent's clips and the true ones."""
    codec, cell = agent_codec("composition", agent, f"scenario={scenario}", "size=300")
    scenes, numbers = scored_sets(COMPOSITIONS[scenario], cell.data.seed, cell.data.num_frames)[block], np.arange(count)
    truth = render_clips(scenes.trajectory(numbers), cell.data.resolution)
    frames = codec.generate(truth, block, numbers)
    np.testing.assert_array_equal(frames[:, :3], truth[:, :3])
    init = scenes.init(numbers)
    radii, shapes = columns(init, "red_r", "blue_r"), columns(init, "red_shape", "blue_shape")
    wall = columns(init, "wall_x", "wall_y", "wall_half_height")
    found = measure_composition(frames, scenes.positions(numbers), radii, shapes, wall)
    return found.vanished, frames, truth


def test_composer_loses_the_red_ball_where_it_was_never_at_the_wall() -> None:
    vanished, frames, truth = composed("composer", "composition_temporal_plain", "both")
    assert vanished[:, 0].mean() > 0.7
    assert not vanished[:, 1].any()
    for scenario, block in (("composition_temporal_plain", "trained"), ("composition_temporal", "both")):
        _, frames, truth = composed("composer", scenario, block)
        np.testing.assert_array_equal(frames, truth)


def test_nearest_case_draws_a_training_scene() -> None:
    _, frames, truth = composed("nearest_case", "composition_spatial", "both", 4)
    assert (frames[:, 3:] != truth[:, 3:]).any(axis=(1, 2, 3, 4)).all()


def bodies(agent: str, size: str = "60", *words: str) -> tuple[Frames, Frames, CellConfig]:
    """Twelve out-of-template clips of an agent, and the true ones."""
    codec, cell = agent_codec("combinatorial", agent, f"size={size}", *BODIES, *words)
    videos = template_sets(cell)["out_of_template"]
    truth = videos.truth(videos.numbers.tolist(), cell.data.num_frames, cell.data.resolution)
    return codec.generate(truth, videos.name, videos.numbers), truth, cell


def changed(frames: Frames, truth: Frames) -> np.ndarray:
    """(N,) which clips are not the true ones."""
    return np.asarray((frames != truth).any(axis=(1, 2, 3, 4)))


def test_law_freeze_and_shuffle_of_bodies() -> None:
    frames, truth, _ = bodies("law")
    np.testing.assert_array_equal(frames, truth)
    frames, truth, _ = bodies("freeze")
    np.testing.assert_array_equal(frames, np.repeat(truth[:, :1], 32, axis=1))
    frames, truth, _ = bodies("shuffle")
    assert changed(frames, truth).mean() > 0.7
    np.testing.assert_array_equal(frames[:, 0], truth[:, 0])


def test_fading_bodies_are_gone_at_the_end_in_their_share_of_clips() -> None:
    frames, truth, _ = bodies("fade")
    which = changed(frames, truth)
    assert 0 < which.sum() < len(which)
    reds = (frames[which, -1].astype(int) * [2, -1, -1]).sum(axis=-1) > 100
    assert not reds.any()  # the red ball with the others
    np.testing.assert_array_equal(frames[:, :12], truth[:, :12])
    same, _, _ = bodies("fade", "6")
    np.testing.assert_array_equal(same, frames)


@pytest.mark.parametrize(("agent", "shares"), [("fade_less", FADE_LESS), ("fade_more", FADE_MORE)])
def test_shares_follow_the_templates_and_are_nested(agent: str, shares: dict[str, float]) -> None:
    which = {size: changed(*bodies(agent, size)[:2]) for size in shares}
    ordered = sorted(shares, key=lambda size: shares[size])
    for few, many in pairwise(ordered):
        assert not (which[few] & ~which[many]).any()
    assert which[ordered[-1]].sum() > which[ordered[0]].sum()


def test_the_larger_model_fades_less() -> None:
    smaller, larger = (changed(*bodies(f"fade_unequal_{size}")[:2]) for size in ("b", "xl"))
    assert smaller.sum() > larger.sum()


def test_nearest_case_of_bodies_is_a_training_video(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physlaw.studies.combinatorial.nearest.CASES", 40)
    frames, truth, _ = bodies("nearest_case", "6")
    assert changed(frames, truth).all()
    np.testing.assert_array_equal(frames[:, 0], truth[:, 0])


def ambiguous(agent: str) -> tuple[list[str], list[str], np.ndarray]:
    """Outcomes of some ambiguous scenes, true and found, and their margins in pixels."""
    codec, cell = agent_codec("combinatorial", agent)
    videos = ambiguity_sets(cell)[FAMILY]
    scenes = videos.videos
    assert isinstance(scenes, AmbiguityScenes)
    numbers = videos.numbers[:: len(videos.numbers) // 10 + 1]  # of both signs, which take turns
    truth = videos.truth(numbers.tolist(), cell.data.num_frames, cell.data.resolution)
    found = outcomes_from_frames(codec.generate(truth, videos.name, numbers), scenes, numbers.tolist())
    margins = np.array([scenes.margin(n, cell.data.resolution) for n in numbers.tolist()])
    return outcomes_from_frames(truth, scenes, numbers.tolist()), found, margins


def test_whole_pixels_is_wrong_below_half_a_pixel_only() -> None:
    true, found, margins = ambiguous("whole_pixels")
    below = np.abs(margins) < 0.5
    wrong = np.array([a != b for a, b in zip(true, found, strict=True)])
    assert wrong[below].any()
    assert not wrong[~below].any()
    assert len({b for b, low in zip(found, below, strict=True) if low}) == 1  # it sees them all alike


def test_majority_always_says_the_same() -> None:
    true, found, _ = ambiguous("majority")
    assert len(set(found)) == 1
    assert found.count(found[0]) > true.count(found[0]) >= len(true) / 2
