import numpy as np
import pytest

from physlaw.data.clips import RenderedClips, WithMirrored
from physlaw.data.random_objects import MARGIN, MAX_OBJECTS, RADII, RandomObjectClips
from physlaw.errors import UserError
from physlaw.worlds.appearance import BLUE, CIRCLE, RED, RING, SQUARE
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes


def test_a_clip_has_the_same_bytes_in_any_batch_and_order() -> None:
    clips = RenderedClips(training_scenes(SCENARIOS["collision"], "300"), 16)
    index = np.array([7, 290, 7, 0])
    found = clips.clips(index)
    assert np.array_equal(clips.clips(index[::-1]), found[::-1])
    assert np.array_equal(np.concatenate([clips.clips(index[k : k + 1]) for k in range(4)]), found)


def test_mirrored_clips_follow_the_others() -> None:
    plain = RenderedClips(training_scenes(SCENARIOS["uniform"], "300"), 16)
    both = WithMirrored(plain)
    assert len(both) == 2 * len(plain)
    index = np.array([4, len(plain) + 4])
    clip, mirrored = both.clips(index)
    assert np.array_equal(clip, plain.clips(index[:1])[0])
    assert np.array_equal(mirrored, clip[:, :, ::-1])
    assert not np.array_equal(mirrored, clip)


def test_digest_tells_data_apart() -> None:
    digests = {
        training_scenes(SCENARIOS[n], s, seed).digest()
        for n in ("uniform", "parabola")
        for s in ("300", "3k")
        for seed in (0, 1)
    }
    assert len(digests) == 8
    assert training_scenes(SCENARIOS["uniform"], "300").digest() in digests


def test_random_objects_cover_looks_and_know_no_law() -> None:
    source = RandomObjectClips(32, 32, seed=0)
    trajectory = source.trajectory(np.arange(600))
    there = trajectory.radii > 0
    there[:, MAX_OBJECTS:] = False  # the wall's squares
    radii = trajectory.radii[there]
    assert RADII[0] <= radii.min() < 0.3
    assert 2.0 < radii.max() <= RADII[1]
    for shape in (CIRCLE, SQUARE, RING):
        for colour in (RED, BLUE):
            alike = (trajectory.shapes == shape) & (trajectory.colours == colour).all(axis=2)
            assert (there & alike).sum() > 40
        assert len(np.unique(trajectory.colours[there & (trajectory.shapes == shape)], axis=0)) > 40
    reach = WORLD_SIZE / 2 + MARGIN + 1e-9
    assert (np.abs(trajectory.positions[:, :, :MAX_OBJECTS] - WORLD_SIZE / 2) <= reach).all()
    speed = np.diff(trajectory.positions, axis=1) / 0.1
    rest = (speed == 0).all(axis=(1, 3))
    assert 0.25 < rest[there].mean() < 0.35
    turns = np.abs(np.diff(speed, axis=1)).max(axis=(1, 3))
    assert (turns[there & ~rest] > 0.1).mean() > 0.99  # nothing moves uniformly
    assert np.abs(speed).max() < 7
    assert np.abs(speed).max() > 3.5
    assert np.array_equal(source.clips(np.array([5, 9]))[1], source.clips(np.array([9]))[0])


def test_short_supplies_are_refused() -> None:
    with pytest.raises(UserError, match="at least 2"):
        RandomObjectClips(16, 1)
