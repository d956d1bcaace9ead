"""Files as people and file systems make them: read, or refused for the right reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from physlaw.data import hdf5
from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig, simulate
from physlaw.isolated import module_command

EVERY = np.arange(3)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good.npz and good.hdf5 (merged), three clips each."""
    folder = tmp_path_factory.mktemp("good")
    for name in ("good.npz", "good.hdf5"):
        simulate(SimulateConfig(out=str(folder / name), split="id", count=3, resolution=32, num_frames=16))
    return folder


def test_hidden_files_are_left_out_of_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "shards"
    out.mkdir()
    (out / ".DS_Store").write_bytes(b"desktop")  # before, and does not keep `simulate` from writing there
    simulate(SimulateConfig(out=str(out), size="300", count=2, resolution=16))
    (out / "._0.hdf5").write_bytes(b"\x00\x05\x16\x07")
    assert len(open_clips(out)) == 2


def test_no_process_imports_from_the_current_folder(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the reader's nor `python -m physlaw`, even where PYTHONPATH has an empty entry."""
    for name in ("signal", "json", "resource", "pickle", "numpy", "h5py", "random"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    shutil.copy(good / "good.hdf5", tmp_path / "clips.hdf5")
    monkeypatch.chdir(tmp_path)
    code = str(Path(hdf5.__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", code)
    subprocess.run([sys.executable, "-m", "physlaw", "--version"], check=True, capture_output=True)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([code, "", "."]))
    hdf5._ask_reader.close()
    assert len(open_clips("clips.hdf5")) == 3
    hdf5._ask_reader.close()
    assert not (tmp_path / "imported").exists()
    assert module_command("physlaw.weights.reader")[1]["PYTHONPATH"] == os.pathsep.join([code, code])
