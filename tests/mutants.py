"""Damaged files of clips, the same for the same number, and what reading one may come to: clips, or the named error."""

from __future__ import annotations

import random
import resource
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from physlaw.data import write
from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.score import score_clips
from simulating import simulate

MUTANTS, PARTS = 9_000, 9  # part 0 runs with all tests, the others with the faults
WORDS = (b"\xff" * 8, b"\x7f" + b"\xff" * 7, (1 << 40).to_bytes(8, "little"), (1 << 20).to_bytes(8, "little"))


def good_files(folder: Path) -> list[bytes]:
    """A merged file of each kind, a single shard, an npz file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "SHARD", 2)
        small = {"size": "300", "count": 3, "resolution": 32, "num_frames": 8}
        paths = [
            simulate(SimulateConfig(out=str(folder / name), scenario=scenario, **small))[0]  # type: ignore[arg-type]
            for name, scenario in (
                ("u.hdf5", "uniform"),
                ("c.hdf5", "collision"),
                ("u.npz", "uniform"),
                ("s", "uniform"),
            )
        ]
    return [(path / "0.hdf5" if path.is_dir() else path).read_bytes() for path in paths]


def mutant(content: bytes, rng: random.Random) -> bytes:
    """Changed bytes or bits, a cut, a hole, an absurd number, or bytes copied from elsewhere."""
    data, kind = bytearray(content), rng.random()

    def place() -> int:
        return rng.randrange(min(len(data), 4096) if rng.random() < 0.6 else len(data))

    if kind < 0.5:
        for _ in range(rng.randint(1, 20)):
            data[place()] = rng.randrange(256)
    elif kind < 0.65:
        for _ in range(rng.randint(1, 4)):
            data[place()] ^= 1 << rng.randrange(8)
    elif kind < 0.75:
        del data[rng.randrange(len(data)) :]
    elif kind < 0.85:
        start = place()
        data[start : start + rng.randint(1, 400)] = bytes(len(data[start : start + 400]))
    elif kind < 0.93:
        start = place()
        data[start : start + 8] = rng.choice(WORDS)
    else:
        start, source, length = place(), place(), rng.randint(1, 200)
        data[start : start + length] = data[source : source + length]
    return bytes(data)


def read_everything(path: Path) -> None:
    clips = open_clips(path)
    index = np.arange(min(len(clips), 50))
    clips.init(index)
    clips.positions(index)
    clips.clips(index[:4])
    if len(clips) < 50:
        score_clips(clips, ScoreConfig())


def check_mutants(folder: Path, good: list[bytes], numbers: Iterable[int]) -> None:
    """Every one leads to clips or to a UserError of one line, soon and without much memory."""

    def hangs(*signal_and_frame: object) -> None:
        raise TimeoutError("hangs")

    path, outcomes = folder / "mutant.bin", {"error": 0, "clips": 0}
    previous = signal.signal(signal.SIGALRM, hangs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        for number in numbers:
            rng = random.Random(number)
            path.write_bytes(mutant(rng.choice(good), rng))
            started = time.process_time()
            signal.alarm(60)
            try:
                read_everything(path)
                outcomes["clips"] += 1
            except UserError as error:
                outcomes["error" if "\n" not in str(error) else "several lines"] += 1
            except Exception as error:
                pytest.fail(f"mutant {number}: {type(error).__name__}: {error}")
            finally:
                signal.alarm(0)
            assert time.process_time() - started < 20, f"mutant {number} took too long"
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert min(outcomes.values()) > 100, outcomes
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 800, f"{grown} MiB more at the peak"
