"""Latents of a clip set: encoded on demand, or once into a cache on disk. Codecs are given as functions."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.data.clips import ClipSource
from physlaw.files import locked, read_json, write_json

Encode = Callable[[NDArray[np.uint8]], tuple[Tensor, Tensor]]  # clips -> latents, condition latents


class EncodedClips:
    """Encode at every use: right for tokenizers that cost nothing."""

    def __init__(self, clips: ClipSource, encode: Encode) -> None:
        self.clips, self.encode = clips, encode

    def __len__(self) -> int:
        return len(self.clips)

    def pair(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        return self.encode(self.clips.clips(index))


class LatentCache:
    """Encode once into a float16 memory map: (clips, 2, C, T', H', W'), latents and condition latents.

    The folder is named by everything the content depends on. It is filled chunk by chunk with the number of finished
    clips written after each, so that a stopped fill continues; a second process on the same cache is refused.

    Args:
        shape: (C, T', H', W'). identity: what the content depends on (data digest, tokenizer digest, ...).
    """

    def __init__(
        self,
        root: Path,
        clips: ClipSource,
        encode: Encode,
        shape: tuple[int, int, int, int],
        identity: dict[str, object],
        chunk: int = 64,
    ) -> None:
        text = json.dumps(identity | {"shape": shape, "clips": len(clips)}, sort_keys=True, default=str)
        self.folder = root / hashlib.sha256(text.encode()).hexdigest()[:16]
        with locked(self.folder, "the latent cache"):
            done_path, data_path = self.folder / "done.json", self.folder / "latents.f16"
            full = (len(clips), 2, *shape)
            size = 2 * math.prod(full)
            whole = data_path.exists() and data_path.stat().st_size == size
            done = read_json(done_path)["clips"] if whole and done_path.exists() else 0
            if not whole:
                # All of the space now: a memory map that meets a full disk later kills the process.
                with data_path.open("wb") as stream:
                    os.posix_fallocate(stream.fileno(), 0, size)
            store = np.memmap(data_path, np.float16, "r+", shape=full)
            while done < len(clips):
                index = np.arange(done, min(done + chunk, len(clips)))
                pair = encode(clips.clips(index))
                store[index] = torch.stack(pair, dim=1).to(torch.float16).cpu().numpy()
                store.flush()
                done += len(index)
                write_json(done_path, {"clips": done, "identity": json.loads(text)})
        self._store = np.memmap(data_path, np.float16, "r", shape=full)

    def __len__(self) -> int:
        return len(self._store)

    def pair(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        both = torch.from_numpy(np.asarray(self._store[index]).astype(np.float32))
        return both[:, 0], both[:, 1]
