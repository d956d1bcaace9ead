"""Scenes given as bodies: simulated, drawn, and drawn from given poses."""

import os
from pathlib import Path

import numpy as np
import pytest

from physlaw.__main__ import main
from physlaw.data.scene_file import SceneFileConfig, simulate_scene_file
from physlaw.errors import UserError

BALL = """[{"shapes": [{"circle_radius": 20.0}], "color": 1, "dynamic": true, "shape_type": 1, "diameter": 40.0,
            "position": [100.0, 400.0], "angle": 0.0}]"""


def scenes(folder: Path, *texts: str) -> Path:
    path = folder / "scenes.npz"
    np.savez(path, **{f"s{k}_bodies_json": np.array(text) for k, text in enumerate(texts)})
    return path


def fixture() -> Path:
    path = Path(os.environ.get("PHYSLAW_FIXTURES") or "") / "released_phyre.npz"
    if not os.environ.get("PHYSLAW_FIXTURES") or not path.is_file():
        pytest.skip(f"released samples absent: set PHYSLAW_FIXTURES to the folder of {path.name}")
    return path


def test_a_ball_falls_as_in_the_release(tmp_path: Path) -> None:
    path = scenes(tmp_path, BALL)
    assert main(["simulate", "scenario=combinatorial", f"bodies={path}", f"out={tmp_path / 'o.npz'}", "frames=4"]) == 0
    with np.load(tmp_path / "o.npz") as found:
        pose, pictures = found["s0_pose"], found["s0_frames_index"]
    steps = 20 * np.arange(4) + 1
    assert pose[:, 0, 1] == pytest.approx(400 - 58.8 / 3600 * steps * (steps + 1) / 2, abs=0.05)
    assert pictures.shape == (4, 512, 512)
    assert pictures[0, 400, 100] == 1  # row 0 at the bottom
    assert pictures[0, 111, 100] == 0


def test_the_released_scenes_are_drawn_and_simulated(tmp_path: Path) -> None:
    with np.load(fixture(), allow_pickle=False) as released:
        known = {name: released[name] for name in released.files}
    np.savez(tmp_path / "poses.npz", **{f"s{k}_pose": known[f"s{k}_step_pose"][::20] for k in range(3)})
    drawn, count = simulate_scene_file(
        SceneFileConfig(str(fixture()), str(tmp_path / "drawn.npz"), str(tmp_path / "poses.npz"))
    )
    assert count == 3
    simulated, _ = simulate_scene_file(SceneFileConfig(str(fixture()), str(tmp_path / "simulated.npz")))
    with np.load(drawn) as pictures, np.load(simulated) as played:
        for k in range(3):
            wrong = pictures[f"s{k}_frames_index"] != known[f"s{k}_frames_index"]
            assert wrong.sum(axis=(1, 2)).max() <= 5
            there = known[f"s{k}_step_pose"][::20]
            moved = np.linalg.norm(played[f"s{k}_pose"][..., :2] - there[..., :2], axis=-1).mean(axis=1) / 512
            assert moved[5] <= 0.004
            assert moved[10] <= 0.015


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs bodies=FILE"),
        (["bodies=/nothing.npz"], "no such file"),
        (["bodies={scenes}", "out=x.mp4"], "must end in .npz"),
        (["bodies={scenes}", "frames=0"], "1 to 10000"),
        (["bodies={broken}"], "scene s0: not a list of released bodies"),
        (["bodies={scenes}", "poses={scenes}"], "no array named like"),
        (["bodies={scenes}", "poses={poses}"], r"poses must be \(frames, 1 bodies, 3\), got \[2, 3\]"),
    ],
)
def test_bad_words_and_files_are_named(tmp_path: Path, words: list[str], message: str) -> None:
    from physlaw.words import read

    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "p.npz", s0_pose=np.zeros((2, 3)))
    files = {"scenes": scenes(tmp_path, BALL), "broken": scenes(tmp_path / "b", "{"), "poses": tmp_path / "p.npz"}
    with pytest.raises(UserError, match=message):
        simulate_scene_file(
            read(SceneFileConfig, [f"out={tmp_path / 'o.npz'}", *(word.format(**files) for word in words)])
        )
    assert not list(tmp_path.glob("o.npz"))
