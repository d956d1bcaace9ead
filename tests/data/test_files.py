"""Files of clips: what `simulate` writes is what `score` reads, and damage is named."""

import io
from pathlib import Path

import h5py
import imageio.v3 as imageio
import numpy as np
import pytest

from physlaw.data.released import open_clips, resize_frames
from physlaw.data.write import SimulateConfig, simulate
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.worlds.scenes import eval_scenes, training_scenes


def write_hdf5(path: Path, scenario: str, merged: bool, count: int = 3) -> np.ndarray:
    scenes = eval_scenes(scenario, "id")
    index = np.arange(count)
    frames = render_clips(scenes.trajectory(index), 256)
    positions = scenes.positions(index)
    with h5py.File(path, "w") as file:
        key = "/00000" if merged else ""
        file[f"position_streams{key}"] = positions[:, :, 0] if positions.shape[2] == 1 else positions
        file[f"init_streams{key}"] = scenes.init(index)
        videos = file.create_dataset(f"video_streams{key}", (count,), h5py.vlen_dtype(np.uint8))
        for k, clip in enumerate(frames):
            stream = io.BytesIO()
            imageio.imwrite(stream, clip, extension=".mp4", plugin="FFMPEG", fps=10)
            videos[k] = np.frombuffer(stream.getvalue(), np.uint8)
    return frames


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("scenario", ["uniform", "collision"])
def test_released_layout_is_read(tmp_path: Path, scenario: str, merged: bool) -> None:
    frames = write_hdf5(tmp_path / "clips.hdf5", scenario, merged)
    clips = open_clips(tmp_path / "clips.hdf5")
    assert len(clips) == 3
    assert clips.scenario().name == scenario
    assert np.abs(clips.frames(1).astype(int) - frames[1]).mean() < 1  # lossy
    assert clips.positions.shape == (3, 32, 1 if scenario == "uniform" else 2, 2)


def test_simulate_writes_what_score_reads(tmp_path: Path) -> None:
    path, count = simulate(
        SimulateConfig(
            out=str(tmp_path / "clips.npz"), scenario="parabola", size="300", count=40, offset=7, resolution=32
        )
    )
    clips = open_clips(path)
    scenes = training_scenes("parabola", "300")
    index = np.arange(7, 47)
    assert count == len(clips) == 40
    assert np.array_equal(clips.positions, scenes.positions(index))
    assert np.array_equal(clips.frames(39), render_clips(scenes.trajectory(index[-1:]), 32)[0])
    assert clips.scenario().name == "parabola"
    assert [p.name for p in tmp_path.iterdir()] == ["clips.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"out": "clips.mov"}, "npz"), ({"count": 0}, "count must be 1 to 300"),
     ({"offset": 300}, "offset must be 0 to 299"),
     ({"split": "level9"}, "level2_v1"), ({"resolution": 8}, "16 to 512"), ({"num_frames": 0}, "at least 1"),
     ({"contact": "soft"}, "elastic, released")],
)  # fmt: skip
def test_simulate_refuses_nonsense(tmp_path: Path, change: dict[str, object], message: str) -> None:
    config = {"out": str(tmp_path / "clips.npz"), "size": "300", "count": 1, "resolution": 16} | change
    with pytest.raises(UserError, match=message):
        simulate(SimulateConfig(**config))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


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


def test_files_of_another_scenario_are_refused_and_only_native_frames_shrink(tmp_path: Path) -> None:
    simulate(SimulateConfig(out=str(tmp_path / "clips.npz"), size="300", count=2, resolution=16))
    with pytest.raises(UserError, match="'collision' has 2 ball"):
        open_clips(tmp_path / "clips.npz").scenario("collision")
    with pytest.raises(UserError, match="cannot resize 16"):
        resize_frames(open_clips(tmp_path / "clips.npz").frames(0), 128)
