"""Training sets for other people's trainers, and what has leaked into theirs."""

from __future__ import annotations

import tarfile
from pathlib import Path

import h5py
import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.exam.config import PaperConfig
from physlaw.exam.paper import Paper
from physlaw.exam.video import read_video

WORDS = ["scenarios=[uniform,collision]", "count=3", "resolution=32"]


@pytest.mark.parametrize("written", ["mp4", "hdf5", "webdataset"])
def test_training_sets_are_what_trainers_read_and_leak_nothing(tmp_path: Path, written: str, capsys) -> None:
    words = ["exam", "train", f"out={tmp_path / 'd'}", f"format={written}", *WORDS]
    assert main(words) == 0
    table = pd.read_csv(tmp_path / "d" / "metadata.csv")
    assert len(table) == 6
    assert set(table["split"]) == {"train"}
    assert table["exam_digest"].unique().tolist() == [
        Paper(PaperConfig(scenarios=("uniform", "collision"))).digest  # the one that is exported
    ]
    first = tmp_path / "d" / table["file_name"][0]
    if written == "mp4":
        assert read_video(first, lambda one: one)[0].shape == (32, 32, 32, 3)
    elif written == "hdf5":
        with h5py.File(first) as file:
            assert file["position_streams"].shape == (3, 32, 2)
    else:
        with tarfile.open(first) as archive:
            assert len(archive.getnames()) == 9
    before = first.stat().st_mtime_ns
    assert main(words) == 0
    assert first.stat().st_mtime_ns == before
    capsys.readouterr()
    assert main(["exam", "leaks", str(tmp_path / "d")]) == 0
    assert "0 of 6 records" in capsys.readouterr().out


def test_the_datasets_of_the_page_read_them(tmp_path: Path, monkeypatch) -> None:
    """docs/exam.md shows them."""
    page = (Path(__file__).parents[2] / "docs" / "exam.md").read_text()
    shown = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    monkeypatch.chdir(tmp_path)
    assert main(["exam", "train", "out=data", *WORDS]) == 0
    names: dict = {}
    exec(next(block for block in shown if "torch.utils.data" in block), names)
    clip, prompt = names["Clips"]("data")[4]
    assert tuple(clip.shape) == (3, 32, 32, 32)
    assert prompt.startswith("A red ball")
    pytest.importorskip("datasets")
    exec(next(block for block in shown if "load_dataset" in block), names)
    assert len(names["clips"]) == 6


def test_leaks_are_named(tmp_path: Path, capsys) -> None:
    """The evaluation file of a block taken for training, and a table of initial values."""
    for split in ("xl_level2_v1", "id"):
        path = tmp_path / f"{split}.hdf5"
        assert main(["simulate", f"out={path}", f"split={split}", "count=4", "resolution=32"]) == 0
        capsys.readouterr()
        assert main(["exam", "leaks", str(path), f"out={tmp_path / 'found.csv'}"]) == 1
        said = capsys.readouterr().out
        assert "4 of 4 records" in said
        assert f"uniform {split}: 4" in said
        assert len(pd.read_csv(tmp_path / "found.csv")) == 4
    (tmp_path / "mine.csv").write_text("r,v\n1.0,2.0\n1.0,5.0\n0.65,2.0\n")
    assert main(["exam", "leaks", str(tmp_path / "mine.csv"), "scenario=uniform"]) == 1
    assert "1 of 3 records" in (said := capsys.readouterr().out)
    assert "xl_level2_v1: 1 in its region (records 1)" in said
    assert main(["exam", "leaks", str(tmp_path / "mine.csv")]) == 2
