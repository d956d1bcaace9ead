"""Random numbers taken one after another from a sample's own stream."""

from __future__ import annotations

import numpy as np

from physlaw.worlds.streams import uniforms

_FIRST_BLOCK = 64  # numbers made at once; one by one they would cost more


class Draws:
    """The numbers of sample `index` of the stream `key`. The j-th taken depends on (key, index, j) alone, so what is
    drawn is the same whatever else was drawn before."""

    def __init__(self, key: int, index: int) -> None:
        self._key = key
        self._index = np.array([index], dtype=np.int64)
        self._block: list[float] = []
        self._used = 0

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        if self._used == len(self._block):
            self._block = uniforms(self._key, self._index, max(_FIRST_BLOCK, 2 * self._used))[0].tolist()
        self._used += 1
        return self._block[self._used - 1]

    def uniform(self, low: float, high: float) -> float:
        """Uniform between two bounds, also where low > high."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """Uniform over low, low + 1, ..., high."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.unit() < probability
