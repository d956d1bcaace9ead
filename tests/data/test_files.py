"""Files of clips: what `simulate` writes is what every reader reads, and damage is named."""

import multiprocessing
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from physlaw.data.mp4 import decode_mp4, encode_mp4
from physlaw.data.npz import NpzRecords
from physlaw.data.released import open_clips, resize_frames
from physlaw.data.write import SimulateConfig
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import eval_scenes, training_scenes
from simulating import simulate


def write_hdf5(path: Path, scenario: str, merged: bool, count: int = 3) -> np.ndarray:
    """A file in the released layout, written here from its description."""
    scenes = eval_scenes(SCENARIOS[scenario], "id")
    index = np.arange(count)
    frames = render_clips(scenes.trajectory(index), 256)
    positions = scenes.positions(index)
    with h5py.File(path, "w") as file:
        key = "/00000" if merged else ""
        file[f"position_streams{key}"] = positions[:, :, 0] if positions.shape[2] == 1 else positions
        file[f"init_streams{key}"] = scenes.init(index)
        videos = file.create_dataset(f"video_streams{key}", (count,), h5py.vlen_dtype(np.uint8))
        for k, clip in enumerate(frames):
            videos[k] = np.frombuffer(encode_mp4(clip), np.uint8)
    return frames


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("scenario", ["uniform", "collision"])
def test_released_layout_is_read(tmp_path: Path, scenario: str, merged: bool) -> None:
    frames = write_hdf5(tmp_path / "clips.hdf5", scenario, merged)
    clips = open_clips(tmp_path / "clips.hdf5")
    assert len(clips) == 3
    assert clips.scenario.name == scenario
    assert np.abs(clips.frames(1).astype(int) - frames[1]).mean() < 1  # lossy
    assert clips.positions(np.array([2, 0])).shape == (2, 32, 1 if scenario == "uniform" else 2, 2)
    small = open_clips(tmp_path / "clips.hdf5", resolution=64, num_frames=8).clips(np.array([2, 0]))
    assert np.array_equal(small[0], resize_frames(clips.frames(2), 64)[:8])


def read_one(arguments: tuple[object, int]) -> np.ndarray:
    clips, number = arguments
    return clips.clips(np.array([number]))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["clips.hdf5", "clips.npz", "folder"])
def test_several_processes_read_one_opened_file(tmp_path: Path, name: str) -> None:
    path, _ = simulate(SimulateConfig(out=str(tmp_path / name), size="300", count=6, resolution=32))
    clips = open_clips(path)
    alone = clips.clips(np.arange(6))
    assert np.array_equal(pickle.loads(pickle.dumps(clips)).clips(np.arange(6)), alone)
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            together = pool.map(read_one, [(clips, number) for number in range(6)])
        assert np.array_equal(np.concatenate(together), alone)


def test_rows_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path, _ = simulate(SimulateConfig(out=str(tmp_path / "clips.hdf5"), size="300", count=30, resolution=16))
    clips, scenes = open_clips(path), training_scenes(SCENARIOS["uniform"], "300")
    for index in (np.array([7, 3, 3]), np.arange(29, -1, -1)):
        assert np.array_equal(clips.init(index), scenes.init(index))
        assert np.array_equal(clips.positions(index), scenes.positions(index))
    with pytest.raises(IndexError, match="clip 30 is outside"):
        clips.frames(30)


def test_mp4_frames_are_those_of_the_encoder_and_near_the_truth() -> None:
    frames = render_clips(training_scenes(SCENARIOS["collision"], "300").trajectory(np.array([5])), 256)[0]
    video = encode_mp4(frames)
    assert encode_mp4(frames) == video
    assert b"crf=23.0" in video
    decoded = decode_mp4(video, "clip")
    assert decoded.shape == frames.shape
    assert 0.1 < np.abs(decoded.astype(int) - frames).mean() < 0.3
    with pytest.raises(UserError, match="multiples of 16"):
        encode_mp4(frames[:, :250, :250])
    for damaged in (video[:3000], video[:-2000], b"", b"junk" * 100):
        with pytest.raises(UserError, match="clip: not a readable mp4"):
            decode_mp4(damaged, "clip")


def test_large_npz_frames_go_to_a_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = simulate(SimulateConfig(out=str(tmp_path / "clips.npz"), size="300", count=3, resolution=32))
    in_memory = open_clips(path).clips(np.arange(3))
    monkeypatch.setattr("physlaw.data.npz.IN_MEMORY_BYTES", 1000)
    records = NpzRecords(path)
    assert np.array_equal(np.stack([records.frames(k) for k in range(3)]), in_memory)
    assert isinstance(records._all_frames().base, np.memmap)


def test_damage_is_named(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "good.hdf5", "uniform", True)
    with h5py.File(tmp_path / "good.hdf5", "r+") as file:
        file["video_streams/00000"][1] = np.arange(50, dtype=np.uint8)
    with pytest.raises(UserError, match="00000 clip 1: not a readable mp4"):
        open_clips(tmp_path / "good.hdf5").frames(1)
    whole = (tmp_path / "good.hdf5").read_bytes()
    (tmp_path / "cut.hdf5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut.hdf5: not a readable HDF5"):
        open_clips(tmp_path / "cut.hdf5")
    with h5py.File(tmp_path / "part.hdf5", "w") as file:
        file["init_streams"] = np.zeros((2, 2))
    with pytest.raises(UserError, match="position_streams"):
        open_clips(tmp_path / "part.hdf5")
    simulate(SimulateConfig(out=str(tmp_path / "clips.npz"), size="300", count=2, resolution=16))
    zipped = (tmp_path / "clips.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(zipped[:-400])
    with pytest.raises(UserError, match=r"cut.npz: not a readable npz"):
        open_clips(tmp_path / "cut.npz")
    np.savez(tmp_path / "odd.npz", frames=np.zeros((1, 4, 8, 8, 3), np.uint8), init=np.zeros((1, 2)))
    with pytest.raises(UserError, match="no array 'positions'"):
        open_clips(tmp_path / "odd.npz")
    np.savez(
        tmp_path / "nan.npz",
        frames=np.zeros((1, 4, 8, 8, 3), np.uint8),
        init=np.full((1, 2), np.nan),
        positions=np.zeros((1, 4, 2)),
    )
    with pytest.raises(UserError, match="init of clip 0 are not finite"):
        open_clips(tmp_path / "nan.npz")
    (tmp_path / "text.hdf5").write_text("hello")
    with pytest.raises(UserError, match="neither"):
        open_clips(tmp_path / "text.hdf5")
    with pytest.raises(UserError, match="no such file"):
        open_clips(tmp_path / "absent.npz")


def test_npz_headers_are_not_believed(tmp_path: Path) -> None:
    """A header that claims more than the member holds is refused before anything is allocated."""
    good, _ = simulate(SimulateConfig(out=str(tmp_path / "good.npz"), size="300", count=2, resolution=16))
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["frames.npy"] = members["frames.npy"].replace(b"(2, 32,", b"(2000000000000, 32,")
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=r"bad\.npz"):
        open_clips(tmp_path / "bad.npz")


def test_files_of_another_scenario_are_refused_and_only_native_frames_shrink(tmp_path: Path) -> None:
    simulate(SimulateConfig(out=str(tmp_path / "clips.npz"), size="300", count=2, resolution=16))
    with pytest.raises(UserError, match="'collision' has 2 ball"):
        open_clips(tmp_path / "clips.npz", scenario=SCENARIOS["collision"])
    with pytest.raises(UserError, match="cannot resize 16"):
        resize_frames(open_clips(tmp_path / "clips.npz").frames(0), 128)
