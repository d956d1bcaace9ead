"""Damaged files lead to the named error or to clips, and to nothing else; the library that reads them may crash."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from mutants import MUTANTS, PARTS, check_mutants, good_files
from physlaw.data import hdf5
from physlaw.data.released import open_clips
from physlaw.errors import UserError


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return good_files(tmp_path_factory.mktemp("good"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_lead_to_the_named_error_and_to_nothing_else(tmp_path: Path, good: list[bytes]) -> None:
    """A thousand; thousands more: tests/faults, and test_phyre_files."""
    check_mutants(tmp_path, good, range(0, MUTANTS, PARTS))


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
    assert clips.frames(0).shape == (8, 32, 32, 3)
    reader = hdf5._ask_reader._process
    assert reader is not None
    monkeypatch.setattr(reader, "poll", lambda: None)  # dies between the question and the answer
    reader.send_signal(signal.SIGKILL)
    time.sleep(0.2)
    with pytest.raises(UserError, match="the HDF5 library crashed or hung on it"):
        clips.frames(0)
    assert clips.frames(0).shape == (8, 32, 32, 3)


def test_a_replaced_file_is_read_anew(tmp_path: Path, good: list[bytes]) -> None:
    path = tmp_path / "clips.hdf5"
    path.write_bytes(good[0])
    assert open_clips(path).records.num_balls == 1
    path.write_bytes(good[1])
    assert open_clips(path).records.num_balls == 2
