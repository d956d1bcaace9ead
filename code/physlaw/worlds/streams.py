"""Counter-based random numbers: draw j of sample i depends on (key, i, j) alone.

So a sample is the same whatever the batch, the order, the worker or the shard. The generator is SplitMix64
(Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), vectorised: the i-th sample's state is
the i-th output of the key's stream and its draws are the outputs of that state's stream.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def stream_key(*parts: object) -> int:
    """A 64-bit key from names and numbers, e.g. stream_key("uniform", "train", 0)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = state.copy()
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def bits(key: int, index: NDArray[np.int64], num_draws: int) -> NDArray[np.uint64]:
    """(N,) sample numbers -> (N, num_draws) random 64-bit words."""
    with np.errstate(over="ignore"):
        counter = np.asarray(index).astype(np.uint64) + np.uint64(1)
        state = _mix(np.uint64(key) + counter * _GAMMA)
        draws = np.arange(1, num_draws + 1, dtype=np.uint64) * _GAMMA
        return _mix(state[:, None] + draws[None, :])


def uniforms(key: int, index: NDArray[np.int64], num_draws: int) -> NDArray[np.float64]:
    """(N,) sample numbers -> (N, num_draws) numbers uniform in [0, 1), 53 bits each."""
    return (bits(key, index, num_draws) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(key: int, count: int) -> NDArray[np.int64]:
    """A random order of range(count) that depends on the key alone."""
    return np.argsort(bits(key, np.arange(count), 1)[:, 0], kind="stable")
