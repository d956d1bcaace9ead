"""Cells whose model is told the initial state: numbers, or embedded sentences."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from physlaw.cell.run import run_cell
from physlaw.cell.state import TRAINING, InitialState
from physlaw.cell.trained import prepare_cell
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import eval_scenes

TINY = ["profile=smoke", "scenario=collision", "size=300", "train.steps=4", "train.batch_size=4", "model.depth=1",
        "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2", "eval.id_clips=2", "eval.ood_clips=1",
        "train.log_every=2", "model.text_dim=8"]  # fmt: skip


def cell(folder: Path, modality: str, *words: str) -> CellConfig:
    return compose_cell([*TINY, f"model.modality={modality}", f"runs={folder}", *words])


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["numbers", "text"])
def test_a_cell_with_the_initial_state_trains_and_is_scored(tmp_path: Path, modality: str) -> None:
    tiny = cell(tmp_path, modality)
    assert tiny.name == f"collision-dit_xxs_{modality}-n300-seed0"
    assert run_cell(tiny).exists()
    card = json.loads((tiny.folder / "provenance.json").read_text())
    vision = cell(tmp_path, "vision")
    run_cell(vision)
    assert card["parameters"] > json.loads((vision.folder / "provenance.json").read_text())["parameters"]
    assert vision.folder != tiny.folder


def test_the_state_is_each_scenes_own(tmp_path: Path) -> None:
    numbers, text = InitialState(cell(tmp_path, "numbers")), InitialState(cell(tmp_path, "text"))
    index = np.array([5, 0, 200])
    assert InitialState(cell(tmp_path, "vision"))(TRAINING, index) == {}
    for state in (numbers, text):
        for name in (TRAINING, "id"):
            whole = state(name, index)["extra"]
            assert torch.equal(whole[1:2], state(name, index[1:2])["extra"])
            assert not torch.equal(whole[0], whole[1])
    assert numbers("id", index)["extra"].shape == (3, len(eval_scenes(SCENARIOS["collision"], "id").scenario.factors))
    told = text("id", index)
    assert told["extra"].shape == (3, 64, 8)
    assert told["extra_mask"][:, 0].all()
    assert not told["extra_mask"][:, -1].any()


def test_prepared_sentences_need_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_cell(cell(tmp_path, "text"))

    def gone(*_: object) -> None:
        raise AssertionError("an encoder was built")

    monkeypatch.setattr("physlaw.cell.state.build_text_encoder", gone)
    state = InitialState(cell(tmp_path, "text"))
    assert state(TRAINING, np.arange(3))["extra"].any()
    assert state("id", np.arange(3))["extra"].any()
    for folder in (tmp_path / "latents").glob("text-*"):
        shutil.rmtree(folder)
    with pytest.raises(AssertionError, match="encoder was built"):
        InitialState(cell(tmp_path, "text"))(TRAINING, np.arange(3))


def test_another_encoder_than_the_named_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from physlaw.models.text import RandomTextEncoder

    monkeypatch.setattr("physlaw.cell.state.build_text_encoder", lambda *_: RandomTextEncoder(8, 64))
    state = InitialState(cell(tmp_path, "text", "model.text_encoder=/t5", "model.text_sha256=" + "0" * 64))
    with pytest.raises(UserError, match="expected 000"):
        state(TRAINING, np.arange(2))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.text_encoder=/t5"], "go together"),
        (["model.modality=smell"], "vision, numbers, text"),
        (["model.text_length=0"], "model.text_length"),
    ],
)
def test_impossible_modalities_are_refused(tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        cell(tmp_path, "text", *words)


def test_flips_and_a_told_state_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.flips=true"):
        run_cell(cell(tmp_path, "numbers", "data.flips=true"))
