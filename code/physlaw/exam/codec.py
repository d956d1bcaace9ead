"""A folder of answers as a Codec: what studies score. What it generates is looked up; its tokenizer is the way that the
answers took, so that true clips taken the same way are the floor."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from physlaw.errors import UserError
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.exam.answers import Answers
from physlaw.exam.frames import WHITE, Timing, resized
from physlaw.exam.paper import item_names
from physlaw.exam.video import CONTAINERS, encode, read_video
from physlaw.worlds.laws import FRAME_S

MISSING = "no answer: counted as a ball that vanishes"
LARGEST_FLOOR = 1024  # side at which true clips are encoded; of larger answers the floor is lower


@dataclass
class AnswerSheet:
    """Answers of one scenario on their way to its Codec. side: at which clips are measured. notes: item -> the rules of
    exam/frames.py that were used, or why it is not read."""

    answers: Answers
    scenario: str
    side: int
    fit: str
    timing: Timing
    notes: dict[str, list[str]] = field(default_factory=dict)

    def codec(self) -> Codec:
        return Codec(self.generate, self.reconstruct)

    def generate(self, frames: Frames, block: str, numbers: Index) -> Frames:
        """See Codec. An item that is missing or cannot be read is a clip in which the ball vanishes."""
        pairs = zip(item_names(self.scenario, block, numbers), frames, strict=True)
        return np.stack([self._clip(item, truth[: self.timing.shown]) for item, truth in pairs])

    def _clip(self, item: str, condition: Frames) -> Frames:
        load = self.answers.found.get(item)
        if load is not None:
            try:
                clip = load(self.side, self.fit)
            except UserError as error:
                self.answers.refused[item] = str(error)
            else:
                placed = self.timing.placed(clip, condition)
                if clip.notes:
                    self.notes[item] = clip.notes
                return placed
        self.notes[item] = [self.answers.refused.get(item, MISSING)]
        blank = np.full((self.timing.frames, *condition.shape[1:]), WHITE, np.uint8)
        blank[: self.timing.shown] = condition
        return blank

    def reconstruct(self, frames: Frames) -> Frames:
        """True clips through an mp4 of the answers' size, where they are videos; else as they are."""
        if not self.answers.suffixes & set(CONTAINERS):
            return frames
        return np.stack([through_video(clip, self._video_side) for clip in frames])

    @cached_property
    def _video_side(self) -> int:
        """Of the first answer that is read."""
        for load in self.answers.found.values():
            try:
                found = load(0, self.fit)
            except UserError:
                continue
            return min(found.side, LARGEST_FLOOR)
        return self.side


def through_video(frames: Frames, side: int) -> Frames:
    """(T, W, W, 3) uint8, encoded at that side and decoded."""
    large = resized(frames, side, "crop")
    small = partial(_small, frames.shape[1], side)
    return read_video(Path("truth.mp4"), small, encode(large, 1 / FRAME_S))[0]


def _small(width: int, side: int, frames: Frames) -> Frames:
    return resized(frames[:, :side, :side], width, "crop")
