"""Files as people and file systems make them: read, or refused for the right reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig, simulate

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
