"""Sets of composed scenes as `physlaw simulate` writes them, with their truth."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import compositions
from physlaw.__main__ import main
from physlaw.data.card import card_path
from physlaw.data.mp4 import decode_mp4
from physlaw.files import read_json
from physlaw.render.discs import render_clips
from physlaw.studies.composition.scenes import FACTORS
from physlaw.studies.composition.sets import COMPOSITIONS

SPATIAL, TEMPORAL, PLAIN = COMPOSITIONS
INDEX = np.arange(3, 8)


def written(out: Path, name: str, *words: str) -> Path:
    common = [f"scenario={name}", "size=300", "count=5", "offset=3", "resolution=32", "workers=1"]
    assert main(["simulate", *common, *words, f"out={out}"]) == 0
    return out


@pytest.mark.parametrize(
    ("name", "split", "seed"), [(SPATIAL, "train", 0), (PLAIN, "train", 2), (TEMPORAL, "both", 0), (SPATIAL, "both", 1)]
)
def test_clips_and_truth_are_those_that_are_trained_or_tested_on(
    tmp_path: Path, name: str, split: str, seed: int
) -> None:
    out = written(tmp_path / "clips.npz", name, f"split={split}", f"seed={seed}")
    scenes = compositions.composed(name, "train/300" if split == "train" else "eval/both", seed)
    with np.load(out) as archive:
        assert np.array_equal(archive["frames"], render_clips(scenes.trajectory(INDEX), 32))
        assert np.array_equal(archive["positions"], scenes.positions(INDEX))
        assert np.array_equal(archive["init"], scenes.init(INDEX))
        for found, known in zip(archive["contacts"].tolist(), scenes.contacts(INDEX), strict=True):
            assert [tuple(contact) for contact in found if contact[0]] == known
    card = read_json(card_path(out))
    assert card["factors"] == list(FACTORS)
    assert card["scenes"] == {"in_set": len(scenes), "written": 5}
    assert card["settings"]["scenes_digest"] == scenes.digest()


def test_new_scenes_of_the_trained_kinds_are_a_test_block(tmp_path: Path) -> None:
    out = written(tmp_path / "clips.npz", SPATIAL, "split=trained", "num_frames=6")
    known = compositions.composed(SPATIAL, "train/3k", 1, 6)
    with np.load(out) as archive:
        assert archive["frames"].shape == (5, 6, 32, 32, 3)
        assert np.array_equal(archive["init"], known.init(INDEX))
        assert (archive["contacts"][..., 0] < 51).all()  # of the clip, not of all 32 frames


def test_videos_and_released_files_have_them_too(tmp_path: Path) -> None:
    videos = written(tmp_path / "videos", TEMPORAL, "split=both", "format=mp4")
    scenes = compositions.both_events(TEMPORAL)
    frames = render_clips(scenes.trajectory(INDEX), 32)
    decoded = decode_mp4((videos / "00000-00000.mp4").read_bytes(), "clip")
    assert np.abs(decoded.astype(int) - frames[0]).mean() < 8
    with np.load(videos / "00000.npz") as truth:
        assert np.array_equal(truth["positions"], scenes.positions(INDEX))
        assert truth["contacts"].shape == (5, 2, 3)
    with h5py.File(written(tmp_path / "clips.hdf5", TEMPORAL, "split=both")) as file:
        assert np.array_equal(file["position_streams/00000"][:], scenes.positions(INDEX))
        assert file["init_streams/00000"].shape == (5, len(FACTORS))
        assert len(file["video_streams/00000"]) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("split=id", "unknown split of scenario composition_spatial 'id'; valid: train, trained, both"),
        ("size=24m", "unknown training size of scenario composition_spatial '24m'; valid: 300, 3k"),
        ("placement=released", "scenario=composition_spatial needs placement=per_sample, got 'released'"),
        ("contact=released", "scenario=composition_spatial needs contact=elastic, got 'released'"),
        ("num_frames=33", "num_frames must be 1 to 32, got 33"),
        ("trials=2", "unknown key 'trials'"),
        ("split=both offset=256", "offset must be 0 to 255, got 256"),
    ],
)
def test_what_they_have_not_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    assert main(["simulate", f"scenario={SPATIAL}", f"out={tmp_path / 'clips.npz'}", "count=1", *words.split()]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
