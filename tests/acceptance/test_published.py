"""Published weights: each meets its committed score, draws a clip in one command, and what is no such file is named."""

import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from physlaw import cell_verbs
from physlaw.cell.published import KEY, read_published
from physlaw.errors import UserError
from physlaw.evaluation.velocity import velocity_errors
from physlaw.profiles import REPOSITORY
from physlaw.render.discs import render_clips
from physlaw.studies import registry
from physlaw.worlds.scenes import eval_scenes

FILES = sorted((REPOSITORY / "results" / "weights").glob("*.safetensors"))
CLIPS = 32
LIMIT_MB = 8


def test_there_are_some_and_they_are_small() -> None:
    assert FILES
    assert sum(path.stat().st_size for path in FILES) < LIMIT_MB * 1e6
    assert all(path.with_suffix(".md").is_file() for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_published_weights_meet_their_committed_score(path: Path) -> None:
    model = read_published(path)
    cell = model.cell
    clips = pd.read_csv(REPOSITORY / "results" / cell.study / cell.table / "clips.csv")
    committed = clips[(clips["cell"] == cell.name) & (clips["block"] == "id")].dropna(subset="generated_corrected")
    committed = committed.iloc[:: max(1, len(committed) // CLIPS)]
    scenario, index = registry.scenario(cell.scenario), committed["scene"].to_numpy()
    scenes = eval_scenes(scenario, "id", cell.data.seed, contact=cell.data.contact)
    trajectory = scenes.trajectory(index)
    drawn = model.generate(render_clips(trajectory, cell.data.resolution, cell.data.method), "id", index)
    found = velocity_errors(
        scenario, scenes.init(index), trajectory.positions, drawn, method=cell.data.method
    ).corrected
    # float16 moves a clip's error by some thousandths
    assert np.nanmean(found) == pytest.approx(committed["generated_corrected"].mean(), rel=0.1)


@pytest.mark.parametrize("name", ["clip.gif", "clip.mp4", "clip.npz"])
def test_a_clip_is_drawn_beside_the_true_one(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = (path for path in FILES if "smoke-uniform" in path.name)
    out = tmp_path / name
    cell_verbs.sample([str(path), "scenario=uniform", "v=2.5", "r=1", f"out={out}"])
    said = capsys.readouterr().out
    assert "true velocity (2.50, 0.00), drawn (2." in said
    if out.suffix == ".npz":
        with np.load(out) as arrays:
            assert {name: value.shape for name, value in arrays.items()} == dict.fromkeys(
                ("true", "drawn"), (32, 16, 16, 3)
            )
    else:
        assert iio.imread(out, index=0 if out.suffix == ".gif" else None).ndim >= 3


def test_the_same_words_draw_the_same_clip(tmp_path: Path) -> None:
    for name, seed in (("a.npz", 1), ("b.npz", 1), ("c.npz", 2)):
        cell_verbs.sample([str(FILES[-1]), "v=3", "r=1.2", f"seed={seed}", f"out={tmp_path / name}"])
    a, b, c = (np.load(tmp_path / name)["drawn"] for name in ("a.npz", "b.npz", "c.npz"))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_what_is_asked_wrongly_is_one_line(tmp_path: Path) -> None:
    (path,) = (path for path in FILES if "smoke-uniform" in path.name)
    damaged, foreign = tmp_path / "damaged.safetensors", tmp_path / "foreign.safetensors"
    damaged.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    save_file(load_file(path), foreign)
    fewer = tmp_path / "fewer.safetensors"
    with safe_open(path, "pt") as stream:
        header = stream.metadata()
    save_file(dict(list(load_file(path).items())[1:]), fewer, header)
    newer = tmp_path / "newer.safetensors"
    save_file(load_file(path), newer, {KEY: json.dumps(json.loads(header[KEY]) | {"schema": 1000})})
    strange = tmp_path / "strange.safetensors"
    config = json.loads(header[KEY])["config"] | {"no_such_key": 1}
    save_file(load_file(path), strange, {KEY: json.dumps(json.loads(header[KEY]) | {"config": config})})
    for words, message in (
        ([str(tmp_path / "none.safetensors"), "v=1", "r=1"], "no such file"),
        ([str(damaged), "v=1", "r=1"], "not published weights, or damaged"),
        ([str(foreign), "v=1", "r=1"], "not published weights, or damaged"),
        ([str(fewer), "v=1", "r=1"], "not published weights, or damaged"),
        ([str(newer), "v=1", "r=1"], "1000"),
        ([str(strange), "v=1", "r=1"], "no_such_key"),
        ([str(path.with_suffix(".md")), "v=1", "r=1"], "not published weights, or damaged"),
        ([str(path), "v=1"], "missing: r"),
        ([str(path), "v=1", "r=1", "mass=2"], "mass"),
        ([str(path), "v=1", "r=1", "out=clip.avi"], "out=clip.avi"),
        ([str(path), "v=1", "r=1", "scenario=collision"], "shows other objects"),
        ([str(path), "v=1", "r=1", "scenario=nowhere"], "nowhere"),
        (["v=1", "r=1"], "one file of published weights"),
    ):
        with pytest.raises(UserError, match=message.replace("(", "\\(")):
            cell_verbs.sample(words)
    assert not list(Path().glob("clip.*"))


def test_only_what_has_finished_is_published(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has not finished"):
        cell_verbs.publish(["profile=smoke", f"runs={tmp_path}", f"out={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()
