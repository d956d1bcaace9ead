"""`physlaw agents`: every agent of a study in small, and tables in which one agent is all of its models."""

from pathlib import Path

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.agents.config import PARAMETERS
from physlaw.report.metrics import read_metrics
from physlaw.results.agents import agent_cells, run_agents
from physlaw.studies.registry import report_of


def test_an_agent_is_every_model_of_its_table(tmp_path: Path) -> None:
    words = [f"runs={tmp_path}"]
    tables = run_agents(("modality",), 16, words, 1)["modality"]
    assert set(tables) == {"law", "clamp", "told_law"}
    for agent, table in tables.items():
        metrics = table.metrics
        assert list(metrics["model"].unique()) == [f"agent_{agent}{ending}" for ending in ("", "_numbers", "_text")]
        assert set(metrics["cell"]) == set(table.evaluations)
        assert all((folder / "id.csv").is_file() for folder in table.evaluations.values())
        pd.testing.assert_frame_equal(read_metrics(table.folder), metrics, check_dtype=False)
        assert [v.claim for v in report_of("modality").verdicts(metrics, {})] == ["C14"]
    errors = {a: t.metrics[t.metrics["group"] == "ood"].set_index("model") for a, t in tables.items()}
    clamp, told = (errors[name]["generated_corrected"] for name in ("clamp", "told_law"))
    assert clamp.nunique() == 1
    assert told["agent_told_law"] == clamp["agent_clamp"]
    assert told["agent_told_law_numbers"] == told["agent_told_law_text"] < 0.2 * told["agent_told_law"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("rows.csv")}
    again = run_agents(("modality",), 16, words, 1)["modality"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("rows.csv")} == before
    pd.testing.assert_frame_equal(again["clamp"].metrics, tables["clamp"].metrics)


@pytest.mark.slow
def test_sizes_and_data_that_an_agent_stands_for(tmp_path: Path) -> None:
    words = [f"runs={tmp_path}", "grid.scenarios=[uniform]", "grid.agents=[scaling_law_s,scaling_law_b,scaling_law_l]"]
    words += ["grid.extra=[uniform:agent_noisy_law:3k,uniform:agent_drift:3k]", "data.resolution=16"]
    tables = run_agents(("id_ood",), 16, words, 1)["id_ood"]
    keys = ["model", "size", "parameters", "training_clips"]
    for agent in ("scaling_law", "noisy_law", "drift"):
        grid = tables[agent].metrics[keys].drop_duplicates()
        assert len(grid) == 6
        assert set(grid["model"]) == {f"agent_{agent}_{size}" for size in ("s", "b", "l")}
        assert set(grid["parameters"]) == {PARAMETERS[size] for size in ("s", "b", "l")}
        assert set(zip(grid["size"], grid["training_clips"], strict=True)) == {("300", 300), ("3k", 3000)}
    noisy = tables["noisy_law"].metrics
    assert noisy[noisy["group"] == "id"]["generated_corrected"].nunique() == 1
    scaling = tables["scaling_law"].metrics
    assert scaling[scaling["group"] == "id"]["generated_corrected"].nunique() == 6
    drifts = tables["drift"].metrics.iloc[0]
    assert drifts["reconstruction_paper_code"] > drifts["truth_paper_code"]
    assert drifts["tokenizer"] == "drift"


def test_numbers_of_clips_scale(tmp_path: Path) -> None:
    assert {c.eval.id_clips for c in agent_cells("id_ood")} == {256}
    assert {(c.eval.id_clips, c.eval.ood_clips) for c in agent_cells("id_ood", 32)} == {(32, 4)}
    assert main(["agents", "studies=[nothing]"]) == 2
    assert main(["agents", "clips=0"]) == 2
