"""What a file of clips must provide, and the checks that every format shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

MAX_FRAMES = 1024
DIGEST_CLIPS = 64  # all of whose pixels count in the digest of files
NUMBERS = "fiu"  # the kinds (NumPy's letters) that positions, initial values and the like may be, in any format


@dataclass
class ClipCounts:
    """What became of the clips behind a result."""

    clips: int  # in the set or file
    dropped: int = 0  # left out of the averages, as the release leaves small balls out
    resized: int = 0  # averaged to another size
    cut: int = 0  # not all of whose frames count, because there are fewer positions or fewer are wanted; or vice versa


class Records(Protocol):
    """Stored clips of one or two balls: what a file format must provide."""

    def __len__(self) -> int: ...

    @property
    def num_balls(self) -> int: ...

    @property
    def num_factors(self) -> int: ...

    @property
    def num_frames(self) -> int:
        """Of the positions."""
        ...

    def positions(self, index: Index) -> Array:
        """(N,) numbers -> (N, T, balls, 2) world units."""
        ...

    def init(self, index: Index) -> Array:
        """(N,) numbers -> (N, K)."""
        ...

    def frames(self, number: int) -> Frames:
        """(T', W, W, 3) uint8, row 0 on top."""
        ...


class Reading:
    """Clips as they are read, and what became of them.

    Of a clip with T' frames and T known positions those count, from the first on, that have both.

    Args:
        known: T. wanted: take so many. None: all.
    """

    def __init__(self, known: int, wanted: int | None) -> None:
        self.known, self.wanted = known, wanted
        self.resized: set[int] = set()  # numbers of clips
        self.cut: set[int] = set()

    def frames(self, stored: Frames, number: int, where: str) -> Frames:
        """The frames that count of clip `number`, (T', W, W, 3).

        Raises:
            UserError: fewer than wanted, or not square; `where` names the clip.
        """
        if stored.shape[1] != stored.shape[2]:
            raise UserError(f"{where}: frames of {stored.shape[2]} x {stored.shape[1]} pixels are not square")
        common = min(len(stored), self.known)
        count = common if self.wanted is None else self.wanted
        if common < count:
            raise UserError(f"{where}: {len(stored)} frames and {self.known} positions; wanted are {count}")
        if count < max(len(stored), self.known):
            self.cut.add(number)
        return stored[:count]

    def counts(self, clips: int, dropped: int = 0) -> ClipCounts:
        """Of a set of so many clips."""
        return ClipCounts(clips, dropped, len(self.resized), len(self.cut))


def check_shapes(positions: tuple[int, ...], init: tuple[int, ...], videos: tuple[int, ...], where: str) -> None:
    balls = 1 if len(positions) == 3 else positions[2] if len(positions) == 4 else 0
    if balls not in (1, 2) or positions[-1] != 2 or not 1 <= positions[1] <= MAX_FRAMES:
        raise UserError(f"{where}: position_streams must be (N, T, 2) or (N, T, 2, 2), got {positions}")
    if len(init) != 2 or not 2 * balls <= init[1] <= 16:
        raise UserError(f"{where}: init_streams must be (N, 2) to (N, 4), got {init}")
    if len(videos) < 1 or not positions[0] == init[0] == videos[0]:
        raise UserError(
            f"{where}: {videos[0] if videos else 0} videos, {positions[0]} positions and {init[0]} initial values do "
            "not match"
        )


def check_finite(values: Array, what: str, where: str, numbers: Index | None = None) -> Array:
    """Raises UserError naming the first clip with a value that is not finite; row k is clip numbers[k], or k."""
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise UserError(f"{where}: {what} of clip {row if numbers is None else int(numbers[row])} are not finite")
    return values
