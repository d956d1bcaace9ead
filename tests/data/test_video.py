"""What people see and give: frames through videos, animations and pictures and back, and what is refused."""

import csv
import gc
import wave
from pathlib import Path

import av
import imageio.v3 as iio
import numpy as np
import pytest

from physlaw.data.phyre_write import PhyreSimulateConfig, phyre_scenes_of, simulate_phyre
from physlaw.data.video import encode_gif, encode_png, encode_video, read_video
from physlaw.data.write import SimulateConfig, scenes_of, simulate
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """(32, 128, 128, 3) uint8."""
    return render_clips(training_scenes(SCENARIOS["collision"], "300").trajectory(np.array([5])), 128)[0]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_video_is_what_browsers_play_and_reads_back(tmp_path: Path, clip: np.ndarray) -> None:
    path = written(tmp_path / "a.mp4", encode_video(clip))
    with av.open(str(path)) as container:
        (stream,) = container.streams
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 128, 128)
        assert (stream.average_rate, stream.frames, float(stream.duration * stream.time_base)) == (10, 32, 3.2)
    found = read_video(path)
    assert found.shape == clip.shape
    assert difference(found, clip) < 0.5
    assert difference(found, clip[::-1]) > 2  # in order


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 31, 45), (2, 33, 16), (5, 1, 1), (32, 64, 64)])
def test_videos_of_any_length_and_side_read_back(tmp_path: Path, clip: np.ndarray, shape: tuple[int, ...]) -> None:
    frames, height, width = shape
    part = clip[:frames, 40 : 40 + height, 40 : 40 + width]
    found = read_video(written(tmp_path / "a.mp4", encode_video(part)))
    assert found.shape == (frames, height + height % 2, width + width % 2, 3)
    assert difference(found[:, :height, :width], part) < 3
    assert difference(found[:, -1], found[:, height - 1]) < 3  # the last row once more


def test_animations_last_as_long_as_the_clip_and_keep_its_few_colours(tmp_path: Path, clip: np.ndarray) -> None:
    still = np.concatenate([clip[:3], clip[2:3], clip[2:3], clip[3:6]])
    path = written(tmp_path / "a.gif", encode_gif(still))
    found = iio.imread(path, mode="RGB")
    durations = [iio.immeta(path, index=k)["duration"] for k in range(len(found))]
    assert durations == [100, 100, 300, 100, 100, 100]
    assert iio.immeta(path)["loop"] == 0
    assert found.shape == (6, 128, 128, 3)
    assert difference(found, clip[:6]) < 2
    assert iio.imread(encode_gif(clip[:1]), mode="RGB").shape == (1, 128, 128, 3)
    assert iio.imread(encode_gif(clip[:4, :7, :5]), mode="RGB").shape[1:] == (7, 5, 3)
    two = np.zeros((2, 8, 8, 3), np.uint8)
    two[:, ::2], two[1, 1::2] = (200, 30, 40), (10, 20, 250)
    np.testing.assert_array_equal(iio.imread(encode_gif(two), mode="RGB"), two)


def test_pictures_keep_every_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (7, 3, 3), np.uint8)
    np.testing.assert_array_equal(iio.imread(encode_png(picture)), picture)


@pytest.mark.parametrize("encode", [encode_video, encode_gif])
@pytest.mark.parametrize(
    ("shape", "kind", "got"),
    [
        ((0, 16, 16, 3), "uint8", "uint8 0 x 16 x 16 x 3"),
        ((2, 16, 0, 3), "uint8", "uint8 2 x 16 x 0 x 3"),
        ((2, 16, 16), "uint8", "uint8 2 x 16 x 16"),
        ((2, 16, 16, 3), "float32", "float32 2 x 16 x 16 x 3"),
    ],
)
def test_what_is_no_clip_is_one_line(encode: object, shape: tuple[int, ...], kind: str, got: str) -> None:
    with pytest.raises(UserError, match=f"a clip to be shown is uint8 .*; got {got}$"):
        encode(np.zeros(shape, kind))  # type: ignore[operator]


def test_files_of_other_programs_are_read(tmp_path: Path, clip: np.ndarray) -> None:
    for name, codec in (("a.webm", "libvpx-vp9"), ("a.avi", "mpeg4"), ("a.mkv", "libx264")):
        iio.imwrite(tmp_path / name, clip[:8], plugin="pyav", codec=codec, fps=24, is_batch=True)
        found = read_video(tmp_path / name)
        assert found.shape == (8, 128, 128, 3), name
        assert difference(found, clip[:8]) < 4, name
    found = read_video(written(tmp_path / "a.gif", encode_gif(clip[:8])))
    assert difference(found, clip[:8]) < 2


def test_files_that_are_no_videos_are_one_line_with_their_name(tmp_path: Path, clip: np.ndarray) -> None:
    video = encode_video(clip)
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    long = np.zeros((1025, 2, 2, 3), np.uint8)
    for path, why in (
        (tmp_path / "missing.mp4", "no such file"),
        (tmp_path, "no such file"),
        (written(tmp_path / "empty.mp4", b""), "not a readable video"),
        (written(tmp_path / "text.mp4", b"hello " * 100), "not a readable video"),
        (written(tmp_path / "cut.mp4", video[: len(video) // 2]), "not a readable video"),
        (tmp_path / "sound.wav", "not a readable video"),
        (written(tmp_path / "long.mp4", encode_video(long)), "more than 1024 frames; valid: 1 to 1024"),
        (written(tmp_path / "wide.mp4", encode_video(np.zeros((1, 2, 1026, 3), np.uint8))), "1026 x 2 pixels; valid"),
    ):
        with pytest.raises(UserError) as error:
            read_video(path)
        assert str(error.value).startswith(f"{path}: {why}"), str(error.value)
        assert "\n" not in str(error.value)


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_simulate_writes_a_video_per_clip_and_a_line_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physlaw.data.write.SHARD", 4)
    out = tmp_path / "clips"
    asked = SimulateConfig(str(out), "mp4", "collision", size="300", count=6, offset=3, resolution=64)
    simulate(SCENARIOS["collision"], asked)
    assert gc.get_freeze_count() == 0
    found, scenes = lines(out / "metadata.csv"), scenes_of(SCENARIOS["collision"], asked)
    assert list(found[0]) == ["file_name", "number", "scenario", *scenes.scenario.factors]
    assert [row["file_name"] for row in found] == sorted(path.name for path in out.glob("*.mp4"))
    assert [int(row["number"]) for row in found] == list(range(3, 9))
    for row in found:
        number = np.array([int(row["number"])])
        shown = read_video(out / row["file_name"])
        assert difference(shown, render_clips(scenes.trajectory(number), 64)[0]) < 2
        assert [float(row[name]) for name in scenes.scenario.factors] == scenes.init(number)[0].tolist()
    whole = (out / "metadata.csv").read_bytes()
    (out / "metadata.csv").unlink()
    simulate(SCENARIOS["collision"], asked)
    assert (out / "metadata.csv").read_bytes() == whole  # a file of the set is gone: it is made again


def test_bodies_are_described_by_scene_trial_and_action(tmp_path: Path) -> None:
    asked = PhyreSimulateConfig(
        out=str(tmp_path), format="mp4", size="6", trials=2, offset=1, count=4, resolution=32, num_frames=4
    )
    simulate_phyre(asked)
    scenes = phyre_scenes_of(asked)
    for row in lines(tmp_path / "metadata.csv"):
        number = int(row["number"])
        assert tuple(int(row[name]) for name in ("template", "scene", "trial")) == scenes.address(number)
        assert tuple(float(row[name]) for name in ("ax", "ay", "ar")) == tuple(scenes.action(number))
        assert read_video(tmp_path / row["file_name"]).shape == (4, 32, 32, 3)
