"""Random numbers by counter, so that they do not depend on batch size, order, worker or number of devices."""

import hashlib

import torch
from torch import Tensor


def counter_generator(name: str, seed: int, index: int) -> torch.Generator:
    """A CPU generator that depends on (name, seed, index) alone."""
    digest = hashlib.sha256(f"{name}\x1f{seed}\x1f{index}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def sample_noise(name: str, seed: int, index: list[int], shape: tuple[int, ...]) -> Tensor:
    """(len(index), *shape) standard normal noise, sample by sample."""
    return torch.stack([torch.randn(shape, generator=counter_generator(name, seed, i)) for i in index])
