"""Tables of before schema 3: the same digits in the columns of now, or refused by name."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from combinatorial_runs import make_cell

from physlaw.errors import UserError
from physlaw.profiles import REPOSITORY
from physlaw.report.metrics import read_metrics
from physlaw.report.old_tables import current
from physlaw.results.collect import collect
from physlaw.schema import SCHEMA
from physlaw.studies.combinatorial.measures import RETRIEVED
from physlaw.studies.combinatorial.score import METRICS

# What the nearest training video scores was not measured before.
COLUMNS = [name for one in METRICS for name in one.columns if not name.startswith(f"{RETRIEVED}_")]
HEADER = "kind,group,source,measure,value,low,high,clips,protocol,note"
SETS = ("in_template", "out_of_template")
SOURCES = ("generated", "reconstruction")
CAUSES = ("vanished", "appeared", "split", "deformed", "teleported", "static_moved", "energy_gain", "penetration")
MEANS = ("ssim", "psnr", "abnormal", *CAUSES, "position_error", "matched")


def old_rows() -> str:
    """rows.csv of a cell as versions before schema 3 wrote it."""
    lines = [HEADER, 'detector,truth,reconstruction,false positives,0.0080,0.0030,0.020,500,"of clips, unseen",']
    lines.append("detector,truth,reconstruction,found: bar broken,0.97,0.94,0.98,246,p,")
    for group in SETS:
        for source in SOURCES:
            lines += [f"set,{group},{source},{name},0.{k}10,0.{k}00,0.{k}20,12,p," for k, name in enumerate(MEANS, 1)]
            lines += [f"set,{group},{source},angle_error,0.30,0.20,0.40,11,p,"]
            lines += [f"set,{group},{source},frechet_latent,0.50,0.40,0.60,12,p,biased: 12 clips for 96 dimensions"]
            lines += [f"set,{group},{source},{name},,,,,p,no weights given" for name in ("lpips", "fvd")]
    for source in SOURCES:
        name = f"ambiguity,gap_ball,{source},accuracy 0 to 0.25 px"
        lines.append(f'{name},0.60,0.50,0.70,10,p,"right 6, wrong 2, elsewhere 1, missing 1"')
    return "\n".join(lines) + "\n"


def test_a_row_per_measure_becomes_a_row_per_group_of_clips() -> None:
    rows = {row["group"]: row for row in csv.DictReader(io.StringIO(current(old_rows())))}
    assert list(rows) == ["false positives", "found: bar broken", *SETS, "gap_ball 0 to 0.25 px"]
    called = rows["false positives"]
    assert [called[f"reconstruction_abnormal{end}"] for end in ("", "_low", "_high")] == ["0.0080", "0.0030", "0.020"]
    assert (called["kind"], called["clips"]) == ("detector", "500")
    known = rows["in_template"]
    assert [known[f"generated_ssim{end}"] for end in ("", "_low", "_high")] == ["0.110", "0.100", "0.120"]
    assert (known["clips"], known["generated_angle_error_clips"], known["generated_vanished"]) == ("12", "11", "0.410")
    assert known["generated_fvd"] == ""
    assert known["notes"] == (
        "frechet_latent: biased: 12 clips for 96 dimensions; lpips: no weights given; fvd: no weights given"
    )
    right = rows["gap_ball 0 to 0.25 px"]
    assert [right[f"generated_{name}"] for name in ("accuracy", "right", "missing")] == ["0.60", "6", "1"]


def test_its_columns_are_those_of_now_and_a_table_of_now_stays() -> None:
    text = current(old_rows())
    columns = {"kind", "group", "clips", "notes", *COLUMNS}
    assert set(text.splitlines()[0].split(",")) == columns
    assert current(text) == text


def test_shares_have_their_intervals_in_columns_of_their_name() -> None:
    assert current("group,keeps_both_share,keeps_both_low\nid,1,0\n") == (
        "group,keeps_both_share,keeps_both_share_low\nid,1,0\n"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [((",note", ",notes"), "without column note"), (("detector,", "oracle,"), "unknown kind 'oracle'")],
)
def test_one_that_is_not_whole_is_refused_by_name(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(old_rows().replace(*change))
    with pytest.raises(UserError, match=rf"metrics.csv: not a readable metrics.csv \(.*{message}.*collect it again"):
        read_metrics(tmp_path)
    cell = make_cell(tmp_path / "runs", "6")
    (cell.folder / "rows.csv").write_text(path.read_text())
    with pytest.raises(UserError, match=rf"rows.csv: not the rows of a cell \(.*{message}.*run the cell again"):
        collect([cell], tmp_path / "out")


def test_old_run_folders_are_collected_beside_new_ones(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path / "runs", size) for size in ("6", "30")]
    every = pd.DataFrame(columns=["kind", "group", "clips", *COLUMNS, "notes"])
    new = pd.concat([every, pd.read_csv(cells[1].folder / "rows.csv")])[every.columns]
    new.to_csv(cells[1].folder / "rows.csv", index=False)
    (cells[0].folder / "rows.csv").write_text(old_rows())
    for order in (cells, cells[::-1]):
        metrics, _ = collect(order, tmp_path / "out")
        assert set(metrics["schema"]) == {SCHEMA}
        known = metrics[metrics["group"] == "out_of_template"].set_index("size")
        assert known.loc["6", "generated_ssim"] == 0.11
        assert known.loc["30", "generated_ssim"] == 0.95
    (cells[0].folder / "rows.csv").write_text("kind,group\nset,in_template\n")
    with pytest.raises(UserError, match=r"n6-seed0/rows.csv has other columns than .*, it lacks clips; remove it"):
        collect(cells, tmp_path / "out")


def test_cells_whose_shares_had_no_interval_stay_usable(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path / "runs", size) for size in ("6", "30")]
    path = cells[0].folder / "rows.csv"
    table = pd.read_csv(path)
    table.drop(columns=["generated_ssim_low", "generated_ssim_high"]).to_csv(path, index=False)
    metrics, _ = collect(cells, tmp_path / "out")
    known = metrics[metrics["group"] == "in_template"].set_index("size")
    assert list(known["generated_ssim"]) == [0.95, 0.95]
    assert list(known["generated_ssim_low"].isna()) == [True, False]


def test_committed_results_are_of_now(tmp_path: Path) -> None:
    """So that nobody meets an old one in the repository."""
    for path in REPOSITORY.glob("results/*/*/metrics.csv"):
        assert "measure" not in path.read_text().split("\n", 1)[0].split(",")
    shutil.copy(REPOSITORY / "results/combinatorial/smoke/metrics.csv", tmp_path)
    assert set(read_metrics(tmp_path)["kind"]) == {"set", "detector", "ambiguity", "missing"}
