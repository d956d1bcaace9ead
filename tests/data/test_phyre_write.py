"""`simulate scenario=combinatorial`: the released layout, the other formats, continuation and refusals."""

import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from physlaw.__main__ import main
from physlaw.data import clip_files, phyre_clips
from physlaw.data.mp4 import decode_mp4
from physlaw.data.phyre_clips import RenderedBodies
from physlaw.data.phyre_files import open_phyre_clips
from physlaw.data.phyre_write import PhyreSimulateConfig, phyre_scenes_of, simulate_phyre
from physlaw.errors import UserError
from physlaw.files import read_json
from physlaw.render.bodies import render_bodies
from physlaw.worlds.bodies import pack
from physlaw.worlds.phyre.features import COLOURS, features
from processes import Verb


@pytest.fixture(autouse=True)
def short_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """To sample thousands of scenes for every small set costs more than to write it."""
    monkeypatch.setattr(phyre_clips, "DIGEST_SCENES", 16)


def set_short_digests() -> None:
    phyre_clips.DIGEST_SCENES = 16


NAMES = ["action_streams", "object_streams", "video_streams"]


def config(out: Path, **change: object) -> PhyreSimulateConfig:
    """Five videos: the second of one scene, and both of the next two."""
    values = {"size": "6", "trials": 2, "count": 5, "offset": 1, "resolution": 32, "num_frames": 4} | change
    return PhyreSimulateConfig(out=str(out), **values)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but cards and locks."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.endswith("card.json") and not p.name.startswith(".lease-")
    }


def test_scene_files_and_merged_files_have_the_released_layout(tmp_path: Path) -> None:
    simulate_phyre(config(tmp_path / "scenes", num_frames=6))
    simulate_phyre(config(tmp_path / "merged.hdf5", num_frames=6))
    keys = ["10003:000", "10003:001", "10003:002"]
    assert sorted(p.name for p in (tmp_path / "scenes").glob("*.hdf5")) == [f"{key}.hdf5" for key in keys]
    scenes, number = phyre_scenes_of(config(tmp_path)), 1
    with h5py.File(tmp_path / "merged.hdf5") as merged:
        assert sorted(merged) == NAMES
        for key, rows in zip(keys, (1, 2, 2), strict=True):
            with h5py.File(tmp_path / "scenes" / f"{key}.hdf5") as scene:
                assert sorted(scene) == NAMES
                for name in NAMES:
                    one, other = scene[name], merged[f"{name}/{key}"]
                    assert one.dtype == other.dtype
                    assert one.chunks is one.compression is other.chunks is None
                    assert all(np.array_equal(a, b) for a, b in zip(one[:], other[:], strict=True)), name
                actions, objects, videos = (scene[name] for name in NAMES)
                assert actions.shape == (rows, 3)
                assert actions.dtype == np.float64
                assert objects.shape[:2] == (rows, 6)
                assert objects.shape[3] == 14
                assert objects.dtype == np.float32
                assert videos.shape == (rows,)
                assert h5py.check_vlen_dtype(videos.dtype) == np.uint8
                for row in range(rows):
                    bodies, poses = scenes.motion(number, 6)
                    assert np.array_equal(actions[row], scenes.action(number))
                    assert np.array_equal(objects[row], features(bodies, poses))
                    assert (objects[row, :, -1, COLOURS] == 1).all()  # the red ball is last
                    assert not objects[row, :, :-1, COLOURS].any()
                    number += 1
        for name in NAMES:
            assert list(merged[name]) == keys


def test_the_released_form_has_50_frames_of_512_pixels(tmp_path: Path) -> None:
    path, count = simulate_phyre(config(tmp_path / "a", num_frames=50, resolution=512, count=2, offset=0, workers=1))
    assert count == 2
    assert [p.name for p in path.glob("*.hdf5")] == ["10003:000.hdf5"]
    clips, scenes = open_phyre_clips(path), phyre_scenes_of(config(path))
    bodies, poses = scenes.motion(1, 50)
    shown, true = clips.frames(1).astype(int), render_bodies(pack(bodies), poses, 512)
    assert shown.shape == (50, 512, 512, 3)
    assert np.abs(shown - true).mean() < 1
    assert np.array_equal(clips.features(1), features(bodies, poses))
    small = open_phyre_clips(path, 256, 32).clips(np.array([1]))
    blocks = shown[:32].reshape(32, 256, 2, 256, 2, 3).sum(axis=(2, 4))
    assert np.array_equal(small[0], (blocks + 2) // 4)
    assert np.abs(small[0].astype(int) - RenderedBodies(scenes, 256, 32).clips(np.array([1]))[0]).mean() < 1


def test_npz_has_the_rendered_bytes(tmp_path: Path) -> None:
    path, _ = simulate_phyre(config(tmp_path / "a.npz", trials=1, offset=0, count=4))
    scenes = phyre_scenes_of(config(path, trials=1))
    with np.load(path, allow_pickle=False) as stored:
        assert np.array_equal(stored["frames"], RenderedBodies(scenes, 32, 4).clips(np.arange(4)))
        assert stored["key"].tolist() == ["10003:000", "10003:001", "10003:002", "10003:003"]
        assert stored["trial"].tolist() == [0, 0, 0, 0]
        assert stored["action"].dtype == np.float64
        counts = stored["objects"]
        assert len(set(counts.tolist())) > 1  # else this says nothing about the filling
        assert stored["features"].shape == (4, 4, counts.max(), 14)
        for number in range(4):
            assert np.array_equal(stored["action"][number], scenes.action(number))
            found = stored["features"][number]
            assert np.array_equal(found[:, : counts[number]], features(*scenes.motion(number, 4)))
            assert np.isnan(found[:, counts[number] :]).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "a.npz.card.json"]


def test_mp4_files_are_named_as_the_release_names_samples(tmp_path: Path) -> None:
    simulate_phyre(config(tmp_path, format="mp4", split="in_template", trials=None, offset=0, count=2))
    assert sorted(p.name for p in tmp_path.glob("*.mp4")) == ["10003-00000-990.mp4", "10003-00001-990.mp4"]
    assert decode_mp4((tmp_path / "10003-00001-990.mp4").read_bytes(), "").shape == (4, 32, 32, 3)
    with np.load(tmp_path / "10003:001.npz", allow_pickle=False) as truth:
        scenes = phyre_scenes_of(config(tmp_path, split="in_template", trials=None))
        assert np.array_equal(truth["features"][0], features(*scenes.motion(1, 4)))
        assert truth["trial"].tolist() == [990]


@pytest.mark.parametrize(("name", "kind"), [("a", "released"), ("a.hdf5", "released"), ("a.npz", "npz"), ("a", "mp4")])
def test_a_stopped_write_continues_to_the_same_bytes_with_any_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    simulate_phyre(config(tmp_path / "whole" / name, format=kind, workers=1))
    real, calls = clip_files.SHARD_WRITERS[kind], []

    def fail_at_third(work: Path, number: int, *rest: object) -> None:
        if number == 2 and not calls:
            calls.append(number)
            raise OSError(28, "No space left on device")
        real(work, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setitem(clip_files.SHARD_WRITERS, kind, fail_at_third)
    out = tmp_path / "stopped" / name
    with pytest.raises(OSError, match="No space"):
        simulate_phyre(config(out, format=kind, workers=3))
    assert not clip_files.card_path(out).exists()
    simulate_phyre(config(out, format=kind, workers=3))
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")
    card = read_json(clip_files.card_path(out))
    assert card["shards_found"] == 2
    assert card["scenes"]["videos_written"] == 5
    assert card["settings"]["trials"] == 2
    before = {p: p.stat().st_mtime_ns for p in out.parent.rglob("*") if not p.name.startswith(".lease-")}
    simulate_phyre(config(out, format=kind))  # finished: nothing is written again
    assert before == {p: p.stat().st_mtime_ns for p in out.parent.rglob("*") if not p.name.startswith(".lease-")}


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    out = tmp_path / "clips.hdf5"
    words = ["simulate", "scenario=combinatorial", "split=out_of_template", "count=60", f"out={out}"]
    process = Verb(*words, folder=tmp_path, first=set_short_digests)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("clips.hdf5.parts/10060:001.hdf5")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not out.exists()
    assert Verb(*words, folder=tmp_path, first=set_short_digests).wait() == 0
    assert len(open_phyre_clips(out)) == 60
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips.hdf5", "clips.hdf5.card.json"]
    assert read_json(tmp_path / "clips.hdf5.card.json")["shards_found"] >= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [({"seed": 1}, "seed is 0, asked for is 1"), ({"count": 4}, "count is 5"), ({"trials": 3}, "trials is 2"),
     ({"split": "in_template", "trials": None}, "split is 'train'"), ({"num_frames": 3}, "num_frames is 4")],
)  # fmt: skip
def test_another_set_in_the_same_place_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    simulate_phyre(config(tmp_path / "a"))
    with pytest.raises(UserError, match=f"holds another set of clips \\({message}"):
        simulate_phyre(config(tmp_path / "a", **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"split": "eval"}, "valid: train, in_template, out_of_template"), ({"size": "7"}, "valid: 6, 30, 60"),
     ({"trials": 991}, "trials of split train must be 1 to 990, got 991"), ({"trials": 0}, "at least 1"),
     ({"split": "in_template"}, "trials of split in_template must be 1 to 1, got 2"),
     ({"offset": 1200}, "offset must be 0 to 1199"), ({"count": 1200}, "count must be 1 to 1199"),
     ({"resolution": 48}, "must divide 512"), ({"num_frames": 0}, "1 to 10000"), ({"workers": 0}, "workers"),
     ({"out": "a.mov"}, "a folder or a .hdf5 file"), ({"out": ""}, "needs out to name"), ({"format": "avi"}, "npz")],
)  # fmt: skip
def test_nonsense_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    out = str(change.pop("out", "clips"))
    with pytest.raises(UserError, match=message):
        simulate_phyre(replace(config(Path("x"), **change), out=out))
    assert not list(tmp_path.iterdir())


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "scenario=combinatorial", "split=out_of_template", f"out={tmp_path / 'a'}"]
    assert main([*words, "count=2", "resolution=16", "num_frames=2"]) == 0
    assert capsys.readouterr().out == f"2 clips in {tmp_path / 'a'}\n"
    assert sorted(p.name for p in (tmp_path / "a").glob("*:*")) == ["10060:000.hdf5", "10060:001.hdf5"]
    assert main([*words, "size=5"]) == 2
    assert "unknown size '5'; valid: 6, 30, 60" in capsys.readouterr().err
    assert main(["simulate", "scenario=combinatorial", "size=6"]) == 2
    assert "needs out to name" in capsys.readouterr().err
    assert main(["simulate", "scenario=combinatorial", "block=id"]) == 2
    assert "unknown key 'block'" in capsys.readouterr().err
    assert main(["simulate", "scenario=combinatorial", "bodies=/nothing.npz"]) == 2
    assert "/nothing.npz: no such file" in capsys.readouterr().err
    assert main(["simulate", "--help"]) == 0
    told = capsys.readouterr().out
    for text in ("trials=null", "train, in_template, out_of_template", "count and offset are videos", "bodies=\n",
                 "contact=elastic"):  # fmt: skip
        assert text in told
