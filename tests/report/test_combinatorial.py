"""The combinatorial report: tables by hand, what is gathered from run folders, the page, and the comparison."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from combinatorial_runs import NO_WEIGHTS, SETTINGS, cell_rows, make_cell, metrics_of

from physlaw.errors import UserError
from physlaw.label.ratings import read_automatic
from physlaw.report.metrics import read_metrics
from physlaw.report.tables import Compared, Table
from physlaw.results.collect import collect
from physlaw.results.reproduce import collect_and_report, redraw
from physlaw.studies.combinatorial.report import REPORT
from physlaw.studies.combinatorial.report.folders import chosen_rows
from physlaw.studies.combinatorial.report.paired import paired_difference
from physlaw.studies.combinatorial.report.rows import counterparts, main_model, ranked_models
from physlaw.studies.combinatorial.report.tables import (
    ambiguity_table,
    cause_table,
    detector_table,
    headline,
    object_table,
    protocols,
    value_table,
)

OUT, IN = "out_of_template", "in_template"


def shown(table: Table, *names: str) -> dict[str, str]:
    """The row that begins with these names, by column."""
    header, rows = table
    (row,) = [row for row in rows if tuple(row[: len(names)]) == names]
    return dict(zip(header, row, strict=True))


@pytest.fixture
def metrics() -> pd.DataFrame:
    """Two seeds on 6 templates, one of two on 30, none yet on 60; the small model on 60."""
    return metrics_of(
        {
            ("large", "6", 0): cell_rows({(IN, "ssim"): 0.9, (OUT, "ssim"): 0.8}),
            ("large", "6", 1): cell_rows({(IN, "ssim"): 0.92, (OUT, "ssim"): 0.8}),
            ("large", "30", 0): cell_rows({(OUT, "lpips"): 0.1234}),
            ("large", "30", 1): None,
            ("large", "60", 0): None,
            ("small", "60", 0): cell_rows(),
        }
    )


def test_the_table_is_laid_out_as_the_papers(metrics: pd.DataFrame) -> None:
    table = headline(metrics)
    two = shown(table, "ours", "large", "6")
    assert two["SSIM in / out"] == "0.910 ± 0.014 (2) / 0.800 ± 0.000 (2)"
    assert two["PSNR in / out"] == "27.0 ± 0.0 (2) / 27.0 ± 0.0 (2)"
    assert two["FVD in / out"] == "n/a / n/a"  # finished, but no weights: never 0
    assert shown(table, "ours", "large", "30")["LPIPS in / out"] == "n/a / 0.123 (1 of 2)"
    assert set(list(shown(table, "ours", "large", "60").values())[3:]) == {"— / —"}
    assert shown(table, "ours", "small", "60")["abnormal in / out"] == "0.20 / 0.20"


def test_the_papers_rows_stand_beside_the_model_of_the_same_role(metrics: pd.DataFrame) -> None:
    table = headline(metrics)
    assert [row[1:3] for row in table[1] if row[0] == "the paper's"] == [
        *(["DiT-XL, beside large", size] for size in ("6", "30", "60")),
        ["DiT-B, beside small", "60"],
    ]
    published = shown(table, "the paper's", "DiT-B, beside small")
    assert published["FVD in / out"] == "18.4 / 21.4"
    assert published["abnormal in / out"] == "0.03 / 0.24"
    assert published["Fréchet, latents in / out"] == "n/a"
    assert "the paper's" not in {row[0] for row in object_table(metrics)[1]}


def test_the_tokenizers_floor_is_of_one_cell_per_training_set(metrics: pd.DataFrame) -> None:
    rows = [row for row in headline(metrics)[1] if row[0] == "tokenizer alone"]
    assert [row[2] for row in rows] == ["6", "30", "60"]  # of 60 from the small model's cell
    assert {row[5] for row in rows} == {"1.000 / 1.000"}
    assert shown(object_table(metrics), "tokenizer alone", "", "6")["position error (px) in / out"] == "0.3 / 0.3"


def test_roles_follow_parameters_or_what_is_planned(metrics: pd.DataFrame) -> None:
    assert ranked_models(metrics) == ["large", "small"]
    assert counterparts(metrics) == {"large": "dit_xl", "small": "dit_b"}
    unknown = metrics.copy()
    unknown.loc[unknown["model"] == "large", "parameters"] = np.nan
    assert ranked_models(unknown) == ["large", "small"]
    assert main_model(metrics) == "large"
    assert main_model(metrics[metrics["size"] != "30"]) is None
    assert counterparts(metrics[metrics["model"] == "small"]) == {"small": "dit_xl"}


def test_every_value_has_its_interval_number_and_protocol(metrics: pd.DataFrame) -> None:
    table = value_table(metrics, SETTINGS)
    value = shown(table, "large", "6", "0", "out", "generated", "SSIM")
    assert (value["value [95 %]"], value["clips"]) == ("0.800 [0.790, 0.810]", "40")
    first, number = next(iter(protocols(metrics, SETTINGS).items()))
    assert number == value["protocol"] == "1"
    assert first.startswith("11 x 11 Gaussian window")
    assert first.endswith("; 4 frames of 8 x 8, from arrays")
    abnormal = shown(table, "large", "6", "0", "out", "generated", "abnormal")
    assert "of 200 simulated" in list(protocols(metrics, SETTINGS))[int(abnormal["protocol"]) - 1]
    absent = shown(table, "small", "60", "0", "in", "generated", "FVD")
    assert (absent["value [95 %]"], absent["clips"], absent["note"]) == ("n/a", "n/a", NO_WEIGHTS)
    assert set(list(shown(table, "large", "30", "1").values())[3:]) == {"—"}


def test_causes_detector_and_ambiguity(metrics: pd.DataFrame) -> None:
    causes = shown(cause_table(metrics), "large", "6", "0", "in", "generated")
    assert [causes[name] for name in ("clips", "abnormal", "vanished", "deformed", "split")] == [
        "40",
        "8",
        "4",
        "8",
        "n/a",
    ]
    rows = detector_table(metrics)[1]
    assert rows[0][:4] == ["false positives", "0.030 [0.010, 0.050]", "200", "all"]
    small = (metrics["kind"] == "detector") & (metrics["model"] == "small")
    metrics.loc[small, "reconstruction_abnormal"] = 0.5
    assert len(detector_table(metrics)[1]) == 4
    accuracy = shown(ambiguity_table(metrics), "large", "6", "0", "all", "generated")
    assert accuracy["0.25 to 0.5 px"] == "0.60 [0.50, 0.70] (10)"
    assert accuracy["from 4 px"] == "0.90 [0.80, 1.00] (10)"
    assert accuracy["from 1 px"] == "0.90 [0.80, 1.00] (50)"
    assert accuracy["below 1 px they are"] == "right 6, wrong 2, elsewhere 1, missing 1"


def test_clips_are_gathered_with_the_worst_and_the_median_of_every_template(tmp_path: Path) -> None:
    out = tmp_path / "out"
    REPORT.gather([make_cell(tmp_path / "runs", "6", clips=12, templates=4)], out)
    clips = pd.read_csv(out / "clips.csv")
    assert len(clips) == 24
    assert list(clips.columns[:6]) == ["cell", "set", "template", "scene", "trial", "number"]
    with np.load(out / "clips" / "combinatorial-dit_xs-n6-seed0.in_template.npz") as archive:
        # Template 10000 has clips 0, 4, 8 with rising SSIM; their pixels are their index.
        assert archive["template"].tolist() == [10000, 10000, 10001, 10001, 10002, 10002, 10003, 10003]
        assert archive["rank"].tolist() == ["worst", "median"] * 4
        assert archive["scene"].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
        assert archive["number"].tolist() == [0, 8, 2, 10, 4, 12, 6, 14]
        assert archive["truth"][:, 0, 0, 0, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
        assert archive["generated"].shape == (8, 4, 8, 8, 3)
        assert archive["generated"][1].max() == 104
    frames = pd.read_csv(out / "frames.csv")
    first = frames[(frames["set"] == OUT) & (frames["frame"] == 0)].iloc[0]
    assert first["generated_ssim_mean"] == pytest.approx(1 - 0.1 / 12)  # one clip of twelve has 0.9
    assert first["generated_ssim_sd"] == pytest.approx(0.1 / 12**0.5)
    assert "generated_lpips_mean" not in frames
    verdicts = read_automatic(out / "automatic.csv")
    assert len(verdicts) == 24
    assert verdicts["combinatorial-dit_xs-n6-seed0/in_template/6"]  # the fourth clip: number 6
    assert not verdicts["combinatorial-dit_xs-n6-seed0/in_template/2"]
    assert list(pd.read_csv(out / "ambiguity.csv").columns[:3]) == ["cell", "family", "number"]


def test_of_many_templates_ten_are_shown_evenly_spread() -> None:
    table = pd.DataFrame({"template": np.arange(25), "generated_ssim": 0.5})
    assert [row for row, _ in chosen_rows(table)] == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]  # each has one clip
    assert {rank for _, rank in chosen_rows(table)} == {"worst"}
    even = pd.DataFrame({"template": 1, "generated_ssim": [0.4, 0.1, 0.3, 0.2]})
    assert chosen_rows(even) == [(1, "worst"), (2, "median")]


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    cell = make_cell(tmp_path / "runs", "6")
    folder = cell.folder / "eval"
    (folder / IN / "000005.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"000005.npz: not a readable npz file with numbers .*; remove it and run"):
        REPORT.gather([cell], tmp_path / "out")
    (folder / IN / "000005.npz").unlink()
    with pytest.raises(UserError, match=r"000010.npz holds other clips"):
        REPORT.gather([cell], tmp_path / "out")
    (folder / IN / "000010.npz").unlink()
    with pytest.raises(UserError, match=r"in_template holds 5 clips, .* 12"):
        REPORT.gather([cell], tmp_path / "out")
    (folder / f"{IN}.csv").unlink()
    with pytest.raises(UserError, match=r"in_template.csv is missing; run the cell again"):
        REPORT.gather([cell], tmp_path / "out")


def test_run_folders_become_a_page_that_redraws_from_its_folder(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out"
    cells = [make_cell(runs, size, clips=24, templates=12) for size in ("6", "30")]
    cells += [make_cell(runs, "60", finished=False), make_cell(runs, "60", model="dit_xxs")]
    page = collect_and_report(cells, out)
    html = page.read_text()
    for words in (
        *("Verdicts", "Quality in and out of template", "Why clips are abnormal", "Ambiguous scenes", "Clip by clip"),
        *("not finished: dit_xs, 60 templates", "10 of 12 templates, evenly spread", f"No value: LPIPS: {NO_WEIGHTS}"),
        *(
            "DiT-XL, beside dit_xs",
            "template 10000, worst: SSIM 0.500; abnormal (vanished, deformed)",
            "found: object gone",
        ),
    ):
        assert words in html, words
    assert html.count("data:image/svg+xml") == 4
    assert html.count("data:image/png") == 2 * (2 * 20 + 8)  # sets; two clips of ten templates, or of four
    assert 'class="not-run"' in html
    assert "nan" not in re.sub(r"base64,[^\"]*", "", html)
    names = ("table.md", "table.tex", "report.html", "verdicts.csv", "figures/measures.svg", "figures/ambiguity.svg")
    before = {name: (out / name).read_bytes() for name in names}
    for name in names:
        (out / name).unlink()
    redraw(out)
    assert {name: (out / name).read_bytes() for name in names} == before
    metrics = read_metrics(out)
    assert list(metrics[metrics["kind"] == "missing"]["cell"]) == ["combinatorial-dit_xs-n60-seed0"]
    assert r"the paper's & DiT-XL, beside dit\_xs & 6 & 18.2 / 22.1" in before["table.tex"].decode()


def test_protocols_need_the_cells_settings(tmp_path: Path) -> None:
    out = tmp_path / "out"
    collect_and_report([make_cell(tmp_path / "runs", "6")], out)
    (out / "provenance.json").write_text("{}")
    with pytest.raises(UserError, match="has not what tables, figures and page need"):
        redraw(out)
    (out / "provenance.json").unlink()
    with pytest.raises(UserError, match=r"provenance\.json is missing; collect it again"):
        redraw(out)


def test_a_study_needs_one_finished_cell(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the 1 cells has finished"):
        collect([make_cell(tmp_path, "6", finished=False)], tmp_path / "out")


def test_pairs_of_clips_are_compared_clip_by_clip() -> None:
    found = paired_difference(pd.Series([1.0, 5.0, np.nan]), pd.Series([2.0, 8.0, 9.0]))
    assert found is not None
    assert found.value == 2  # of 1 and 3: standard deviation sqrt(2), standard error 1
    assert (found.low, found.high) == pytest.approx((2 - 1.96, 2 + 1.96), abs=1e-4)
    assert paired_difference(pd.Series([1.0]), pd.Series([2.0])) is None


def compare(here: pd.DataFrame, there: pd.DataFrame, tolerance: float) -> list[Compared]:
    return REPORT.compare(here, there, tolerance)


def test_the_comparison_agrees_within_its_tolerances_and_differs_beyond(metrics: pd.DataFrame) -> None:
    assert all(one.agree for one in compare(metrics, metrics, 0.1))
    there = metrics.copy()
    first = there["cell"] == "combinatorial-small-n60-seed0"

    def put(value: float, group: str, column: str) -> None:
        chosen = first & (there["group"] == group)
        assert chosen.any()
        there.loc[chosen, column] = value

    put(30.1, IN, "generated_psnr")  # here 27: beyond 10 %
    put(26.0, OUT, "generated_psnr")
    put(0.05, IN, "generated_abnormal")  # here 0.2: beyond 0.1 of 0.1
    put(0.025, IN, "reconstruction_abnormal")  # here 0.02: within 0.01
    put(0.09, "false positives", "reconstruction_abnormal")  # here 0.03: beyond 0.05
    put(0.93, "found: object gone", "reconstruction_abnormal")
    put(0.3, "all 0 to 1 px", "generated_accuracy")
    put(0.0, "all 0.5 to 1 px", "generated_accuracy")  # of few clips: not compared
    put(0.0, IN, "generated_vanished")  # nor these
    differ = {one.name for one in compare(metrics, there, 0.1) if not one.agree}
    assert differ == {
        "in_template generated_psnr",
        "in_template generated_abnormal",
        "false positives reconstruction_abnormal",
        "all 0 to 1 px generated_accuracy",
    }
    assert all(one.agree for one in compare(metrics, there, 2.0) if "false" not in one.name)


def test_what_one_side_could_not_measure_is_not_compared(metrics: pd.DataFrame) -> None:
    there = metrics.copy()
    there.loc[there["group"] == IN, "generated_ssim"] = np.nan
    assert not any("fvd" in one.name for one in compare(metrics, there, 0.1))  # without weights on both sides
    ours = [one for one in compare(metrics, there, 0.1) if one.name == "in_template generated_ssim"]
    assert ours
    assert not any(one.agree for one in ours)  # a value got lost, and no note says why
