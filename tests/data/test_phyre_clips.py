"""Clips of the combinatorial world rendered on the fly: by number alone."""

import numpy as np
import pytest

from physlaw.data import phyre_clips
from physlaw.data.clips import ClipSource
from physlaw.data.phyre_clips import RenderedBodies, phyre_scenes_digest
from physlaw.errors import UserError
from physlaw.render.bodies import render_bodies
from physlaw.worlds.bodies import pack
from physlaw.worlds.phyre.scenes import in_template_videos, out_of_template_videos, training_videos


def test_a_clip_is_its_number_whatever_the_batch_and_the_order() -> None:
    scenes = training_videos("6")
    source: ClipSource = RenderedBodies(scenes, 64, 8)
    index = np.array([3, len(source) - 1, 99_000, 3])
    clips = source.clips(index)
    assert clips.shape == (4, 8, 64, 64, 3)
    assert clips.dtype == np.uint8
    assert np.array_equal(clips[::-1], source.clips(index[::-1]))
    assert np.array_equal(clips[1:2], source.clips(index[1:2]))
    for clip, number in zip(clips, index.tolist(), strict=True):
        bodies, poses = scenes.motion(number)  # 32 frames: the first 8 are the same
        assert np.array_equal(clip, render_bodies(pack(bodies), poses[:8], 64))
    assert not np.array_equal(clips[0], clips[1])
    assert source.clips(np.array([], np.int64)).shape == (0, 8, 64, 64, 3)


def test_numbers_and_sizes_outside_are_refused() -> None:
    scenes = out_of_template_videos()
    with pytest.raises(IndexError, match="clip 1000 is outside 0 to 999"):
        RenderedBodies(scenes, 32, 4).clips(np.array([0, 1000]))
    for resolution, frames, message in ((100, 4, "must divide 512"), (8, 4, "16 to 512"), (32, 0, "at least 1, got 0")):
        with pytest.raises(UserError, match=message):
            RenderedBodies(scenes, resolution, frames)


def test_the_digest_tells_sets_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phyre_clips, "DIGEST_SCENES", 256)
    sets = [training_videos("6"), training_videos("6", seed=1), in_template_videos("6"), out_of_template_videos()]
    digests = [phyre_scenes_digest(scenes, 32) for scenes in sets]
    assert phyre_scenes_digest(training_videos("6"), 32) == digests[0]
    assert len({*digests, phyre_scenes_digest(sets[0], 50)}) == 5
