"""What strangers send: odd forms are understood by the stated rules, hostile ones refused by name."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.lib import format as npy

from physlaw.data.npz import write_arrays
from physlaw.errors import UserError
from physlaw.exam import answers as reading
from physlaw.exam.answers import open_answers
from physlaw.exam.codec import AnswerSheet
from physlaw.exam.config import PaperConfig, ScoreConfig
from physlaw.exam.frames import Clip, Timing, as_bytes, resized
from physlaw.exam.paper import Paper
from physlaw.exam.score import answers_by_seed, score_answers
from physlaw.exam.video import encode
from physlaw.render.discs import render_clips

PAPER = Paper(PaperConfig(scenarios=("uniform",), resolution=64, count=1))
PART = PAPER.parts[0]
ITEM = PART.items[0]
TRUTH = render_clips(PAPER.scenes("uniform", PART.block).trajectory(PART.numbers), 64)[0]


def answered(folder: Path, **timing) -> tuple[np.ndarray, list[str]]:
    """What is measured of the one answer, and what was done to it."""
    settings = {"frames": 32, "shown": 3, **timing}
    sheet = AnswerSheet(open_answers(folder, PAPER.items), "uniform", 64, "crop", Timing(**settings))
    return sheet.generate(TRUTH[None], PART.block, PART.numbers)[0], sheet.notes.get(ITEM, [])


def saved(folder: Path, frames: np.ndarray) -> Path:
    write_arrays(folder / f"{ITEM}.npz", {"frames": frames})
    return folder


@pytest.mark.parametrize(("made", "note"), [
    (lambda t: t, None),
    (lambda t: t[3:], "without condition frames"),
    (lambda t: t.astype(np.float32) / 255, "floats of 0 to 1"),
    (lambda t: t.astype(np.float64) / 127.5 - 1, "floats of -1 to 1"),
    (lambda t: t.astype(np.int64), "int64 of 0 to 255"),
    (lambda t: np.moveaxis(t, -1, 1), "channels came first"),
    (lambda t: np.concatenate([t, np.full_like(t[..., :1], 255)], axis=-1), "opacity laid on white"),
    (lambda t: t.repeat(4, axis=1).repeat(4, axis=2), "256 x 256 pixels, measured at 64"),
    (lambda t: np.pad(t, [(0, 0), (0, 0), (20, 20), (0, 0)]), "104 x 64 pixels, cut to its central square"),
    (lambda t: np.concatenate([t, t[-1:]]), "33 frames at 10 a second"),
    (lambda t: t[None], None),
])  # fmt: skip
def test_odd_forms_are_the_same_clip(tmp_path: Path, made, note) -> None:
    found, notes = answered(saved(tmp_path, made(TRUTH)))
    assert np.abs(found.astype(int) - TRUTH).max() <= 1
    assert notes == [] if note is None else any(note in one for one in notes), notes


def test_other_rates_are_told_by_the_file_or_the_user(tmp_path: Path) -> None:
    slow = TRUTH.repeat(3, axis=0)
    found, notes = answered(saved(tmp_path / "a", slow[: 31 * 3 + 1]), rate=30.0)
    assert np.array_equal(found, TRUTH)
    assert notes == ["94 frames at 30 a second"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / f"{ITEM}.mp4").write_bytes(encode(slow, 30))
    found, notes = answered(tmp_path / "b")
    assert np.abs(found.astype(int) - TRUTH).mean() < 1
    assert notes == ["96 frames at 30 a second"]
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / f"{ITEM}.mp4").write_bytes(encode(TRUTH, 24))  # as many frames as asked for: one by one
    found, notes = answered(tmp_path / "c")
    assert np.abs(found.astype(int) - TRUTH).mean() < 1
    assert notes == []


def test_what_stops_early_is_blank_and_named(tmp_path: Path) -> None:
    found, notes = answered(saved(tmp_path, TRUTH[:20]))
    assert np.array_equal(found[:20], TRUTH[:20])
    assert (found[20:] == 255).all()
    assert "12 frames lacking, blank" in notes


def test_whether_the_condition_is_there_is_seen() -> None:
    timing = Timing(32, 3)
    for first in (0, 3):
        longer = np.concatenate([TRUTH[first:], TRUTH[-1:].repeat(9, axis=0)])
        clip = Clip(longer)
        placed = np.empty_like(TRUTH)
        timing.place(clip, TRUTH[:3], placed)
        assert np.array_equal(placed, TRUTH)
        assert ("without condition frames" in clip.notes) is (first == 3)


def test_grey_is_laid_on_three_channels() -> None:
    frames, notes = as_bytes(np.full((4, 8, 8), 7, np.uint8), "x")
    assert frames.shape == (4, 8, 8, 3)
    assert notes == ["grey"]
    assert resized(frames, 5, "crop").shape == (4, 5, 5, 3)


@pytest.mark.parametrize("values", [
    np.zeros((4, 8, 8, 2), np.uint8), np.full((4, 8, 8, 3), np.nan), np.full((4, 8, 8, 3), 300.0),
    np.zeros((0, 8, 8, 3), np.uint8), np.zeros((4, 8), np.uint8), np.zeros((4, 8, 8, 3), complex),
    np.zeros((2000, 1, 1, 3), np.uint8),
])  # fmt: skip
def test_what_is_no_clip_is_refused(values) -> None:
    with pytest.raises(UserError, match="x: frames"):
        as_bytes(values, "x")


def npz_with(name: str, head: bytes, body: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", head + body)
    return stream.getvalue()


def header_of(shape, descr="|u1") -> bytes:
    stream = io.BytesIO()
    npy.write_array_header_2_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


class Trap:
    def __reduce__(self):
        return (Path.write_text, (Path("trapped"), "x"))


def objects() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, frames=np.array([Trap()], dtype=object))
    return stream.getvalue()


def playlist(folder: Path) -> bytes:
    (folder.parent / "secret.mp4").write_bytes(encode(TRUTH, 10))
    return f"ffconcat version 1.0\nfile {folder.parent / 'secret.mp4'}\n".encode()


HOSTILE = {
    "more than is there": (".npz", lambda f: npz_with("frames", header_of((32, 4000, 4000, 3)), b"0" * 99), "says"),
    "four gigabytes": (".npz", lambda f: npz_with("frames", header_of((1 << 32,)), b""), "says it has 4294967296"),
    "a header of four gigabytes": (
        ".npz",
        lambda f: npz_with("frames", b"\x93NUMPY\x02\x00\xff\xff\xff\xff", b" " * (1 << 20)),
        "a header of 4294967295 bytes",
    ),
    "a bomb": (".npz", lambda f: npz_with("frames", header_of((1 << 21,)), bytes(1 << 21)), "says it has 2097152"),
    "objects": (".npz", lambda f: objects(), "objects of Python"),
    "a bare pickle": (".npz", lambda f: pickle.dumps(Trap()), "not a readable npz"),
    "cut npz": (".npz", lambda f: npz_with("frames", header_of((4, 8, 8, 3)), bytes(768))[:-30], "not a readable npz"),
    "cut mp4": (".mp4", lambda f: encode(TRUTH, 10)[:-900], "readable video|cut off|0 video streams"),
    "a cut middle": (
        ".mp4",
        lambda f: encode(TRUTH, 10)[:60] + encode(TRUTH, 10)[500:],
        "readable video|cut off|damaged",
    ),
    "a playlist": (".mp4", playlist, "not a readable video"),
    "text": (".gif", lambda f: b"hello", "not a readable video"),
    "nothing": (".mp4", lambda f: b"", "not a readable video"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name_and_the_rest_is_scored(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "a bomb":
        monkeypatch.setattr(reading, "ITEM_BYTES", 1 << 20)
    suffix, made, reason = HOSTILE[name]
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / f"{ITEM}{suffix}").write_bytes(made(folder))
    found, (note,) = answered(folder)
    assert (found[3:] == 255).all()
    assert note.startswith(f"{ITEM}{suffix}: ")
    assert re.search(reason, note), note
    assert not (tmp_path / "trapped").exists()


def test_links_paths_and_strangers_files_are_left_alone(tmp_path: Path) -> None:
    folder, target = tmp_path / "answers", saved(tmp_path / "elsewhere", TRUTH) / f"{ITEM}.npz"
    other = PAPER.parts[1].items[0]
    write_arrays(folder / f"{other}.npz", {"frames": TRUTH})
    (folder / f"{ITEM}.npz").symlink_to(target)
    (folder / "weights.pkl").write_bytes(pickle.dumps(Trap()))
    (folder / "uniform-id-999999.npz").write_bytes(b"")
    opened = open_answers(folder, PAPER.items)
    assert "a link" in opened.refused[ITEM]
    assert sorted(opened.extra) == ["uniform-id-999999.npz", "weights.pkl"]
    before = sorted(path for path in tmp_path.rglob("*"))
    score_answers(PAPER, answers_by_seed(folder), ScoreConfig(), tmp_path / "out", lambda line: None)
    new = set(tmp_path.rglob("*")) - set(before)
    assert all((tmp_path / "out") in (path, *path.parents) for path in new)
    said = json.loads((tmp_path / "out" / "answers.json").read_text())
    assert "a link" in said["items"][ITEM][0]
    assert len(said["items"]) == len(PAPER.items) - 1  # all but one are not answered


def test_one_file_of_all_answers(tmp_path: Path) -> None:
    names = np.array([ITEM, "../../etc/passwd"])
    frames = np.stack([TRUTH, TRUTH])
    write_arrays(tmp_path / "all.npz", {"items": names, "frames": frames})
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file["items"], file["frames"] = names.astype("S"), frames
    for name in ("all.npz", "all.h5"):
        opened = open_answers(tmp_path / name, PAPER.items)
        assert opened.extra == ["../../etc/passwd"]
        assert np.array_equal(answered(tmp_path / name)[0], TRUTH)
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["items"], file["frames"] = names.astype("S"), h5py.ExternalLink(str(tmp_path / "all.h5"), "frames")
    with pytest.raises(UserError, match="link into another file"):
        open_answers(tmp_path / "linked.h5", PAPER.items)
    with h5py.File(tmp_path / "chunked.h5", "w") as file:
        file["items"] = names.astype("S")
        file.create_dataset("frames", (2, 32, 4096, 4096, 3), np.uint8, chunks=(2, 32, 4096, 4096, 1))
    with pytest.raises(UserError, match=r"chunk|bytes"):
        open_answers(tmp_path / "chunked.h5", PAPER.items)
    write_arrays(tmp_path / "few.npz", {"items": names, "frames": frames[:1]})
    for path, words in ((tmp_path / "few.npz", "items must be"), (tmp_path / "gone", "no such file")):
        with pytest.raises(UserError, match=words):
            open_answers(path, PAPER.items)
