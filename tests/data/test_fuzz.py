"""Damaged files: 9,000 mutants of good ones lead to the named error or to clips, and to nothing else."""

from __future__ import annotations

import random
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from physlaw.data import hdf5, write
from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig, simulate
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.score import score_clips

MUTANTS, PARTS = 9_000, 4  # 1,000 more: test_phyre_files.py
WORDS = (b"\xff" * 8, b"\x7f" + b"\xff" * 7, (1 << 40).to_bytes(8, "little"), (1 << 20).to_bytes(8, "little"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A merged file of each kind, a single shard, an npz file."""
    folder = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "SHARD", 2)
        paths = [
            simulate(SimulateConfig(out=str(folder / name), scenario=scenario, size="300", count=3, resolution=32))[0]
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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files_lead_to_the_named_error_and_to_nothing_else(
    tmp_path: Path, good: list[bytes], part: int
) -> None:
    def hangs(*signal_and_frame: object) -> None:
        raise TimeoutError("hangs")

    path, outcomes = tmp_path / "mutant.bin", {"error": 0, "clips": 0}
    previous = signal.signal(signal.SIGALRM, hangs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        for number in range(part, MUTANTS, PARTS):
            rng = random.Random(number)
            path.write_bytes(mutant(rng.choice(good), rng))
            started = time.monotonic()
            signal.alarm(30)
            try:
                read_everything(path)
                outcomes["clips"] += 1
            except UserError as error:
                outcomes["error" if "\n" not in str(error) else "several lines"] += 1
            except Exception as error:
                pytest.fail(f"mutant {number}: {type(error).__name__}: {error}")
            finally:
                signal.alarm(0)
            assert time.monotonic() - started < 20, f"mutant {number} took too long"
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert min(outcomes.values()) > 100, outcomes
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 800, f"{grown} MiB more at the peak"


def test_a_crash_or_hang_of_the_library_is_an_error_and_the_next_file_is_read(
    tmp_path: Path, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clips.hdf5"
    path.write_bytes(good[0])
    clips = open_clips(path)
    reader = hdf5._ask_reader._process
    assert reader is not None
    reader.send_signal(signal.SIGSTOP)  # stands in for a library that never answers
    monkeypatch.setattr(hdf5, "PATIENCE_S", 0.5)
    with pytest.raises(UserError, match=r"clips.hdf5:00000 clip 0: cannot be read \(the HDF5 library gives no answer"):
        clips.frames(0)
    monkeypatch.undo()
    assert clips.frames(0).shape == (32, 32, 32, 3)
    reader = hdf5._ask_reader._process
    assert reader is not None
    monkeypatch.setattr(reader, "poll", lambda: None)  # dies between the question and the answer
    reader.send_signal(signal.SIGKILL)
    time.sleep(0.2)
    with pytest.raises(UserError, match="the HDF5 library crashed or hung on it"):
        clips.frames(0)
    assert clips.frames(0).shape == (32, 32, 32, 3)


def test_a_replaced_file_is_read_anew(tmp_path: Path, good: list[bytes]) -> None:
    path = tmp_path / "clips.hdf5"
    path.write_bytes(good[0])
    assert open_clips(path).records.num_balls == 1
    path.write_bytes(good[1])
    assert open_clips(path).records.num_balls == 2
