"""The command: a page from an npz file, and the scores of its ratings."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from physlaw.__main__ import main
from physlaw.data.video import encode_video, read_video
from physlaw.errors import UserError
from physlaw.label.command import read_clips
from physlaw.label.ratings import read_ratings


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
    [
        ({"id": None}, "not a readable npz file with frames, group, id, is_control"),
        ({"group": np.array(["x"])}, "and [1], [6], [6]"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", "build", str(clips(tmp_path, **change)), f"out={tmp_path / 'page'}"]) == 2
    assert message in capsys.readouterr().err
    assert main(["label"]) == 2
    assert "usage: physlaw label build" in capsys.readouterr().err


def test_bytes_are_decoded_and_zero_and_one_are_false_and_true(tmp_path: Path) -> None:
    plain = read_clips(clips(tmp_path))
    group = np.array(["größe".encode()] * 4 + [b"truth"] * 2)
    found = read_clips(clips(tmp_path, group=group, id=np.array([b"clip%d" % k for k in range(6)])))
    assert [clip.group for clip in found] == ["größe"] * 4 + ["truth"] * 2
    assert [clip.id for clip in found] == [clip.id for clip in plain]
    found = read_clips(clips(tmp_path, is_control=(np.arange(6) >= 4).astype(np.int8)))
    assert [clip.is_control for clip in found] == [False] * 4 + [True] * 2
    assert [clip.group for clip in read_clips(clips(tmp_path, group=np.arange(6)))] == list("012345")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_control": np.array(["False"] * 6)}, "is_control must be true or false .*got 'False'"),
        ({"is_control": np.array([0, 1, 2, 0, 1, 0])}, "is_control must be true or false .*got .*2"),
        ({"is_control": np.array([0.0, 1.0] * 3)}, "is_control must be true or false"),
        ({"group": np.array([b"\xff"] * 6)}, "group holds bytes that are not UTF-8"),
        ({"id": np.arange(6) / 2}, "id must be text, got float64"),
        ({"group": np.array([["a", "b"]] * 6)}, r"and \[6, 2\], \[6\], \[6\]"),
    ],
)
def test_values_of_other_kinds_are_named(tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_clips(clips(tmp_path, **change))


def test_an_array_file_is_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "clips.npy", np.zeros(3))
    with pytest.raises(UserError, match="not a readable npz file with frames"):
        read_clips(tmp_path / "clips.npy")


def test_ratings_that_an_editor_has_saved_are_taken(tmp_path: Path) -> None:
    """With a byte order mark; other encodings are one line."""
    rated = {"digest": "d", "rater": "a", "started": None, "finished": None, "ratings": []}
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(rated).encode())
    assert read_ratings(path, "d", 1).rater == "a"
    path.write_bytes(json.dumps(rated).encode("utf-16"))
    with pytest.raises(UserError, match=r"a\.json: not UTF-8 text"):
        read_ratings(path, "d", 1)


def videos(folder: Path, lines: str, rng: np.random.Generator) -> Path:
    """Two videos of 3 frames, one of 4, a file that is none, and their metadata.csv."""
    folder.mkdir()
    for name, frames in (("a.mp4", 3), ("b.mp4", 3), ("long.mp4", 4)):
        (folder / name).write_bytes(encode_video(rng.integers(0, 256, (frames, 16, 16, 3), np.uint8)))
    (folder / "text.mp4").write_text("hello")
    (folder / "metadata.csv").write_text(lines)
    return folder


def test_a_page_is_built_from_a_folder_of_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "file_name,group,is_control\na.mp4,mine,False\nb.mp4,1,True\n"
    given = videos(tmp_path / "videos", lines, np.random.default_rng(0))
    found = read_clips(given)
    assert [(clip.id, clip.group, clip.is_control) for clip in found] == [
        ("a.mp4", "mine", False),
        ("b.mp4", "1", True),
    ]
    assert np.array_equal(found[1].frames, read_video(given / "b.mp4"))
    assert main(["label", "build", str(given), f"out={tmp_path / 'page'}"]) == 0
    assert len(list((tmp_path / "page" / "clips").iterdir())) == 2
    (given / "metadata.csv").write_text("file_name,id,group,is_control\na.mp4,07,mine,0\nb.mp4,x,theirs,1\n")
    assert [clip.id for clip in read_clips(given)] == ["07", "x"]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("file_name,group\na.mp4,x\n", "metadata.csv: no column 'is_control'; needed: file_name, group, is_control"),
        ("file_name,group,is_control\na.mp4,x,maybe\n", "is_control must be true or false .*got 'maybe'"),
        ("file_name,group,is_control\na.mp4,x,0\nb.mp4,,0\n", "metadata.csv: video 2 has an empty field"),
        ("file_name,group,is_control\nc.mp4,x,0\n", "c.mp4: no such file"),
        ("file_name,group,is_control\ntext.mp4,x,0\n", "text.mp4: not a readable video"),
        ("file_name,group,is_control\na.mp4,x,0\nlong.mp4,x,0\n", "clips differ in shape: 'a.mp4' .* 'long.mp4'"),
        ("", "metadata.csv: not a readable metadata.csv .*; it must have a line per video"),
    ],
)
def test_folders_of_other_things_are_refused_in_one_line(
    tmp_path: Path, lines: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = videos(tmp_path / "videos", lines, np.random.default_rng(0))
    assert main(["label", "build", str(given), f"out={tmp_path / 'page'}"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert re.search(message, said), said
