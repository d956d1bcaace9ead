"""A cell with a reference agent is like any other, but for training."""

from pathlib import Path

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.agents.config import base_name, parameters_of, suffix_of
from physlaw.cell.agent import agent_digest
from physlaw.cell.run import run_cell
from physlaw.cell.trained import train_cell
from physlaw.compose import compose_cell
from physlaw.errors import UserError
from physlaw.files import read_json
from physlaw.launch.cells import study_cells
from physlaw.launch.estimate import training_flops
from physlaw.launch.plan import is_finished
from physlaw.results.collect import collect
from physlaw.studies import NAMES
from physlaw.studies.registry import agents_of, part

SNAPPER = ["study=velocity_gap", "scenario=gap_125_375", "model=agent_snapper", "size=300"]


def test_names_tell_the_agent_the_size_and_the_modality() -> None:
    assert [
        base_name(n) for n in ("scaling_law_s", "scaling_law", "told_law_text", "fade_unequal_xl", "fade_less")
    ] == [*("scaling_law", "scaling_law", "told_law", "fade_unequal", "fade_less")]
    assert [suffix_of(name) for name in ("scaling_law_s", "noisy_law")] == ["s", ""]
    assert parameters_of("scaling_law_l") == pytest.approx(310e6, rel=0.01)
    assert parameters_of("law") == 0


@pytest.mark.parametrize("study", NAMES)
def test_every_agent_has_a_maker_and_every_claim_its_agents(study: str) -> None:
    words, makers = part(study, "study"), part(study, "agents").MAKERS
    assert {base_name(name) for name in words.AGENTS} == set(makers)
    assert len(set(words.AGENTS)) == len(words.AGENTS)
    for claim in words.CLAIMS.values():
        assert claim.must_fail
        assert claim.must_pass
        needed = {*claim.must_fail, *claim.must_pass}
        for other in (study, *claim.also):
            assert needed <= {base_name(name) for name in agents_of(other)}, other
    assert "law" in words.AGENTS  # it must pass every gate


def test_an_agent_is_chosen_like_a_model() -> None:
    cell = compose_cell(SNAPPER)
    assert cell.name == "gap_125_375-agent_snapper-n300-seed0"
    assert cell.model.agent == "snapper"
    assert cell.tokenizer.kind == "pixels"
    assert compose_cell(["profile=paper", "model=agent_law", "tokenizer=vae"]).tokenizer.kind == "pixels"
    told = compose_cell(["study=modality", "model=agent_told_law_text"])
    assert (told.model.name, told.model.modality, told.model.row) == (
        *("agent_told_law", "text"),
        "agent_told_law_text",
    )
    assert compose_cell(["model=agent_drift"]).data.resolution == 128
    assert compose_cell(["model=agent_drift", "data.resolution=32"]).data.resolution == 32
    assert training_flops(cell) == 0
    assert compose_cell([]).model.agent == ""


def test_an_agent_that_does_not_apply_is_refused_with_those_that_do() -> None:
    for words in (
        [*SNAPPER[:2], "model=agent_hull"],
        [*SNAPPER[:2], "model=agent_"],
        ["study=modality", "model=agent_clamp_text"],
        ["study=modality", "model.name=agent_snapper", "tokenizer=pixels"],
    ):
        with pytest.raises(UserError, match=r"unknown agent of study .*valid: agent_law, agent_clamp") as refused:
            compose_cell(words)
        assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="a reference agent draws pixels"):
        compose_cell(["model.name=agent_law", "tokenizer=vae"])


def test_agents_stand_beside_the_models_of_a_profile() -> None:
    words = ["study=velocity_gap"]
    plain = {cell.name: cell.digest() for cell in study_cells(words)}
    some = {cell.name: cell.digest() for cell in study_cells([*words, "grid.agents=[law,snapper]"])}
    every = {cell.name for cell in study_cells([*words, "grid.agents=[all]"])}
    assert plain.items() <= some.items()
    assert len(some) == 3 * len(plain)
    assert every >= set(some)
    assert len(every) == len(plain) * (1 + len(agents_of("velocity_gap")))
    with pytest.raises(UserError, match="unknown agent of study velocity_gap 'agent_hull'"):
        study_cells([*words, "grid.agents=[hull]"])


def test_it_runs_scores_and_collects_without_training(tmp_path: Path) -> None:
    words = [*SNAPPER, f"runs={tmp_path}", "eval.id_clips=8", "eval.ood_clips=8"]
    cell = compose_cell(words)
    assert main(["evaluate", *words]) == 0
    rows = run_cell(cell)
    before = rows.stat().st_mtime_ns
    assert {path.name for path in cell.folder.iterdir()} >= {
        *("config.json", "provenance.json", "evaluation.json", "rows.csv", "eval")
    }
    card = read_json(cell.folder / "provenance.json")
    assert (card["parameters"], card["steps"], card["training_clips"]) == (0, 0, 60)
    assert card["weights_sha256"] == agent_digest(cell)
    assert is_finished(cell)
    assert main(["run", *words]) == 0
    assert rows.stat().st_mtime_ns == before  # finished work is kept
    metrics, _ = collect([cell], tmp_path / "out")
    assert set(metrics["model"]) == {"agent_snapper"}
    assert (tmp_path / "out" / "clips.csv").is_file()
    with pytest.raises(UserError, match="there is nothing to train; use `physlaw run`"):
        train_cell(cell)
    assert main(["train", *words]) == 2
    assert main(["sweep_sampler", *words]) == 2
    assert main(["prepare", *words]) == 0


def test_other_code_of_an_agent_makes_its_cell_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = compose_cell([*SNAPPER, f"runs={tmp_path}", "eval.id_clips=4", "eval.ood_clips=4"])
    before = run_cell(cell).stat().st_mtime_ns
    monkeypatch.setattr("physlaw.cell.agent.agent_digest", lambda cell: "0" * 64)
    assert run_cell(cell).stat().st_mtime_ns > before
    assert read_json(cell.folder / "evaluation.json")["weights_sha256"] == "0" * 64


def test_attributes_of_an_agent_are_scored_without_latents(tmp_path: Path) -> None:
    words = ["study=attributes", "scenario=colour_size", "model=agent_priority", "size=300", f"runs={tmp_path}"]
    rows = pd.read_csv(run_cell(compose_cell([*words, "eval.id_clips=8", "eval.ood_clips=16"])))
    crossed = rows[rows["group"] == "crossed"].iloc[0]
    assert crossed["keeps_first_share"] == 1
    assert crossed["pixel_predicts"] >= 0
    assert pd.isna(crossed["latent_predicts"])
