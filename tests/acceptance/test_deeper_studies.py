"""The deeper studies as a user meets them: miniature cells, a table, a verdict, figures and clips on the page."""

from pathlib import Path

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.compose import compose_cell
from physlaw.errors import UserError
from physlaw.studies.registry import part

TINY = [
    "profile=smoke", "train.steps=4", "train.batch_size=2", "train.log_every=2", "eval.id_clips=4", "eval.ood_clips=6",
    "eval.batch_size=4", "model.depth=1", "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2",
    "machine.compile=off", "workers=1",
]  # fmt: skip
# Study -> its cells here, claim, and columns of metrics.csv that every finished cell must have measured.
CASES = {
    "velocity_gap": (["grid.scenarios=[gap_125_375,gap_two_islands]", "grid.sizes=[300]"], "C8", ["in_band"]),
    "memorization": (["grid.sizes=[300]"], "C10", ["reversed", "in_band"]),
    "square_out": (["grid.scenarios=[hole_all_but_rim]", "grid.sizes=[10k]"], "C9", ["truth_corrected"]),
    "attributes": (["grid.scenarios=[colour_velocity]", "grid.sizes=[300]"], "C11", ["pixel_first", "vanished"]),
    "ring": (["grid.sizes=[300]"], "C12", ["pixel_first", "vanished"]),
    "composition": (["grid.scenarios=[composition_temporal]", "grid.sizes=[300]"], "C13", ["lawful", "truth_lawful"]),
    "modality": (["grid.sizes=[300]", "grid.models=[dit_xxs,dit_xxs_numbers]"], "C14", ["truth_corrected"]),
    "resolution_and_length": (["grid.sizes=[300]"], "C16", ["truth_corrected"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("study", CASES)
def test_a_study_runs_to_its_table_verdict_and_page(study: str, tmp_path: Path) -> None:
    cells, claim, columns = CASES[study]
    out = tmp_path / "results" / study / "smoke"
    per_scenario = ["grid.per_scenario={}"] if study == "resolution_and_length" else []
    words = [*TINY, *cells, *per_scenario, f"runs={tmp_path / 'runs'}", f"out={out}"]
    assert main(["reproduce", f"study={study}", *words]) == 0
    metrics = pd.read_csv(out / "metrics.csv", dtype={"size": str})
    assert not (metrics["kind"] == "missing").any()
    assert metrics.groupby("cell")["group"].nunique().min() >= 2
    done = metrics.drop_duplicates(["cell", "group"])
    written = {name for metric in part(study, "score").METRICS for name in metric.columns}
    assert set(pd.read_csv(next((tmp_path / "runs").rglob("rows.csv")))) == written | {
        "group",
        "kind",
        "level",
        "clips",
    }
    for column in columns:
        measured = done[done["level"] >= 0].groupby("cell")[column].count()
        assert (measured > 0).all(), column
    if "truth_lawful" in columns:
        assert done["truth_lawful"].min() == 1
    verdicts = pd.read_csv(out / "verdicts.csv").set_index("claim")
    assert list(verdicts.index) == [claim]
    assert verdicts.loc[claim, "verdict"] in ("supported", "not supported", "inconclusive", "not run")
    page = (out / "report.html").read_text()
    for text in (claim, "image/svg+xml", "image/png", "What this scale is worth"):
        assert text in page
    assert main(["report", str(out)]) == 0
    assert main(["reproduce", f"study={study}", *words]) == 0  # finished cells are kept


def test_a_name_may_not_have_a_point() -> None:
    cell = compose_cell(["study=square_out", "profile=paper", "scenario=hole_mass"])
    assert cell.name == "hole_mass-dit_b-n1_6m-seed0"


def test_cells_that_cannot_work_are_refused(tmp_path: Path) -> None:
    from physlaw.cell.checks import check_scale

    for words, message in (
        (["study=attributes", "scenario=colour_shape", "data.resolution=16"], "shapes need a resolution of 32 or more"),
        (["study=ring", "model.modality=numbers"], "needs model.modality=vision"),
        (["study=composition", "data.flips=true"], "needs data.flips=false"),
        (["study=velocity_gap", "data.files=x.hdf5"], "needs data.files="),
    ):
        with pytest.raises(UserError, match=message):
            check_scale(compose_cell(["profile=smoke", *words]))
