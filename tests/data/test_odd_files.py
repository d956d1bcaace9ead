"""Files as people and file systems make them: read, or refused for the right reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
import pytest

from physlaw.data import hdf5
from physlaw.data.hdf5_file import open_hdf5
from physlaw.data.mp4 import decode_mp4
from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.score import score_clips
from physlaw.isolated import module_command
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes
from simulating import simulate

EVERY = np.arange(3)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good.npz and good.hdf5 (merged), three clips each."""
    folder = tmp_path_factory.mktemp("good")
    for name in ("good.npz", "good.hdf5"):
        simulate(SimulateConfig(out=str(folder / name), split="id", count=3, resolution=32, num_frames=16))
    return folder


def arrays(good: Path) -> dict[str, np.ndarray]:
    with np.load(good / "good.npz") as archive:
        return {name: archive[name] for name in archive.files}


def npz(folder: Path, content: dict[str, np.ndarray]) -> Path:
    np.savez(folder / "clips.npz", **content)
    return folder / "clips.npz"


def copied(good: Path, folder: Path, change: Callable[[h5py.File], None] = lambda file: None, **options: int) -> Path:
    with h5py.File(good / "good.hdf5") as source, h5py.File(folder / "clips.hdf5", "w", **options) as file:
        for name in source:
            source.copy(name, file)
        change(file)
    return folder / "clips.hdf5"


def test_the_order_of_an_array_in_memory_makes_no_difference(good: Path, tmp_path: Path) -> None:
    known = open_clips(good / "good.npz")
    clips = open_clips(npz(tmp_path, {name: np.asfortranarray(values) for name, values in arrays(good).items()}))
    assert np.array_equal(clips.clips(EVERY), known.clips(EVERY))
    assert np.array_equal(clips.positions(EVERY), known.positions(EVERY))


def test_whole_numbers_are_numbers_in_both_formats(good: Path, tmp_path: Path) -> None:
    whole = np.round(arrays(good)["positions"]).astype(np.int32)

    def change(file: h5py.File) -> None:
        del file["position_streams/00000"]
        file["position_streams/00000"] = whole

    for path in (npz(tmp_path, arrays(good) | {"positions": whole}), copied(good, tmp_path, change)):
        assert np.array_equal(open_clips(path).positions(EVERY)[:, :, 0], whole)


def test_no_clips_or_no_pixels_is_one_line(good: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clips\.npz: no clips"):
        open_clips(npz(tmp_path, {name: values[:0] for name, values in arrays(good).items()}))
    for part in (np.s_[:, :0], np.s_[:, :, :0, :0]):
        with pytest.raises(UserError, match="have no pixels"):
            open_clips(npz(tmp_path, arrays(good) | {"frames": arrays(good)["frames"][part]}))


@pytest.mark.parametrize("size", [512, 4096])
def test_a_user_block_is_passed_over(good: Path, tmp_path: Path, size: int) -> None:
    path = copied(good, tmp_path, userblock_size=size)
    assert not path.read_bytes().startswith(b"\x89HDF")
    assert np.array_equal(open_clips(path).positions(EVERY), open_clips(good / "good.hdf5").positions(EVERY))


def linked(link: object, target: str = "init_streams") -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file.move(target, "moved")
        file[target] = link

    return change


def mapped(file: h5py.File) -> None:
    values = file["init_streams/00000"]
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[:] = h5py.VirtualSource("other.hdf5", "init_streams/00000", values.shape)
    del file["init_streams/00000"]
    file.create_virtual_dataset("init_streams/00000", layout)


def raw(file: h5py.File) -> None:
    values = file["init_streams/00000"][:]
    del file["init_streams/00000"]
    outside = [(str(Path(file.filename).with_suffix(".bin")), 0, values.nbytes)]
    file.create_dataset("init_streams/00000", values.shape, values.dtype, external=outside)[:] = values


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (linked(h5py.ExternalLink("other.hdf5", "/init_streams")), "'init_streams' is a link into another file"),
        (linked(h5py.SoftLink("/init_streams")), "'init_streams' is a link that leads to itself"),
        (linked(h5py.SoftLink("/nowhere")), "no dataset or group 'init_streams'"),
        (mapped, "the values of 'init_streams/00000' are in other files"),
        (raw, "the values of 'init_streams/00000' are in other files"),
    ],
    ids=["external", "loop", "dangling", "virtual", "raw"],
)
def test_what_leads_out_of_a_file_is_refused_for_that(
    good: Path, tmp_path: Path, change: Callable[[h5py.File], None], reason: str
) -> None:
    shutil.copy(good / "good.hdf5", tmp_path / "other.hdf5")
    with pytest.raises(UserError, match=reason):
        open_clips(copied(good, tmp_path, change))


def test_links_within_a_file_are_followed(good: Path, tmp_path: Path) -> None:
    clips = open_clips(copied(good, tmp_path, linked(h5py.SoftLink("moved"))))
    assert np.array_equal(clips.init(EVERY), arrays(good)["init"])


def test_a_folder_in_a_file_s_place_is_one_whole_line(tmp_path: Path) -> None:
    (tmp_path / "0.hdf5").mkdir()
    with pytest.raises(UserError, match=r"0\.hdf5: not a readable HDF5 file of clips \(.*Is a directory.*\)$"):
        open_clips(tmp_path)


def test_hidden_files_are_left_out_of_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "shards"
    out.mkdir()
    (out / ".DS_Store").write_bytes(b"desktop")  # before, and does not keep `simulate` from writing there
    simulate(SimulateConfig(out=str(out), size="300", count=2, resolution=16))
    (out / "._0.hdf5").write_bytes(b"\x00\x05\x16\x07")
    assert len(open_clips(out)) == 2


def encoded(frames: np.ndarray, path: Path, flags: str) -> bytes:
    """An mp4 file as other programs write it."""
    with av.open(str(path), "w", format="mp4", options={"movflags": flags}) as container:
        video = container.add_stream("libx264", rate=10, options={"g": "8"})
        video.height, video.width, video.pix_fmt = *frames.shape[1:3], "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path.read_bytes()


def test_mp4_in_fragments_is_read(tmp_path: Path) -> None:
    frames = render_clips(training_scenes(SCENARIOS["uniform"], "300").trajectory(np.array([5])), 32)[0]
    known = decode_mp4(encoded(frames, tmp_path / "a.mp4", "faststart"), "plain")
    for flags in ("empty_moov", "frag_keyframe+empty_moov+default_base_moof", "frag_every_frame", "cmaf"):
        content = encoded(frames, tmp_path / "b.mp4", flags)
        assert np.array_equal(decode_mp4(content, flags), known)
        for cut in (len(content) - 3, len(content) // 2):
            with pytest.raises(UserError, match="cut: not a readable mp4"):
                decode_mp4(content[:cut], "cut")


@pytest.mark.parametrize("form", ["npz", "hdf5"])
def test_clips_of_fewer_frames_than_positions_are_scored_counted_and_said(
    good: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = arrays(good)["frames"]
    if form == "npz":
        path, cut = npz(tmp_path, arrays(good) | {"frames": frames[:, :12]}), 3
    else:

        def shorten(file: h5py.File) -> None:
            video = encoded(frames[1, :12], tmp_path / "short.mp4", "faststart")
            file["video_streams/00000"][1] = np.frombuffer(video, np.uint8)

        path, cut = copied(good, tmp_path, shorten), 1  # between two of another length
    score = score_clips(open_clips(path), ScoreConfig())
    assert [score[name] for name in ("clips", "dropped", "resized", "cut")] == [3, 0, 0, cut]
    assert score["classes"]["in"]["count"] == 3
    said = capsys.readouterr().err
    assert said.startswith(f"physlaw: {cut} of 3 clips have not as many frames as positions")
    with pytest.raises(UserError, match=r"clip [01]: 12 frames and 16 positions; wanted are 16"):
        open_clips(path, num_frames=16).clips(EVERY)
    shorter = open_clips(path, num_frames=12)
    assert shorter.clips(EVERY).shape[1] == 12
    assert shorter.reading.counts(3).cut == 3


def test_nothing_is_cut_or_said_where_counts_agree(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score = score_clips(open_clips(good / "good.npz"), ScoreConfig())
    assert [score[name] for name in ("clips", "dropped", "resized", "cut")] == [3, 0, 0, 0]
    assert capsys.readouterr().err == ""
    json.dumps(score)


def test_more_positions_are_not_read_than_there_are(good: Path) -> None:
    with pytest.raises(UserError, match="num_frames must be 1 to 16, got 32"):
        open_clips(good / "good.npz", num_frames=32)


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


LOCKLESS = "#include <errno.h>\nint flock(int file, int how) { errno = %s; return -1; }\n"


@pytest.mark.skipif(shutil.which("cc") is None, reason="a file system without locks is made with a C compiler")
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_files_are_read_and_written_without_locks(good: Path, tmp_path: Path, error: str) -> None:
    (tmp_path / "lockless.c").write_text(LOCKLESS % error)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "lockless.so", "lockless.c"], cwd=tmp_path, check=True)
    environment = os.environ | {"LD_PRELOAD": str(tmp_path / "lockless.so")}
    code = f"""
import h5py
from physlaw.data import hdf5
from physlaw.data.hdf5_file import open_hdf5
from physlaw.worlds.scenarios import SCENARIOS
try:
    h5py.File({str(good / "good.hdf5")!r}, locking=True)
except OSError:
    print("no locks")
with open_hdf5({str(good / "good.hdf5")!r}) as file, open_hdf5({str(tmp_path / "new.hdf5")!r}, "w") as new:
    file.copy("init_streams", new)
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "no locks\n"
    with open_hdf5(tmp_path / "new.hdf5") as file:
        assert "init_streams/00000" in file
