"""Tables from rows worked out by hand; a missing cell shows as missing; the comparison can differ."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import check_fits_a_phone

from physlaw.compose import compose_cell
from physlaw.data.video import encode_gif, side_by_side
from physlaw.errors import UserError
from physlaw.evaluation.velocity_blocks import OF_CLIPS, summarize_blocks
from physlaw.profiles import REPOSITORY
from physlaw.report.acceptance import COLUMNS, acceptance, acceptance_rows, acceptance_text, not_run
from physlaw.report.metrics import read_metrics
from physlaw.report.tables import Compared, comparison_text, latex, markdown
from physlaw.results.collect import Finished, check_unmixed
from physlaw.results.reproduce import redraw
from physlaw.studies import NAMES
from physlaw.studies.id_ood.report import REPORT
from physlaw.studies.id_ood.report.tables import grid_table, table_rows
from physlaw.studies.registry import PARTS, part, report_of

SOURCES = ("generated", "truth", "reconstruction", "retrieved")


def row(cell: str, group: str, kind: str, level: int, error: float) -> dict[str, object]:
    values: dict[str, object] = {"cell": cell, "scenario": "uniform", "model": "m", "size": "3k", "seed": 0}
    values |= {"recipe": "fast", "group": group, "kind": kind, "level": level, "clips": 4, "nearer_to_case": 0.5}
    values |= {f"{s}_corrected": error if s == "generated" else 0.01 for s in SOURCES}
    values |= {"generated_missing": 1, "generated_corrected_low": error / 2, "generated_corrected_high": error * 2}
    return values


@pytest.fixture
def metrics() -> pd.DataFrame:
    done = [
        row("a", "id", "block", 0, 0.1),
        row("a", "ood2", "level", 2, 0.8),
        row("a", "ood", "all", -1, 0.8),
        {
            "cell": "b",
            "scenario": "uniform",
            "model": "m",
            "size": "30k",
            "seed": 0,
            "recipe": "fast",
            "kind": "missing",
        },
    ]
    return pd.DataFrame(done).fillna({"kind": "missing"})


def test_table_is_exact_and_a_missing_cell_is_a_dash_never_zero(metrics: pd.DataFrame) -> None:
    header, rows = table_rows(metrics)
    shown = dict(zip(header, rows[0], strict=True))
    assert shown["ID error [95 %]"] == "0.100 [0.050, 0.200]"
    assert shown["OOD L2"] == shown["OOD"] == "0.800"
    assert shown["ratio"] == "8.0"
    assert shown["missing"] == "2 in 8 clips"
    assert rows[1][:5] == ["uniform", "m", "30k", "0", "fast"]
    assert set(rows[1][5:]) == {"—"}
    assert markdown(["a", "b"], [["1", "22"]]) == "| a | b  |\n|---|----|\n| 1 | 22 |\n"


def test_the_grid_is_laid_out_as_the_papers_figure() -> None:
    """Scenario and model down, data size across; seeds as mean, standard deviation, number."""
    errors = [("s", "3k", 0, "id", 0.1), ("s", "3k", 1, "id", 0.3), ("s", "3k", 0, "ood", 1.0)]
    cells = [
        row(f"{model}{size}{seed}", group, "block", 0, error) | {"model": model, "size": size, "seed": seed}
        for model, size, seed, group, error in [*errors, ("xl", "30k", 0, "id", 0.05)]
    ]
    metrics = pd.DataFrame([*cells, {**cells[1], "cell": "s3k2", "seed": 2, "kind": "missing", "group": np.nan}])
    header, rows = grid_table(metrics)
    assert header == ["scenario", "model", "3k ID", "3k OOD", "30k ID", "30k OOD"]
    assert rows == [
        ["uniform", "s", "0.200 ± 0.141 (2 of 3)", "1.000 (1 of 3)", "—", "—"],
        ["uniform", "xl", "—", "—", "0.050", "—"],
    ]
    text = latex(header, rows, "Study id_ood.")
    assert r"uniform & s & 0.200 $\pm$ 0.141 (2 of 3) & 1.000 (1 of 3) & --- & --- \\" in text
    assert r"\caption{Study id\_ood.}" in text


def compare(here: pd.DataFrame, there: pd.DataFrame, tolerance: float) -> list[Compared]:
    return REPORT.compare(here, there, tolerance)


def finished(name: str, code: str = "c", data: str = "d", size: str = "30k", tokenizer: str = "t") -> Finished:
    cell = compose_cell([f"size={size}", f"seed={len(name)}"])
    card = {"code_digest": code, "data_digest": data, "tokenizer": {"digest": tokenizer}}
    return Finished(cell, card, card, "", "")


def test_cells_of_other_code_data_or_tokenizer_never_share_a_table_silently() -> None:
    assert check_unmixed([finished("a"), finished("bb"), finished("c", data="e", size="3k")], False) == ""
    with pytest.raises(
        UserError, match=r"different training code .*c \(uniform.*seed1\), new \(uniform.*seed2\).*mixed_code"
    ):
        check_unmixed([finished("a"), finished("bb", code="new")], False)
    assert "Cells of different training code" in check_unmixed([finished("a"), finished("bb", code="new")], True)
    later = [replace(finished(name), evaluated={"code_digest": "new"}) for name in ("a", "bb")]
    assert check_unmixed(later, False) == ""  # trained by one code, evaluated by another
    with pytest.raises(UserError, match="different evaluation code"):
        check_unmixed([later[0], finished("bb")], False)
    with pytest.raises(UserError, match="different data uniform 30k"):
        check_unmixed([finished("a"), finished("bb", data="e")], True)
    with pytest.raises(UserError, match="different tokenizer pixels"):
        check_unmixed([finished("a"), finished("bb", tokenizer="u")], True)


def test_comparison_agrees_within_the_tolerance_and_differs_beyond(metrics: pd.DataFrame) -> None:
    there = metrics.copy()
    assert all(c.agree for c in compare(metrics, there, 0.1))
    there.loc[0, "generated_corrected"] *= 1.2
    there.loc[2, "truth_corrected"] += 0.01
    found = {c.name: c.agree for c in compare(metrics, there, 0.1)}
    assert not found["id generated_corrected"]
    assert not found["ood truth_corrected"]
    assert found["ood2 generated_corrected"]
    assert all(c.agree for c in compare(metrics, there, 0.3) if c.name == "id generated_corrected")
    assert "DIFFER" in comparison_text(compare(metrics, there, 0.1))


def test_a_trained_tokenizer_is_compared_as_a_model_is(metrics: pd.DataFrame) -> None:
    exact, trained = metrics.copy(), metrics.copy()
    exact["reconstruction_corrected"] = exact["truth_corrected"]
    trained["reconstruction_corrected"] = exact["truth_corrected"] + 1
    for there, agree in ((exact, False), (trained, True)):
        moved = there.copy()
        moved["reconstruction_corrected"] *= 1.05
        moved["reconstruction_corrected"] += 0.002
        found = {c.agree for c in compare(moved, there, 0.1) if c.name.endswith("reconstruction_corrected")}
        assert found == {agree}


def test_groups_are_averaged_over_clips() -> None:
    clips = pd.DataFrame({"block": ["id", "id", "x", "y"], "level": [0, 0, 1, 2], "nearer_to_case": [0, 1, 1, np.nan]})
    clips["release_class"] = ["in", "in", "dropped", "r_out"]
    for source in SOURCES:
        for error in ("paper_code", "paper_text", "corrected", "corrected_frame", "missing"):
            clips[f"{source}_{error}"] = [1.0, 3.0, 5.0, np.nan]
    others = [metric.column for metric in OF_CLIPS]
    clips[[*others, "follow_moved", "follow_asked"]] = 1.0
    clips["radius_px"], clips["kind"] = 2.0, ["", "", "fast", "small"]
    summary = summarize_blocks(clips).set_index("group")
    assert summary.loc["id", "generated_corrected"] == 2
    assert summary.loc["ood", "generated_corrected"] == 5
    assert summary.loc["ood", "measured"] == 1
    assert summary.loc["ood", "clips"] == 2
    assert np.isnan(summary.loc["ood1", "generated_paper_code"])  # the release leaves this clip out
    assert summary.loc["id", "generated_missing"] == 4
    assert list(summary.index) == ["id", "x", "y", "ood1", "ood2", "ood", "fast", "small"]
    tiny = summarize_blocks(clips.assign(radius_px=[2, 2, 0.9, 2])).set_index("group")
    assert list(tiny.index) == ["id", "x", "y", "tiny", "ood2", "ood", "small"]
    assert tiny.loc["ood", "clips"] == tiny.loc["tiny", "clips"] == 1
    papers = clips.replace({"block": {"id": "paper_id"}})
    assert summarize_blocks(papers)["group"].tolist() == list(summary.index)  # one name in every evaluation set


def test_clips_become_animations() -> None:
    clip = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), dtype=np.uint8)
    frames = side_by_side([clip, clip, clip], 96)
    assert frames.shape == (4, 96, 3 * 96 + 8, 3)
    assert encode_gif(frames).startswith(b"GIF89a")


def measured_file(folder: Path, digest: str = "t") -> None:
    """A tokenizer.csv with one scenario measured and one not."""
    numbers = {"side": 128, "clips": 40, "judged": 38, "truth_missing": 0, "reconstruction_missing": 7}
    numbers |= {f"{s}_{e}": 0.01 for s in ("truth", "reconstruction") for e in ("paper_text", "corrected")}
    numbers |= {"truth_paper_code": 0.0099, "reconstruction_paper_code": 0.0112}
    numbers |= {"difference": 0.0013, "difference_low": 0.0009, "difference_high": 0.0017}
    words = {"tokenizer": "vae", "verdict": "inconclusive", "source": "measured", "tokenizer_digest": digest}
    done = [not_run("uniform", group) | numbers | words for group in ("id", "ood")]
    rows = [*done, *(not_run("collision", group) for group in ("id", "ood"))]
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(folder / "tokenizer.csv", index=False)


@pytest.fixture
def two_scenarios(metrics: pd.DataFrame) -> pd.DataFrame:
    """The uniform cell has finished, the collision cell has not."""
    metrics.loc[3, "scenario"] = "collision"
    metrics["tokenizer_digest"] = ["t"] * 3 + [np.nan]
    return metrics


def test_the_tokenizers_table_takes_the_measured_rows(two_scenarios: pd.DataFrame, tmp_path: Path) -> None:
    measured_file(tmp_path)
    table = acceptance(tmp_path, two_scenarios)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["verdict"]) == ["inconclusive"] * 2 + ["not run"] * 2
    header, rows = acceptance_rows(table)
    shown = dict(zip(header, rows[0], strict=True))
    assert shown["clips"] == "40 (38 as released)"
    assert (shown["GT"], shown["reconstruction"]) == ("0.0099", "0.0112")
    assert shown["difference [95 %]"] == "0.0013 [0.0009, 0.0017]"
    assert shown["paper: GT / reconstruction"] == "0.0099 / 0.0105"
    assert shown["missing GT / rec."] == "0 / 7"
    assert rows[1][header.index("paper: GT / reconstruction")] == "—"
    assert rows[2][0] == "collision"
    assert set(rows[3][2:]) == {"—", "— / —", "not run"}
    assert acceptance_text(table).count("| not run ") == 4
    only_here = acceptance(tmp_path, two_scenarios[two_scenarios["scenario"] == "collision"])
    assert list(only_here["verdict"]) == ["not run"] * 2 + ["inconclusive"] * 2


def test_without_a_measurement_the_cells_own_means_stand_in(two_scenarios: pd.DataFrame, tmp_path: Path) -> None:
    two_scenarios["truth_paper_code"] = [0.010, 0.5, 0.02, np.nan]
    two_scenarios["reconstruction_paper_code"] = [0.011, 0.5, 0.03, np.nan]
    expected = ["accepted (means alone)", "not accepted (means alone)", "not run", "not run"]
    table = acceptance(tmp_path, two_scenarios)
    assert list(table["verdict"]) == expected
    assert list(table["source"]) == ["from cells"] * 2 + ["not run"] * 2
    assert table.loc[1, "difference"] == pytest.approx(0.01)
    assert np.isnan(table["difference_low"].astype(float)).all()
    header, rows = acceptance_rows(table)
    assert rows[0][header.index("difference [95 %]")] == "0.0010"
    measured_file(tmp_path, digest="another")  # the cells have a tokenizer that this file knows nothing of
    assert list(acceptance(tmp_path, two_scenarios)["verdict"]) == expected
    in_papers_set = two_scenarios.replace({"group": {"id": "paper_id"}})
    assert list(acceptance(tmp_path, in_papers_set)["verdict"]) == expected


def test_a_file_that_is_no_measurement_is_refused(two_scenarios: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.csv").write_text("scenario,group\nuniform,id\n")
    with pytest.raises(UserError, match="has no column tokenizer, side"):
        acceptance(tmp_path, two_scenarios)


def test_the_page_and_the_table_end_with_the_measured_tokenizer(tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "results"
    shutil.copytree(REPOSITORY / "results/id_ood/smoke", copy)
    metrics = read_metrics(copy)
    measured_file(copy, metrics["tokenizer_digest"].iloc[0])
    page = redraw(copy).read_text()
    for text in (page, (copy / "table.md").read_text()):
        assert "0.0013 [0.0009, 0.0017]" in text
        assert "from cells" in text
        assert "Table 3" in text
    metrics = metrics[(metrics["scenario"] != "parabola") | (metrics["group"] == "id")]
    metrics.loc[metrics["scenario"] == "parabola", "kind"] = "missing"
    REPORT.write(copy, metrics, "")
    assert (copy / "table.md").read_text().count("| not run ") == 4  # verdict and source, ID and OOD


COMMITTED = sorted(path.parent for path in (REPOSITORY / "results").glob("*/*/metrics.csv"))


@pytest.mark.slow
@pytest.mark.parametrize("folder", COMMITTED, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_committed_results_redraw_from_their_folder_alone(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "results"
    shutil.copytree(folder, copy)
    for name in ("table.md", "table.tex", "report.html"):
        (copy / name).unlink()
    page = redraw(copy)
    for name in ("table.md", "table.tex"):
        assert (copy / name).read_bytes() == (folder / name).read_bytes()
    assert page.read_text().count("<img") >= 3
    check_fits_a_phone(page.read_text())


def test_every_study_has_a_report_and_no_other_name_does() -> None:
    for study in NAMES:
        assert all(callable(getattr(report_of(study), name)) for name in ("gather", "write", "compare", "verdicts"))
        assert all(part(study, name) for name in PARTS)
    with pytest.raises(UserError, match=r"unknown study 'id'; valid: id_ood, combinatorial, velocity_gap"):
        report_of("id")


def test_results_are_committed_for_smoke_with_their_origin() -> None:
    metrics = read_metrics(REPOSITORY / "results/id_ood/smoke")
    assert set(metrics["scenario"]) == {"uniform", "parabola", "collision"}
    for column in ("commit", "config_digest", "data_digest", "seed", "processor", "train_seconds"):
        assert metrics[column].notna().all()
