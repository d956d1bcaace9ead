"""Read-outs from hidden tokens, drawn speeds frame by frame, and what follows from them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.cell.model import CellModel
from physlaw.cell.tokenizer import prepare_tokenizer
from physlaw.compose import compose_cell
from physlaw.render.discs import render_clips
from physlaw.report.checks import Estimate
from physlaw.studies.probe import study
from physlaw.studies.probe.hidden import block_scenes, probed_steps
from physlaw.studies.probe.readout import explained, fit_readout
from physlaw.studies.probe.report import how
from physlaw.studies.probe.sets import SCENARIOS, probed_blocks
from physlaw.worlds.scenarios import UNIFORM

TINY = [
    "study=probe", "profile=smoke", "size=300", "train.steps=4", "train.batch_size=2", "train.log_every=2",
    "eval.id_clips=24", "eval.ood_clips=8", "eval.batch_size=16", "model.depth=2", "model.hidden_size=48",
    "model.num_heads=2", "diffusion.denoise_steps=3", "machine.compile=off",
]  # fmt: skip


def test_a_linear_read_out_finds_what_is_linear_and_goes_on_beyond_it() -> None:
    draws = np.random.default_rng(0)
    values = draws.uniform(1, 4, 200)
    directions = draws.normal(size=(2, 300))  # more features than clips
    features = np.stack([values, draws.normal(size=200)], axis=1) @ directions + 0.01 * draws.normal(size=(200, 300))
    features[:, 7] = 5.0  # says nothing
    read = fit_readout(features[:150], values[:150])
    assert explained(read(features[150:]), values[150:]) > 0.999
    beyond = np.stack([np.array([0.0, 6.0]), np.zeros(2)], axis=1) @ directions
    beyond[:, 7] = 5.0
    assert read(beyond) == pytest.approx([0.0, 6.0], abs=0.1)
    noise = draws.normal(size=(200, 300))
    assert explained(fit_readout(noise[:150], values[:150])(noise[150:]), values[150:]) < 0.2
    with pytest.raises(ValueError, match="three clips"):
        fit_readout(features[:2], values[:2])


def test_hidden_tokens_are_those_of_the_clips_that_are_drawn(tmp_path: Path) -> None:
    cell = compose_cell([*TINY, f"runs={tmp_path}"])
    model = CellModel(cell, prepare_tokenizer(cell)[0])
    evaluation = model.evaluation(lambda: pytest.fail("nobody asks for training clips"))
    scenes, index = block_scenes(UNIFORM, evaluation, "id"), np.array([0, 7, 300])
    frames = render_clips(scenes.trajectory(index), cell.data.resolution, cell.data.method)
    before = model.generate(frames, "id", index)
    assert evaluation.codec.hidden is not None
    tokens = evaluation.codec.hidden(frames, "id", index, [0, 2])
    assert tokens.shape == (3, 2, 3, cell.data.num_frames, 48)
    assert np.array_equal(tokens[1:2], evaluation.codec.hidden(frames[1:2], "id", index[1:2], [0, 2])) or np.allclose(
        tokens[1:2], evaluation.codec.hidden(frames[1:2], "id", index[1:2], [0, 2]), atol=1e-4
    )
    assert not np.allclose(tokens[:, 0, 0], tokens[:, 1, 0])  # another step, another noisy clip
    assert not np.allclose(tokens[0], tokens[1])
    assert np.array_equal(before, model.generate(frames, "id", index))  # nobody watches any more
    assert model.model.watch is None


def test_steps_and_blocks_that_are_probed() -> None:
    assert [probed_steps(count) for count in (1, 2, 10, 50)] == [[0], [0, 1], [0, 5, 9], [0, 25, 49]]
    for evaluation in ("released", "paper"):
        blocks = probed_blocks(SCENARIOS["uniform"], evaluation)
        assert blocks[0].level == 0
        for block in blocks:
            radii, speeds = block.grid.values(np.arange(len(block.grid))).T
            assert ((radii >= 0.7 - 1e-9) & (radii <= 1.4 + 1e-9)).all()
            inside = (speeds >= 1) & (speeds <= 4)
            assert inside.all() if block.level == 0 else not inside.any()


def test_how_a_speed_goes_wrong_is_said_with_intervals() -> None:
    def estimate(value: float, half: float = 0.1) -> Estimate:
        return Estimate(value, value - half, value + half, 3, 2)

    assert how(estimate(0.1), estimate(0.0)) == study.MISREAD
    assert how(estimate(0.9), estimate(0.7)) == study.DRIFTS
    assert how(estimate(0.9), estimate(0.0)) == study.NEITHER
    assert how(estimate(0.1, 0.6), estimate(0.0)) == study.NEITHER


@pytest.mark.slow
def test_agents_read_drawn_and_judged(tmp_path: Path) -> None:
    """One that knows the speed and discards it, one that drifts, one that never knew it."""
    out = tmp_path / "results" / "probe" / "agents"
    verdicts = {}
    for agent in ("law", "clamp", "discarder", "drifter"):
        words = ["study=probe", "profile=agents", f"grid.agents=[{agent}]", "eval.id_clips=60", "eval.ood_clips=40"]
        assert main(["reproduce", *words, "workers=1", f"runs={tmp_path / 'runs'}", f"out={out}"]) == 0
        verdicts[agent] = pd.read_csv(out / "verdicts.csv").iloc[0]
    assert {agent: one["verdict"] for agent, one in verdicts.items()} == {
        "law": "not supported",
        "clamp": "supported",
        "discarder": "not supported",
        "drifter": "not supported",
    }
    assert verdicts["discarder"]["part"] == "read-out"
    assert study.MISREAD in verdicts["clamp"]["found"]
    assert study.DRIFTS in verdicts["drifter"]["found"]
    assert study.NEITHER in verdicts["law"]["found"]


@pytest.mark.slow
def test_a_miniature_cell_runs_to_its_map(tmp_path: Path) -> None:
    out = tmp_path / "results" / "probe" / "smoke"
    words = [*(word for word in TINY if word != "size=300"), "grid.sizes=[300]", "workers=1"]
    assert main(["reproduce", *words, f"runs={tmp_path / 'runs'}", f"out={out}"]) == 0
    metrics = pd.read_csv(out / "metrics.csv")
    assert set(metrics["kind"]) >= {"block", "layer", "map", "drawn", "frame"}
    assert (metrics["kind"] == "layer").sum() == 3 * 3  # steps x layers
    assert {path.name for path in (out / "figures").iterdir()} == {"layer_speed_map.svg", "frames.svg"}
    assert "| 0              | frames |" in (out / "table.md").read_text()
