"""Arms of one network: other objectives, other pictures, other positions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from physlaw.__main__ import main
from physlaw.diffusion.config import DiffusionConfig
from physlaw.diffusion.objective import Objective
from physlaw.diffusion.sampler import sample
from physlaw.errors import UserError
from physlaw.evaluation.velocity import velocity_errors
from physlaw.launch.cells import study_cells
from physlaw.launch.estimate import tokens_per_clip
from physlaw.models.config import ModelConfig, TokenizerConfig
from physlaw.models.dit import DiT
from physlaw.models.tokenizers import build_tokenizer, encode_condition, to_frames, to_unit
from physlaw.render.discs import render_clips
from physlaw.studies.carrier import study
from physlaw.worlds.scenarios import UNIFORM
from physlaw.worlds.scenes import eval_scenes


def test_arms_differ_from_the_plain_one_in_what_they_are_named_for() -> None:
    cells = {cell.scenario: cell for cell in study_cells(["study=carrier", "profile=mini", "seed=0"])}
    assert set(cells) == set(study.NAMES)
    plain = cells[study.BASE].resolved()
    changed = {
        name: {
            f"{part}.{key}"
            for part in ("data", "model", "tokenizer", "diffusion", "train", "eval")
            for key, value in cell.resolved()[part].items()
            if value != plain[part][key]
        }
        for name, cell in cells.items()
    }
    assert changed == {
        "uniform": set(),
        "uniform_regression": {"diffusion.objective", "diffusion.denoise_steps"},
        "uniform_v": {f"diffusion.{key}" for key in ("objective", "times", "uniform_share", "denoise_steps")},
        "uniform_differences": {"tokenizer.name", "tokenizer.kind"},
        "uniform_states": {"tokenizer.name", "tokenizer.kind", "model.patch_size"},
        "uniform_added": {"model.positions"},
    }
    assert {tokens_per_clip(cell) for cell in cells.values()} == {32}


def test_regression_starts_from_nothing_and_ends_in_one_step() -> None:
    objective = Objective(DiffusionConfig(objective="regression", denoise_steps=1))
    assert objective.sample_times(3, torch.Generator()).tolist() == [1, 1, 1]
    x0, noise = torch.ones(2, 1, 4), torch.randn(2, 1, 4)
    t = torch.ones(2)
    assert not objective.add_noise(x0, noise, t).any()
    assert objective.loss(x0 + 0.5, x0, noise, t).tolist() == [0.25, 0.25]
    seen = []

    def denoiser(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x_t)
        return x0

    assert torch.equal(sample(denoiser, objective, noise, 1), x0)
    assert len(seen) == 1
    assert not seen[0].any()
    with pytest.raises(UserError, match="denoise_steps must be 1, got 10"):
        DiffusionConfig(objective="regression", denoise_steps=10)


@pytest.mark.parametrize(("kind", "limit"), [("differences", 1e-9), ("states", 0.05)])
def test_pictures_come_back_from_differences_and_states(kind: str, limit: float) -> None:
    """Speeds of reconstructed clips are those of the clips; of states within the disc's own drawing."""
    scenes, index = eval_scenes(UNIFORM, "id"), np.arange(0, 3000, 400)
    scenes = replace(scenes, num_frames=32)
    frames = render_clips(scenes.trajectory(index), 16, "area")
    tokenizer = build_tokenizer(TokenizerConfig(name=kind, kind=kind), "red", 16)
    latents = tokenizer.encode(to_unit(frames))
    assert latents.shape == ((len(index), 1, 32, 16, 16) if kind == "differences" else (len(index), 3, 32, 1, 1))
    assert latents.abs().max() <= 2.5
    init, positions = scenes.init(index), scenes.positions(index)
    true, back = (
        velocity_errors(UNIFORM, init, positions, clips) for clips in (frames, to_frames(tokenizer.decode(latents)))
    )
    assert np.nanmean(back.corrected) <= np.nanmean(true.corrected) + limit
    assert back.missing.sum() == true.missing.sum()
    condition = encode_condition(tokenizer, to_unit(frames), 3)
    assert torch.equal(condition[:, :, :3], latents[:, :, :3])
    assert torch.isfinite(condition).all()
    assert (condition[:, :, 4:] == condition[:1, :, 4:5]).all()  # nothing of what comes


def test_states_of_two_balls_are_refused() -> None:
    with pytest.raises(UserError, match="needs clips of one red ball, got red_blue"):
        build_tokenizer(TokenizerConfig(name="states", kind="states"), "red_blue", 16)


def test_added_positions_tell_frames_apart_and_nothing_else_changes() -> None:
    def model(positions: str) -> DiT:
        torch.manual_seed(0)
        made = DiT(ModelConfig("x", 1, 48, 2, (1, 16, 16), positions=positions), 1, (4, 16, 16)).eval()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        return made

    rope, added = model("rope"), model("added")
    assert {name: value.shape for name, value in rope.state_dict().items()} == {
        name: value.shape for name, value in added.state_dict().items()
    }
    same = torch.ones(1, 1, 4, 16, 16)  # every token shows the same
    with torch.no_grad():
        drawn = added(same, torch.ones(1), same, torch.zeros_like(same))
    assert not torch.allclose(drawn[:, :, 1], drawn[:, :, 2])
    assert ModelConfig().identity() == {
        key: value for key, value in vars(ModelConfig()).items() if key not in ("head_ratio", "positions")
    }
    assert "positions" in ModelConfig(positions="added").identity()


@pytest.mark.slow
def test_agents_that_cure_an_arm_are_told_from_those_that_do_not(tmp_path: Path) -> None:
    verdicts = {}
    for agent in study.AGENTS:
        words = ["study=carrier", "profile=agents", f"grid.agents=[{agent}]", "eval.id_clips=16", "eval.ood_clips=8"]
        out = tmp_path / "results" / "carrier" / "agents"
        assert main(["reproduce", *words, "workers=1", f"runs={tmp_path / 'runs'}", f"out={out}"]) == 0
        verdicts[agent] = pd.read_csv(out / "verdicts.csv").iloc[0]
    claim = study.CLAIMS["E3"]
    assert {agent for agent, one in verdicts.items() if one["verdict"] == "not supported"} == set(claim.must_fail)
    assert {agent for agent, one in verdicts.items() if one["verdict"] == "supported"} == set(claim.must_pass)
    assert verdicts["states_law"]["part"] == "state tokens minus plain"


@pytest.mark.slow
def test_every_arm_runs_to_a_table(tmp_path: Path) -> None:
    out = tmp_path / "results" / "carrier" / "smoke"
    words = ["train.steps=2", "train.batch_size=2", "train.log_every=2", "model.depth=1", "model.hidden_size=48"]
    words += ["model.num_heads=2", "eval.id_clips=4", "eval.ood_clips=2", "grid.sizes=[300]", "workers=1"]
    assert main(["reproduce", "study=carrier", *words, f"runs={tmp_path / 'runs'}", f"out={out}"]) == 0
    metrics = pd.read_csv(out / "metrics.csv")
    done = metrics[metrics["group"] == "ood"]
    assert set(done["scenario"]) == set(study.NAMES)
    assert done["ratio"].gt(0).all()
    table = (out / "table.md").read_text()
    assert all(name in table for name in study.NAMES.values())
