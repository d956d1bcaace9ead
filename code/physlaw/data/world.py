"""What cells and `physlaw simulate` ask of a scenario, whatever its world is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from physlaw.data.clips import ClipSource
from physlaw.data.config import DataConfig
from physlaw.data.records import ClipCounts


class TrainingClips(ClipSource, Protocol):
    """A training set's clips."""

    def digest(self) -> str:
        """SHA-256 of what the set consists of."""
        ...

    def counts(self) -> ClipCounts | None:
        """What became of the clips of files, as far as they were read; None of rendered ones."""
        ...


@dataclass(frozen=True)
class Simulation:
    """One thing that `physlaw simulate` does."""

    config: type  # its keys
    run: Callable[[Any], tuple[Path, int]]  # an instance of them -> what was written, and how many
    key: str = ""  # the word that asks for it; none: what is done otherwise
    counted: str = "clips"
    notes: str = ""  # for people, after the keys


class World(Protocol):
    """A scenario: what it shows, which settings it takes, and where its clips come from."""

    @property
    def name(self) -> str: ...

    @property
    def picture(self) -> str:
        """What the clips show, in models.tokenizers.PICTURES' words."""
        ...

    @property
    def flips(self) -> bool:
        """Clips are mirrored too while training."""
        ...

    @property
    def needs(self) -> Mapping[str, Any]:
        """Settings of a cell that only work with one value, by dotted key."""
        ...

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """The last one is what is done unless a word asks for another."""
        ...

    def check_clips(self, resolution: int, num_frames: int) -> None:
        """Raises UserError for clips of a side or length that it cannot be judged at."""
        ...

    def training_clips(self, size: str, data: DataConfig) -> TrainingClips:
        """The training set of a named size: rendered on the fly, or read from the files that data.files names.

        Raises:
            UserError: the files are malformed, or hold other clips than the training set.
        """
        ...
