"""The command: a page from an npz file, and the scores of its ratings."""

import json
from pathlib import Path

import numpy as np
import pytest

from physlaw.__main__ import main


def clips(folder: Path, **changes: np.ndarray) -> Path:
    arrays = {
        "frames": np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16, 3), dtype=np.uint8),
        "group": np.array(["small"] * 4 + ["truth"] * 2),
        "id": np.array([f"clip{k}" for k in range(6)]),
        "is_control": np.arange(6) >= 4,
    }
    np.savez(folder / "clips.npz", **{name: value for name, value in (arrays | changes).items() if value is not None})
    return folder / "clips.npz"


def test_a_page_is_built_and_its_ratings_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page"
    assert main(["label", "build", str(clips(tmp_path)), f"out={page}", "share_controls=0.3"]) == 0
    assert (page / "index.html").exists()
    key = json.loads((tmp_path / "page.key.json").read_text())
    ratings = [{"number": k + 1, "rating": "normal", "cause": None, "seconds": 1.0} for k in range(len(key["clips"]))]
    rated = {"digest": key["digest"], "rater": "a", "started": "x", "finished": "y", "ratings": ratings}
    (tmp_path / "a.json").write_text(json.dumps(rated))
    capsys.readouterr()
    status = main(["label", "score", str(tmp_path / "page.key.json"), str(tmp_path / "a.json")])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    assert "small" in shown.out


@pytest.mark.parametrize(
    ("change", "message"),
    [({"id": None}, "not an npz file with frames, group, id, is_control"), ({"group": np.array(["x"])}, "and 1, 6, 6")],
)
def test_other_files_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", "build", str(clips(tmp_path, **change)), f"out={tmp_path / 'page'}"]) == 2
    assert message in capsys.readouterr().err
    assert main(["label"]) == 2
    assert "usage: physlaw label build" in capsys.readouterr().err
