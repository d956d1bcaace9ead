"""Sets of generated videos of the combinatorial world on disk, a part of some clips at a time.

A part appears whole or not at all, so an interrupted evaluation goes on with the next one. Beside the generated clips
it keeps the true ones and the tokenizer's reconstructions: all that is measured, shown and rated comes from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from physlaw.csv_file import RERUN
from physlaw.data.npz import read_arrays, write_arrays
from physlaw.errors import UserError
from physlaw.evaluation.codec import Codec
from physlaw.render.bodies import render_bodies
from physlaw.worlds.bodies import BLACK, GRAY, GREEN, PURPLE, Body, pack

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

GENERATED, RECONSTRUCTION, TRUTH = "generated", "reconstruction", "truth"
ROLE_COLOURS = {GREEN: GRAY, PURPLE: BLACK}  # what the training videos paint what moves, and what does not


class Videos(Protocol):
    """A numbered set of videos of bodies."""

    def __len__(self) -> int: ...

    def address(self, number: int) -> tuple[int, ...]:
        """What video it is, the same in every set that has it."""
        ...

    def motion(self, number: int, frames: int) -> tuple[tuple[Body, ...], Array]:
        """A video's bodies and their (frames, B, 3) poses."""
        ...


@dataclass(frozen=True)
class VideoSet:
    """The videos of a set that are evaluated.

    name: what the noise of a clip belongs to, with its number. plain: draw green as gray and purple as black, for a
    tokenizer that knows the training videos' colours only.
    """

    name: str
    videos: Videos
    numbers: Index
    plain: bool = False

    def motion(self, number: int, frames: int) -> tuple[tuple[Body, ...], Array]:
        """A video's bodies as drawn, and their (frames, B, 3) poses."""
        bodies, poses = self.videos.motion(number, frames)
        if self.plain:
            bodies = tuple(replace(body, colour=ROLE_COLOURS.get(body.colour, body.colour)) for body in bodies)
        return bodies, poses

    def address(self, number: int) -> tuple[int, ...]:
        """What video it is, the same in every set that has it."""
        return tuple(self.videos.address(number))

    def truth(self, numbers: Sequence[int], frames: int, resolution: int) -> Frames:
        """(N,) numbers -> (N, T, W, W, 3)."""
        moved = [self.motion(number, frames) for number in numbers]
        return np.stack([render_bodies(pack(bodies), poses, resolution) for bodies, poses in moved])


def chosen_numbers(count: int, limit: int | None) -> Index:
    """Every k-th of `count` videos in order: `limit` of them evenly spread, or all.

    Source: released combinatorial data, section 7 (600 of 600, 3000 or 6000; 500 of 1000).
    """
    wanted = min(count, limit or count)
    return np.arange(wanted, dtype=np.int64) * count // wanted


@dataclass(frozen=True)
class Part:
    """Some clips: their numbers (N,), and (N, T, W, W, 3) uint8 each."""

    numbers: Index
    truth: Frames
    reconstruction: Frames
    generated: Frames

    def of(self, source: str) -> Frames:
        """The clips of GENERATED, RECONSTRUCTION or TRUTH."""
        return {GENERATED: self.generated, RECONSTRUCTION: self.reconstruction, TRUTH: self.truth}[source]


@dataclass(frozen=True)
class GeneratedSet:
    """A set's parts on disk: <folder>/<number of the first clip>.npz."""

    videos: VideoSet
    frames: int
    resolution: int
    batch_size: int
    folder: Path

    def _parts(self) -> list[tuple[Path, Index]]:
        numbers = self.videos.numbers
        starts = range(0, len(numbers), self.batch_size)
        return [(self.folder / f"{start:06d}.npz", numbers[start : start + self.batch_size]) for start in starts]

    def make(self, codec: Codec, say: Callable[[str], None]) -> None:
        """Generate the parts that are not there."""
        parts = self._parts()
        for done, (path, numbers) in enumerate(parts, 1):
            if path.exists():
                continue
            truth = self.videos.truth(numbers.tolist(), self.frames, self.resolution)
            arrays: dict[str, NDArray[Any]] = {
                "numbers": numbers,
                TRUTH: truth,
                RECONSTRUCTION: codec.reconstruct(truth),
                GENERATED: codec.generate(truth, self.videos.name, numbers),
            }
            write_arrays(path, arrays)
            say(f"{self.videos.name}: part {done} of {len(parts)} generated")

    def __iter__(self) -> Iterator[Part]:
        """The parts in order.

        Raises:
            UserError: a part is missing, damaged, or of other clips.
        """
        for path, numbers in self._parts():
            part = _load(path)
            if not np.array_equal(part.numbers, numbers):
                raise UserError(f"{path} holds other clips than are evaluated; remove {self.folder}")
            yield part


def _load(path: Path) -> Part:
    return Part(*read_arrays(path, ("numbers", TRUTH, RECONSTRUCTION, GENERATED), RERUN).values())
