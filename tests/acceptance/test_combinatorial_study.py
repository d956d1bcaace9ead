"""The combinatorial study as a user meets it: cells, table, verdicts, page, and clips to rate."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.compose import compose_cell
from physlaw.data import phyre_clips
from physlaw.label.command import read_clips
from physlaw.metric import notes_of
from physlaw.studies.combinatorial import nearest
from physlaw.studies.combinatorial.score import METRICS

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
TINY = [
    "study=combinatorial",
    "train.steps=4",
    "train.batch_size=2",
    "train.log_every=2",
    "data.num_frames=8",
    "eval.id_clips=6",
    "eval.ood_clips=5",
    "eval.batch_size=4",
    "eval.detector_clips=8",
    "model.depth=1",
    "model.hidden_size=48",
    "model.num_heads=2",
    "diffusion.denoise_steps=2",
    "grid.sizes=[6,60]",
    "grid.extra=[]",
]


@pytest.fixture(autouse=True, scope="module")
def few_scenes() -> Iterator[None]:
    """To sample thousands of scenes for a digest or for the nearest case costs more than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phyre_clips, "DIGEST_SCENES", 16)
        patch.setattr(nearest, "CASES", 60)
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("combinatorial")
    words = ["reproduce", *TINY, f"runs={folder / 'runs'}", f"out={folder / 'results'}", "workers=1"]
    assert main(words) == 0
    return folder


@pytest.mark.slow
def test_cells_end_in_a_table_with_verdicts_and_clips(results: Path) -> None:
    metrics = pd.read_csv(results / "results" / "metrics.csv", dtype={"size": str})
    assert set(metrics["size"]) == {"6", "60"}
    one = metrics[(metrics["size"] == "6") & (metrics["group"] == "out_of_template")]
    known = one.iloc[0]
    assert known["clips"] == 5
    assert np.isfinite(known[[f"generated_abnormal{end}" for end in ("", "_low", "_high")]].astype(float)).all()
    assert np.isnan(known["generated_fvd"])
    assert "no weights" in notes_of(known.to_dict())["fvd"]
    assert {"detector", "set"} <= set(metrics["kind"])
    assert {name for metric in METRICS for name in metric.columns} <= set(metrics)
    verdicts = pd.read_csv(results / "results" / "verdicts.csv").set_index("claim")
    assert verdicts.loc["C7", "verdict"] == "not run"  # no smaller model
    page = (results / "results" / "report.html").read_text()
    assert "n/a" in page
    assert "image/png" in page


@pytest.mark.slow
def test_the_tokenizer_costs_nothing_and_truth_is_normal(results: Path) -> None:
    metrics = pd.read_csv(results / "results" / "metrics.csv")
    floor = metrics[metrics["kind"] == "set"]
    assert (floor["reconstruction_ssim"] > 0.999).all()
    assert (floor["reconstruction_frechet_latent"] < 1e-6).all()


@pytest.mark.slow
def test_finished_cells_become_a_page_to_rate(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = results / "page"
    words = ["label", "build", *TINY, f"runs={results / 'runs'}", "clips=3", f"out={page}"]
    assert main(words) == 0
    key = json.loads((results / "page.key.json").read_text())
    automatic = pd.read_csv(results / "results" / "automatic.csv")
    shown = [clip for clip in key["clips"] if not clip["is_control"]]
    assert len(shown) == 2 * 2 * 3
    assert {clip["id"] for clip in shown} <= set(automatic["clip"])
    ratings = [{"number": k + 1, "rating": "normal", "cause": None, "seconds": 1.0} for k in range(len(key["clips"]))]
    rated = {"digest": key["digest"], "rater": "a", "started": "x", "finished": "y", "ratings": ratings}
    (results / "a.json").write_text(json.dumps(rated))
    capsys.readouterr()
    table = f"automatic={results / 'results' / 'automatic.csv'}"
    assert main(["label", "score", f"{page}.key.json", str(results / "a.json"), table]) == 0
    assert "out_of_template" in capsys.readouterr().out
    assert read_clips  # the same page may be built from a file


@pytest.mark.slow
def test_an_evaluation_continues_where_it_stopped(results: Path) -> None:
    cell = compose_cell([*TINY, "size=6", f"runs={results / 'runs'}"])
    part = cell.folder / "eval" / "in_template" / "000004.npz"
    kept = cell.folder / "eval" / "in_template" / "000000.npz"
    before = kept.stat().st_mtime_ns
    rows = (cell.folder / "rows.csv").read_text()
    part.unlink()
    (cell.folder / "rows.csv").unlink()
    (cell.folder / "eval" / "in_template.json").unlink()
    assert main(["run", *TINY, "size=6", f"runs={results / 'runs'}"]) == 0
    assert (cell.folder / "rows.csv").read_text() == rows
    assert kept.stat().st_mtime_ns == before


def test_a_cell_trains_from_released_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "scenario=combinatorial", "size=6", "count=4", "trials=2", "resolution=64", "num_frames=8"]
    assert main([*words, f"out={tmp_path / 'clips'}"]) == 0
    train = ["train", *TINY, f"runs={tmp_path / 'runs'}", f"data.files={tmp_path / 'clips'}"]
    assert main([*train, "size=6"]) == 0
    assert "4 training clips" in capsys.readouterr().err
    assert main([*train, "size=30"]) == 2
    assert "is of no template of size=30" in capsys.readouterr().err
    assert main([*words[:2], "split=out_of_template", "count=2", *words[5:], f"out={tmp_path / 'other'}"]) == 0
    other = [f"runs={tmp_path / 'others'}", f"data.files={tmp_path / 'other'}"]
    assert main(["train", *TINY, *other, "size=6"]) == 2
    assert "is of no template of size=6" in capsys.readouterr().err


def test_what_the_world_has_not_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word, message in (
        ("model.modality=numbers", "needs model.modality=vision"),
        ("data.renderer=gpu", "needs data.renderer=cpu"),
        ("data.resolution=48", "must divide 512"),
        ("size=7", "unknown size of scenario combinatorial '7'; valid: 6, 30, 60"),
        ("scenario=uniform", "unknown scenario of study combinatorial 'uniform'; valid: combinatorial"),
        ("eval.i3d_file=x", "eval.i3d_file and eval.i3d_sha256"),
    ):
        assert main(["run", *TINY, f"runs={tmp_path}", word]) == 2
        assert message in capsys.readouterr().err
