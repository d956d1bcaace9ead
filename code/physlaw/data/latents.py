"""Latents of a clip set: encoded on demand, or once into memory-mapped files. Codecs are given as functions."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.data.clips import ClipSource, Index
from physlaw.errors import UserError
from physlaw.files import FULL, check_room, read_json, write_json
from physlaw.lease import leased
from physlaw.worlds.grids import spread

Encode = Callable[[Any], Tensor]  # (N, T, W, W, 3) uint8, array or tensor -> (N, C, T', H', W')
Shape = tuple[int, int, int, int]

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
CHECKED_CHUNKS = 64  # on opening, evenly spread


class EncodedClips:
    """Encode at every use: right for tokenizers that cost nothing."""

    def __init__(self, clips: ClipSource, encode: Encode, encode_condition: Encode) -> None:
        self.clips, self.encode, self.encode_condition = clips, encode, encode_condition

    def __len__(self) -> int:
        return len(self.clips)

    def pair(self, index: Index) -> tuple[Tensor, Tensor]:
        """(N,) numbers -> latents and condition latents."""
        frames = self.clips.clips(index)
        return self.encode(frames), self.encode_condition(frames)


class LatentStore:
    """One kind of latents of a clip set in <folder>/<name>.bin, (clips, C, T', H', W') of 16 bits each.

    Filled chunk by chunk; a finished chunk's checksum is appended to <name>.crc, so a stopped fill continues. One
    process fills while others wait, then read. On opening some chunks are compared with their checksums, and damaged
    ones are encoded again. A finished store needs no write access.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        clips: ClipSource,
        encode: Encode,
        shape: Shape,
        dtype: str = "float16",
        chunk: int = 64,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.clips, self.encode, self.chunk, self.say = clips, encode, chunk, say
        self.dtype, self.shape = DTYPES[dtype], (len(clips), *shape)
        self.data, self.checksums = folder / f"{name}.bin", folder / f"{name}.crc"
        if not self._finished() or self._damaged():
            with leased(folder, f"the latents {folder.name}/{name}", patience_s=math.inf, say=say):
                self._fill()
        # numpy has no bfloat16: 16-bit words that torch reads as what they are.
        self._words = np.memmap(self.data, np.int16, "r", shape=self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __call__(self, index: Index) -> Tensor:
        """(N,) numbers -> (N, C, T', H', W') float32."""
        return torch.from_numpy(np.asarray(self._words[index])).view(self.dtype).float()

    @property
    def _bytes(self) -> int:
        return 2 * math.prod(self.shape)

    @property
    def _num_chunks(self) -> int:
        return -(-self.shape[0] // self.chunk)

    def _done(self) -> NDArray[np.uint32]:
        """Checksums of the finished chunks."""
        whole = self.data.exists() and self.data.stat().st_size == self._bytes and self.checksums.exists()
        content = self.checksums.read_bytes() if whole else b""
        return np.frombuffer(content[: len(content) // 4 * 4], np.uint32)

    def _finished(self) -> bool:
        return len(self._done()) == self._num_chunks

    def _place(self, chunk: int) -> tuple[int, int]:
        """Offset and length in bytes."""
        clip_bytes = self._bytes // self.shape[0]
        start = chunk * self.chunk
        return start * clip_bytes, min(self.chunk, self.shape[0] - start) * clip_bytes

    def _damaged(self, limit: int = CHECKED_CHUNKS) -> list[int]:
        """Of (up to `limit`) finished chunks those whose content is not what was written."""
        done, bad = self._done(), []
        if not len(done):
            return []
        with self.data.open("rb") as stream:
            for chunk in spread(len(done), limit).tolist():
                offset, length = self._place(chunk)
                stream.seek(offset)
                if zlib.crc32(stream.read(length)) != done[chunk]:
                    bad.append(chunk)
        return bad

    def _fill(self) -> None:
        if not (self.data.exists() and self.data.stat().st_size == self._bytes):
            self.checksums.unlink(missing_ok=True)
            with self.data.open("wb") as stream:  # all of the space now, not an error hours later
                os.posix_fallocate(stream.fileno(), 0, self._bytes)
        with self.data.open("r+b") as data:
            damaged = self._damaged()
            if damaged:
                damaged = self._damaged(self._num_chunks)
                self.say(f"{self.data}: {len(damaged)} damaged chunks are encoded again")
            with self.checksums.open("r+b" if self.checksums.exists() else "w+b") as checksums:
                checksums.truncate(4 * len(self._done()))
                for chunk in [*damaged, *range(len(self._done()), self._num_chunks)]:
                    index = np.arange(chunk * self.chunk, min((chunk + 1) * self.chunk, self.shape[0]))
                    latents = self.encode(self.clips.clips(index)).to(self.dtype).cpu().contiguous()
                    content = latents.view(torch.int16).numpy().tobytes()
                    data.seek(self._place(chunk)[0])
                    data.write(content)
                    data.flush()
                    os.fsync(data.fileno())
                    checksums.seek(4 * chunk)
                    checksums.write(zlib.crc32(content).to_bytes(4, "little"))
                    checksums.flush()
                    if chunk % 100 == 99:
                        self.say(f"{self.data.name}: {index[-1] + 1} of {self.shape[0]} clips encoded")


class LatentCache:
    """Latents and condition latents of a clip set, encoded once.

    <root>/<digest of identity>/latents.bin serves every number of condition frames; condition-c3.bin is one number's.

    Args:
        identity: what the content depends on (data digest, tokenizer digest, ...).
        scratch: folder on a node's own disk; finished files are copied there once per node and read from there.
    """

    # So many arguments: all that a cache is made of, named at its one call and never passed on.
    def __init__(
        self,
        root: Path,
        clips: ClipSource,
        encode: Encode,
        encode_condition: Encode,
        shape: Shape,
        num_cond_frames: int,
        identity: dict[str, object],
        dtype: str = "float16",
        scratch: Path | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        if dtype not in DTYPES:
            raise UserError(f"unknown type of latents {dtype!r}; valid: {', '.join(DTYPES)}")
        text = json.dumps(identity | {"shape": shape, "clips": len(clips), "dtype": dtype}, sort_keys=True, default=str)
        folder = root / hashlib.sha256(text.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        card = folder / "identity.json"
        if not card.exists():
            write_json(card, json.loads(text))
        elif read_json(card) != json.loads(text):
            raise UserError(f"{card} names another content; remove {folder}")

        def store(where: Path, name: str, codec: Encode) -> LatentStore:
            return LatentStore(where, name, clips, codec, shape, dtype, say=say)

        kinds = {"latents": encode, f"condition-c{num_cond_frames}": encode_condition}
        self.stores = [store(folder, name, codec) for name, codec in kinds.items()]
        if scratch is not None and (staged := _stage(folder, list(kinds), scratch, say)):
            self.stores = [store(staged, name, codec) for name, codec in kinds.items()]

    def __len__(self) -> int:
        return len(self.stores[0])

    def pair(self, index: Index) -> tuple[Tensor, Tensor]:
        """(N,) numbers -> latents and condition latents, float32."""
        latents, condition = self.stores
        return latents(index), condition(index)


def _stage(folder: Path, names: list[str], scratch: Path, say: Callable[[str], None]) -> Path | None:
    """Copy finished stores to a node's own disk, once for all processes there; None where there is no room."""
    target = scratch / "physlaw-latents" / folder.name
    with leased(target, f"the copy of {folder.name}", patience_s=math.inf, say=say):
        for file in [folder / f"{name}{suffix}" for name in names for suffix in (".bin", ".crc")]:
            copy = target / file.name
            if copy.exists() and copy.stat().st_size == file.stat().st_size:
                continue
            part = copy.with_suffix(".part")
            try:
                check_room(target, int(1.05 * file.stat().st_size))
                shutil.copyfile(file, part)
            except OSError as error:
                part.unlink(missing_ok=True)
                if error.errno not in FULL:
                    raise
                say(f"no room for {file.name} in {scratch}; reading {folder} instead")
                return None
            part.replace(copy)
    return target
