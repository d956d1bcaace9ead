"""Reading the released combinatorial layout: every form, foreign files, damaged files."""

from __future__ import annotations

import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mutants import mutant
from physlaw.data import phyre_clips
from physlaw.data.clips import ClipSource
from physlaw.data.mp4 import encode_mp4
from physlaw.data.phyre_clips import RenderedBodies
from physlaw.data.phyre_files import open_phyre_clips
from physlaw.data.phyre_write import PhyreSimulateConfig, phyre_scenes_of, simulate_phyre
from physlaw.data.released import open_clips
from physlaw.data.write import SimulateConfig
from physlaw.errors import UserError
from physlaw.worlds.phyre.features import features
from simulating import simulate

FORMS = ("scenes", "merged.hdf5", "clips.npz")
SCENE = "10003:001.hdf5"


def config(out: Path) -> PhyreSimulateConfig:
    return PhyreSimulateConfig(str(out), size="6", trials=2, count=5, offset=1, resolution=32, num_frames=4)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same five videos in every form."""
    folder = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phyre_clips, "DIGEST_SCENES", 16)
        for form in FORMS:
            simulate_phyre(config(folder / form))
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_clips_and_truth(good: Path, form: str) -> None:
    scenes, clips = phyre_scenes_of(config(good)), open_phyre_clips(good / form)
    assert len(clips) == 5
    index = np.array([4, 0, 2])
    assert np.array_equal(clips.actions(index), [scenes.action(number) for number in index + 1])
    assert [clips.key(k) for k in range(5)] == [scenes.key(k + 1) for k in range(5)]
    assert [clips.trial(k) for k in range(5)] == [1, 0, 1, 0, 1]
    for number in index.tolist():
        assert np.array_equal(clips.features(number), features(*scenes.motion(number + 1, 4)))
    shown, true = clips.clips(index), RenderedBodies(scenes, 32, 4).clips(index + 1)
    assert shown.shape == true.shape
    assert np.abs(shown.astype(int) - true).mean() < (4 if form != "clips.npz" else 1e-9)
    source: ClipSource = pickle.loads(pickle.dumps(open_phyre_clips(good / form, 16, 3)))  # for a loader's processes
    small = source.clips(index)
    assert small.shape == (3, 3, 16, 16, 3)
    assert np.array_equal(small, (shown[:, :3].reshape(3, 3, 16, 2, 16, 2, 3).sum(axis=(3, 5)) + 2) // 4)


def test_one_scene_is_a_file_of_its_own(good: Path, tmp_path: Path) -> None:
    whole, scene = open_phyre_clips(good / "scenes"), open_phyre_clips(good / "scenes" / SCENE)
    assert len(scene) == 2
    assert (scene.key(1), scene.trial(1)) == ("10003:001", 1)
    assert np.array_equal(scene.clips(np.arange(2)), whole.clips(np.array([1, 2])))
    shutil.copy(good / "scenes" / SCENE, tmp_path / "renamed.hdf5")
    assert open_phyre_clips(tmp_path / "renamed.hdf5").key(0) == "renamed"


def test_a_file_without_the_attribute_counts_trials_from_0_and_keys_sort_by_number(good: Path, tmp_path: Path) -> None:
    keys = ["9999:010", "10000:002", "10000:0010"]
    with h5py.File(good / "scenes" / SCENE) as scene, h5py.File(tmp_path / "released.hdf5", "w") as released:
        for key in reversed(keys):
            for name in scene:
                scene.copy(name, released.require_group(name), key)
            del released[f"action_streams/{key}"].attrs["trials"]
    clips = open_phyre_clips(tmp_path / "released.hdf5")
    assert [clips.key(number) for number in range(0, 6, 2)] == keys
    assert [clips.trial(number) for number in range(6)] == [0, 1] * 3


def test_the_digest_is_that_of_the_content(good: Path) -> None:
    scenes, merged, npz = (open_phyre_clips(good / form).digest() for form in FORMS)
    assert scenes == merged != npz  # mp4 is lossy
    assert open_phyre_clips(good / "scenes", num_frames=3).digest() != scenes
    assert open_phyre_clips(good / "scenes" / SCENE).digest() != scenes


@pytest.mark.parametrize(
    ("resolution", "frames", "message"),
    [(24, None, r"clip 0 of scene 10003:000: frames of 32 x 32 pixels cannot be averaged down to 24; valid: 16, 32"),
     (64, None, "cannot be averaged"), (8, None, "16 to 512"), (None, 5, "num_frames must be 1 to 4, got 5"),
     (None, 0, "1 to 4, got 0")],
)  # fmt: skip
@pytest.mark.parametrize("form", FORMS)
def test_sizes_that_do_not_fit_are_refused(
    good: Path, form: str, resolution: int | None, frames: int | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        open_phyre_clips(good / form, resolution, frames).clips(np.array([0]))


def broken_scene(path: Path, change: Callable[[h5py.File], None]) -> Path:
    """A copy of a good scene file, changed in place."""
    with h5py.File(path, "a") as file:
        change(file)
    return path


def replace_dataset(file: h5py.File, name: str, values: np.ndarray) -> None:
    del file[name]
    file[name] = values


def one_frame(file: h5py.File) -> None:
    file["video_streams"][1] = np.frombuffer(encode_mp4(np.zeros((1, 32, 32, 3), np.uint8)), np.uint8)


BROKEN: list[tuple[Callable[[h5py.File], None], str]] = [
    (lambda f: f.__delitem__("object_streams"), "no dataset or group 'object_streams'; needed: action_streams, "),
    (lambda f: replace_dataset(f, "action_streams", np.zeros((2, 2))), r"must be \(trials, 3\), got \(2, 2\)"),
    (lambda f: replace_dataset(f, "action_streams", np.zeros((2, 3), bool)), "must be numbers, got bool"),
    (lambda f: replace_dataset(f, "action_streams", np.full((2, 3), np.nan)), "action_streams of clip 0 are not fin"),
    (lambda f: replace_dataset(f, "object_streams", np.zeros((2, 4, 7, 13), "f4")), r"must be \(trials, T, N, 14\)"),
    (lambda f: replace_dataset(f, "object_streams", np.zeros((1, 4, 7, 14), "f4")), "do not match"),
    (lambda f: replace_dataset(f, "object_streams", np.full((2, 4, 7, 14), np.inf, "f4")), "object_streams of clip"),
    (lambda f: replace_dataset(f, "video_streams", np.zeros(2)), "variable-length uint8"),
    (lambda f: f["action_streams"].attrs.__setitem__("trials", [1]), "trials must be 2 whole numbers"),
    (lambda f: f["action_streams"].attrs.__setitem__("trials", [-1, 2]), "trials must not be negative"),
    (one_frame, r"clip 1 of scene .*: 1 frames and 4 positions; wanted are 2"),
]


def read_everything(path: Path) -> None:
    clips = open_phyre_clips(path, 16, 2)
    index = np.arange(min(len(clips), 8))
    clips.actions(index)
    for number in index.tolist():
        clips.features(number)
        clips.key(number)
        clips.trial(number)
    clips.clips(index)


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_malformed_scene_is_named(
    good: Path, tmp_path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    path = tmp_path / "10003:001.hdf5"
    shutil.copy(good / "scenes" / SCENE, path)
    with pytest.raises(UserError, match=message) as caught:
        read_everything(broken_scene(path, change))
    assert "10003:001.hdf5" in str(caught.value)


def test_a_merged_file_with_a_foreign_key_or_other_lengths_is_named(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "merged.hdf5"
    shutil.copy(good / "merged.hdf5", path)
    with h5py.File(path, "a") as file:
        file.copy("video_streams/10003:001", "video_streams/no\nkey")
    with pytest.raises(UserError, match=r"merged.hdf5: 'no\\nkey' is not a scene's key like 10000:007"):
        open_phyre_clips(path)
    path = tmp_path / "other" / "merged.hdf5"  # a new place: the reader has locked the other
    path.parent.mkdir()
    shutil.copy(good / "merged.hdf5", path)
    with h5py.File(path, "a") as file:
        values = file["object_streams/10003:002"][:, :3]
        replace_dataset(file, "object_streams/10003:002", values)
    with pytest.raises(UserError, match=r"merged.hdf5:10003:002: 3 frames; the scenes before have 4"):
        open_phyre_clips(path)


def test_files_of_the_balls_and_other_things_are_refused_and_the_other_way_round(good: Path, tmp_path: Path) -> None:
    for name, message in (("a.hdf5", "no dataset or group 'action_streams'"), ("a.npz", "no array 'action'; needed:")):
        path, _ = simulate(SimulateConfig(out=str(tmp_path / name), size="300", count=2, resolution=16, num_frames=2))
        with pytest.raises(UserError, match=message):
            open_phyre_clips(path)
    with pytest.raises(UserError, match="no dataset or group 'position_streams'"):
        open_clips(good / "merged.hdf5")
    with pytest.raises(UserError, match="no array 'positions'"):
        open_clips(good / "clips.npz")
    (tmp_path / "text").write_text("text")
    (tmp_path / "empty").mkdir()
    for name, message in (("nothing", "no such file"), ("text", "neither an HDF5 nor"), ("empty", "no \\*.hdf5 files")):
        with pytest.raises(UserError, match=message):
            open_phyre_clips(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [("key", np.array(["a"] * 5), "'a' is not a scene's key"), ("key", np.arange(5), "array 'key' cannot be int64"),
     ("objects", np.array([99] * 5), "objects must be 1 to"), ("objects", np.arange(4), r"'objects' must be \(5,\)"),
     ("features", np.full((5, 4, 9, 14), np.nan, "f4"), "features of clip 0 are not finite"),
     ("action", np.zeros((5, 2)), r"\(trials, 3\)"), ("trial", np.zeros(5), "array 'trial' cannot be float64")],
)  # fmt: skip
def test_a_malformed_npz_is_named(good: Path, tmp_path: Path, name: str, values: np.ndarray, message: str) -> None:
    with np.load(good / "clips.npz", allow_pickle=False) as stored:
        arrays = dict(stored) | {name: values}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=f"bad.npz: .*{message}"):
        read_everything(tmp_path / "bad.npz")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_files_lead_to_the_named_error_and_to_nothing_else(good: Path, tmp_path: Path, count: int) -> None:
    contents = [(good / name).read_bytes() for name in (f"scenes/{SCENE}", "merged.hdf5", "clips.npz")]
    path, outcomes = tmp_path / "mutant.bin", {"error": 0, "clips": 0}
    for number in range(count):
        rng = random.Random(number)
        path.write_bytes(mutant(rng.choice(contents), rng))
        try:
            read_everything(path)
            outcomes["clips"] += 1
        except UserError as error:
            named = "mutant.bin" in str(error) and "\n" not in str(error)
            outcomes["error" if named else "unnamed or several lines"] += 1
        except Exception as error:
            pytest.fail(f"mutant {number}: {type(error).__name__}: {error}")
    assert set(outcomes) == {"error", "clips"}, outcomes
    assert min(outcomes.values()) > count // 20, outcomes
