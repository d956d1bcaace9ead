"""How good the automatic verdict is: simulated clips that it calls abnormal, and corrupted ones that it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.intervals import Share
from physlaw.render.bodies import render_bodies
from physlaw.studies.combinatorial.abnormal import Thresholds, abnormal_share, judge, statistics
from physlaw.studies.combinatorial.corruptions import CORRUPTIONS
from physlaw.tracking.bodies.measure import measure_clips
from physlaw.worlds.bodies import Body, pack
from physlaw.worlds.phyre.scenes import PhyreScenes
from physlaw.worlds.scenes import NUM_FRAMES
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]
Through = Callable[[Frames], Frames]
Shown = tuple[Frames, Sequence[Body], Array]  # a clip's frames, its scene's bodies, their poses in the first frame

_AT_ONCE = 16  # clips that go through a tokenizer together


def spread_numbers(videos: PhyreScenes, count: int, part: str, seed: int = 0) -> NDArray[np.int64]:
    """(count,) numbers of different videos of a set, spread evenly over its templates, at random in each.

    part: a name; other parts get other videos, except by chance. Raises UserError if the set has fewer videos.
    """
    if not 0 < count <= len(videos):
        raise UserError(f"the number of clips must be 1 to {len(videos)}, got {count}")
    strata = np.linspace(0, len(videos), count + 1).astype(np.int64)
    draws = uniforms(stream_key("abnormal/clips", part, seed), np.arange(count), 1)[:, 0]
    return strata[:-1] + (draws * np.diff(strata)).astype(np.int64)


def _measure(clips: Iterator[Shown], through: Through | None) -> Array:
    """Clips -> (N, causes) statistics."""
    rows = []
    while part := list(islice(clips, _AT_ONCE)):
        frames = np.stack([clip[0] for clip in part])
        rows.append(statistics(measure_clips(through(frames) if through else frames, [clip[1:] for clip in part])))
    return np.concatenate([*rows, statistics([])])


def simulated_statistics(
    videos: PhyreScenes,
    numbers: Iterable[int],
    resolution: int,
    through: Through | None = None,
    num_frames: int = NUM_FRAMES,
) -> Array:
    """(N, causes) statistics of a set's simulated clips.

    through: what happens to (up to 16, T, W, W, 3) uint8 frames before they are measured, e.g. a tokenizer's
    reconstruction.
    """

    def shown() -> Iterator[Shown]:
        for number in numbers:
            bodies, poses = videos.motion(int(number), num_frames)
            yield render_bodies(pack(bodies), poses, resolution), bodies, poses[0]

    return _measure(shown(), through)


@dataclass(frozen=True)
class DetectorCheck:
    """false_positives: of simulated clips that are called abnormal, by set. found: by corruption, of the clips in which
    it can be seen. resolution: pixels of the clips."""

    resolution: int
    false_positives: dict[str, Share]
    found: dict[str, Share]

    def rows(self) -> list[dict[str, object]]:
        """The table: kind, name, count, of, share, low, high, resolution of each line."""
        kinds = {"false_positive": self.false_positives, "found": self.found}
        return [
            {"kind": kind, "name": name, **vars(share), "resolution": self.resolution}
            for kind, shares in kinds.items()
            for name, share in shares.items()
        ]


def check_detector(
    resolution: int,
    thresholds: Thresholds,
    sets: Mapping[str, PhyreScenes],
    truths: int = 500,
    corrupted: int = 200,
    through: Through | None = None,
    seed: int = 0,
    num_frames: int = NUM_FRAMES,
) -> DetectorCheck:
    """Try the verdict on clips whose answer is known.

    Args:
        resolution: pixels of the clips, that of the thresholds.
        sets: by name, the sets from which clips are drawn; other clips than it was calibrated on.
        truths: simulated clips of each set. corrupted: clips, of all sets together, that each corruption is tried on.
        through: as simulated_statistics.
    Raises:
        UserError: thresholds of another resolution, no set, fewer corrupted clips than sets, or more clips than a set
            has.
    """
    if thresholds.resolution != resolution:
        raise UserError(f"the thresholds are for clips of {thresholds.resolution} px, not {resolution}")
    if not sets or corrupted < len(sets):
        raise UserError(f"the check needs sets and a clip of each to corrupt, got {len(sets)} sets, {corrupted} clips")
    false_positives, clips = {}, []
    shares = np.diff(np.linspace(0, corrupted, len(sets) + 1).astype(int))
    for (name, videos), share in zip(sets.items(), shares, strict=True):
        numbers = spread_numbers(videos, truths, "check", seed)
        values = simulated_statistics(videos, numbers, resolution, through, num_frames)
        false_positives[name] = abnormal_share(judge(values, thresholds))
        clips += [(videos, int(number)) for number in spread_numbers(videos, int(share), "corrupt", seed)]
    found = {}
    for name, corrupt in CORRUPTIONS.items():
        made = (corrupt(*videos.motion(n, num_frames), seed, order) for order, (videos, n) in enumerate(clips))
        shown = ((clip.render(resolution), clip.scene, clip.first_poses) for clip in made if clip is not None)
        found[name] = abnormal_share(judge(_measure(shown, through), thresholds))
    return DetectorCheck(resolution, false_positives, found)
