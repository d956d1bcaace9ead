"""A folder of answers as a Codec: what studies score. What it generates is looked up; it has no tokenizer."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from physlaw.errors import UserError
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.exam.answers import Answers
from physlaw.exam.frames import WHITE, Timing
from physlaw.exam.paper import item_names

MISSING = "no answer: counted as a ball that vanishes"


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
        return Codec(self.generate, lambda frames: frames)

    def generate(self, frames: Frames, block: str, numbers: Index) -> Frames:
        """See Codec. An item that is missing or cannot be read is a clip in which the ball vanishes."""
        items, conditions = item_names(self.scenario, block, numbers), frames[:, : self.timing.shown]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # unpacking and decoding leave Python free
            clips = np.empty((len(frames), self.timing.frames, *frames.shape[2:]), np.uint8)
            list(pool.map(self._place, items, conditions, clips))
        return clips

    def _place(self, item: str, condition: Frames, out: Frames) -> None:
        """One answer's clip into `out`, (T, W, W, 3)."""
        load = self.answers.found.get(item)
        if load is not None:
            try:
                clip = load(self.side, self.fit)
            except UserError as error:
                self.answers.refused[item] = str(error)
            else:
                self.timing.place(clip, condition, out)
                if clip.notes:
                    self.notes[item] = clip.notes
                return
        self.notes[item] = [self.answers.refused.get(item, MISSING)]
        out[:] = WHITE
        out[: self.timing.shown] = condition
