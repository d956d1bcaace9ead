"""`simulate`: formats, continuation, and what happens when a write fails."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from physlaw import lease
from physlaw.data import clip_files, hdf5, write
from physlaw.data.mp4 import decode_mp4
from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig, shards_of
from physlaw.errors import UserError
from physlaw.files import read_json, visible
from physlaw.lease import leased
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes
from processes import Verb
from simulating import simulate


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but cards and locks."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.endswith("card.json") and not p.name.startswith(".lease-")
    }


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "SHARD", 4)


def shards_of_ten() -> None:
    write.SHARD = 10


def files_of_60_kb() -> None:
    write.SHARD = 8
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


def config(out: Path, **change: object) -> SimulateConfig:
    values = {"size": "300", "count": 10, "offset": 7, "resolution": 32} | change
    return SimulateConfig(out=str(out), **values)  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_shards")
def test_npz_has_the_rendered_bytes(tmp_path: Path) -> None:
    path, count = simulate(config(tmp_path / "clips.npz", scenario="parabola"))
    clips, scenes = open_clips(path), training_scenes(SCENARIOS["parabola"], "300")
    index = np.arange(7, 17)
    assert count == len(clips) == 10
    assert clips.scenario.name == "parabola"
    assert np.array_equal(clips.positions(np.arange(10)), scenes.positions(index))
    assert np.array_equal(clips.init(np.arange(10)), scenes.init(index))
    assert np.array_equal(clips.clips(np.arange(10)), render_clips(scenes.trajectory(index), 32))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips.npz", "clips.npz.card.json"]


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("scenario", ["uniform", "collision"])
def test_shards_and_merged_files_have_the_released_layout(tmp_path: Path, scenario: str) -> None:
    simulate(config(tmp_path / "shards", scenario=scenario))
    simulate(config(tmp_path / "merged.hdf5", scenario=scenario))
    tail = (2,) if scenario == "uniform" else (2, 2)
    with h5py.File(tmp_path / "merged.hdf5") as merged:
        assert sorted(merged) == ["init_streams", "position_streams", "video_streams"]
        assert list(merged["video_streams"]) == ["00000", "00001", "00002"]
        for number, rows in enumerate((4, 4, 2)):
            with h5py.File(tmp_path / "shards" / f"{number}.hdf5") as shard:
                assert sorted(shard) == sorted(merged)
                for name in shard:
                    one, other = shard[name], merged[f"{name}/{number:05d}"]
                    assert one.dtype == other.dtype
                    assert one.chunks is one.compression is other.chunks is None
                    assert all(np.array_equal(a, b) for a, b in zip(one[:], other[:], strict=True)), name
                assert shard["position_streams"].shape == (rows, 32, *tail)
                assert shard["position_streams"].dtype == shard["init_streams"].dtype == np.float64
                assert h5py.check_vlen_dtype(shard["video_streams"].dtype) == np.uint8
    a, b = open_clips(tmp_path / "shards"), open_clips(tmp_path / "merged.hdf5")
    index = np.arange(10)
    assert np.array_equal(a.clips(index), b.clips(index))
    truth = training_scenes(SCENARIOS[scenario], "300").trajectory(index + 7)
    assert np.abs(a.clips(index).astype(int) - render_clips(truth, 32)).mean() < 3  # lossy, and small clips suffer more


@pytest.mark.usefixtures("small_shards")
def test_mp4_files_are_named_as_the_release_names_samples(tmp_path: Path) -> None:
    simulate(config(tmp_path / "videos", format="mp4"))
    names = sorted(p.name for p in (tmp_path / "videos").glob("*.mp4"))
    assert names[:5] == ["00000-00000.mp4", "00000-00001.mp4", "00000-00002.mp4", "00000-00003.mp4", "00001-00000.mp4"]
    assert len(names) == 10
    assert decode_mp4((tmp_path / "videos" / names[4]).read_bytes(), "").shape == (32, 32, 32, 3)
    with np.load(tmp_path / "videos" / "00001.npz") as truth:
        assert np.array_equal(truth["init"], training_scenes(SCENARIOS["uniform"], "300").init(np.arange(11, 15)))


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(("name", "kind"), [("a", "released"), ("a.hdf5", "released"), ("a.npz", "npz"), ("a", "mp4")])
def test_a_stopped_write_continues_to_the_same_bytes_with_any_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    simulate(config(tmp_path / "whole" / name, format=kind, workers=1))
    real, calls = clip_files.SHARD_WRITERS[kind], []

    def fail_at_third(work: Path, number: int, *rest: object) -> None:
        if number == 2 and not calls:
            calls.append(number)
            raise OSError(28, "No space left on device")
        real(work, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setitem(clip_files.SHARD_WRITERS, kind, fail_at_third)
    out = tmp_path / "stopped" / name
    with pytest.raises(OSError, match="No space"):
        simulate(config(out, format=kind, workers=3))
    assert not clip_files.card_path(out).exists()
    assert "." not in name or not out.exists()
    simulate(config(out, format=kind, workers=3))
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")
    card = read_json(clip_files.card_path(out))
    assert card["shards_found"] == 2
    assert card["scenes"] == {"in_grid": 300, "infeasible_dropped": 0, "in_set": 300, "written": 10}
    before = {p: p.stat().st_mtime_ns for p in out.parent.rglob("*") if not p.name.startswith(".lease-")}
    simulate(config(out, format=kind))  # finished: nothing is written again
    assert before == {p: p.stat().st_mtime_ns for p in out.parent.rglob("*") if not p.name.startswith(".lease-")}
    next(p for p in sorted(out.parent.rglob("*")) if p.suffix in (".npz", ".hdf5")).unlink()
    simulate(config(out, format=kind))  # a file is gone: it is made again
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


def test_released_placement_keeps_the_releases_shards() -> None:
    scenes = training_scenes(SCENARIOS["collision"], "30k", placement="released")
    shards = shards_of(scenes, np.arange(len(scenes)))
    assert [number for number, _ in shards] == list(range(29))
    assert sum(len(index) for _, index in shards) == 26_066
    assert all(len(index) < 1000 for _, index in shards)
    assert np.array_equal(scenes.order.position[shards[3][1]] // 1000, np.full(len(shards[3][1]), 3))


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    words = ["simulate", "size=300", "count=120", "resolution=256", f"out={tmp_path / 'clips.hdf5'}"]
    process = Verb(*words, folder=tmp_path, first=shards_of_ten)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "clips.hdf5.parts").glob("1.hdf5")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "clips.hdf5").exists()
    finished = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "clips.hdf5.parts").glob("*.hdf5")}
    assert len(finished) >= 2
    assert Verb(*words, folder=tmp_path, first=shards_of_ten).wait() == 0
    assert len(open_clips(tmp_path / "clips.hdf5")) == 120
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips.hdf5", "clips.hdf5.card.json"]
    assert read_json(tmp_path / "clips.hdf5.card.json")["shards_found"] >= 2


def test_a_file_that_cannot_grow_is_one_plain_error(tmp_path: Path) -> None:
    """A limit on file sizes stands in for a full disk: the third shard is too large, the first two stay."""
    words = ["simulate", "size=300", "count=24", "offset=276", "resolution=256", f"out={tmp_path / 'clips'}"]
    first = Verb(*words, "workers=1", folder=tmp_path, first=files_of_60_kb)
    _, shown = first.communicate()
    assert first.wait() in (2, 75)
    assert "Traceback" not in shown
    assert shown.splitlines()[-1].startswith("physlaw: error: [Errno 27]")
    assert not list(tmp_path.rglob("*.tmp"))
    assert not (tmp_path / "clips" / "card.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_one_line_and_the_finished_shards_stay(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        words = ["simulate", "size=300", "count=100", "resolution=256", f"out={disk / 'clips'}"]
        full = Verb(*words, folder=tmp_path, first=shards_of_ten)
        _, shown = full.communicate()
        assert full.wait() == 75, shown
        assert "Traceback" not in shown
        assert "No space left" in shown.splitlines()[-1]
        shards = list((disk / "clips").glob("*.hdf5"))
        assert shards
        assert all(len(open_clips(shard)) == 10 for shard in shards)
        assert not list(disk.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=10m", disk], check=True)
        assert Verb(*words, folder=tmp_path, first=shards_of_ten).wait() == 0
        assert len(open_clips(disk / "clips")) == 100
    finally:
        hdf5._ask_reader.close()
        subprocess.run(["umount", disk], check=True)


def test_killed_between_the_file_and_its_card(tmp_path: Path) -> None:
    path, _ = simulate(config(tmp_path / "a.npz", count=3))
    content, card = path.read_bytes(), clip_files.card_path(path)
    settings = read_json(card)["settings"]
    card.unlink()
    clip_files.write_json(tmp_path / "a.npz.parts" / "plan.json", {"settings": settings})
    simulate(config(tmp_path / "a.npz", count=3))
    assert path.read_bytes() == content
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "a.npz.card.json"]


@pytest.mark.parametrize("name", ["clips", "clips.hdf5", "clips.npz"])
def test_the_second_of_two_equal_calls_waits_and_finds_the_finished_set(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one waits until the second one does."""
    here, second = threading.Event(), threading.Event()
    write_part, waits = clip_files._write, lease._wait_for_turn

    def write_slowly(*arguments: Any) -> None:
        here.set()
        assert second.wait(60)
        time.sleep(0.2)
        write_part(*arguments)

    def wait(*arguments: Any) -> int:
        if here.is_set():
            second.set()
        return waits(*arguments)

    monkeypatch.setattr(clip_files, "_write", write_slowly)
    monkeypatch.setattr(lease, "_wait_for_turn", wait)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(simulate, config(tmp_path / name, count=3))
        assert here.wait(60)
        card = tmp_path / ("clips/card.json" if name == "clips" else f"{name}.card.json")
        assert not card.exists()
        other = pool.submit(simulate, config(tmp_path / name, count=3))
        assert first.result() == other.result() == (tmp_path / name, 3)
    assert [p.name for p in visible(tmp_path, "*.parts")] == []
    assert json.loads(card.read_text())["shards_found"] == 0


def test_another_set_is_refused_before_its_writer_has_finished(tmp_path: Path) -> None:
    clip_files.write_json(tmp_path / "a" / "plan.json", {"settings": {"count": 2}})
    with leased(tmp_path / "a", "the other"), pytest.raises(UserError, match="a holds another set of clips"):
        simulate(config(tmp_path / "a"))


def test_other_sets_are_refused(tmp_path: Path) -> None:
    simulate(config(tmp_path / "b", count=2))
    with pytest.raises(UserError, match="b holds another set of clips \\(count is 2, asked for is 3\\)"):
        simulate(config(tmp_path / "b", count=3))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        simulate(config(tmp_path / "c"))
    (tmp_path / "d.npz").write_bytes(b"mine")
    with pytest.raises(UserError, match="without its card"):
        simulate(config(tmp_path / "d.npz"))
    assert (tmp_path / "d.npz").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [({"out": "clips.mov"}, "a folder or a .hdf5 file"), ({"count": 0}, "count must be at least 1"),
     ({"count": 301}, "count must be 1 to 300"),
     ({"offset": 300}, "offset must be 0 to 299"), ({"split": "level9"}, "level2_v1"),
     ({"resolution": 8}, "16 to 512"), ({"num_frames": 0}, "1 to 10000"), ({"contact": "soft"}, "elastic, released"),
     ({"format": "avi"}, "released, npz, mp4"), ({"format": "npz", "out": "clips"}, "a .npz file"),
     ({"resolution": 100, "out": "clips"}, "multiple of 16"), ({"placement": "mine"}, "per_sample, released"),
     ({"workers": 0}, "workers must be 1 to 1024"), ({"out": ""}, "a folder or a .hdf5 file")],
)  # fmt: skip
def test_nonsense_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"out": "clips.npz", "size": "300", "count": 1, "resolution": 16} | change
    with pytest.raises(UserError, match=message):
        simulate(SimulateConfig(**values))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_count(tmp_path: Path) -> None:
    """Four times the clips in a fresh process: the peak stays."""

    def peak(count: int) -> int:
        code = (
            "import resource, sys\nfrom physlaw.__main__ import main\nmain()\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        words = ["simulate", "size=300", f"count={count}", "resolution=256", f"out={tmp_path / str(count)}.npz"]
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        return int(done.stdout.splitlines()[-1]) // 1024

    assert resource.RUSAGE_SELF == 0
    few, many = peak(25), peak(100)
    assert many < few + 100, f"{few} MiB for 25 clips, {many} MiB for 100"  # 75 more clips are 472 MB of frames


def test_sets_of_the_deeper_studies_are_written_as_they_are_trained_on(tmp_path: Path) -> None:
    out = tmp_path / "pairs.npz"
    simulate(SimulateConfig(out=str(out), scenario="colour_shape", size="300", count=2, offset=299, resolution=32))
    with np.load(out) as archive:
        assert archive["init"][:, 2:].tolist() == [[0, 0], [1, 1]]  # the last red circle, the first blue square
        red, blue = archive["frames"][:, 0].min(axis=(1, 2))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    card = read_json(clip_files.card_path(out))
    assert card["scenes"]["in_set"] == 600
    assert card["factors"]["shape"] == {"lowest": 0.0, "highest": 1.0, "values": 2}
    with pytest.raises(UserError, match="unknown scenario 'gap'"):
        simulate(SimulateConfig(out=str(out), scenario="gap"))
