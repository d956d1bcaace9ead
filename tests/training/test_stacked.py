"""Models trained as one: each becomes what it becomes alone, resumes exactly, and fails alone."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from physlaw import cell_verbs
from physlaw.cell.stack import ResidentClips, stacks_of
from physlaw.data.latents import EncodedClips
from physlaw.errors import UserError
from physlaw.launch.cells import study_cells
from physlaw.training.config import MachineConfig
from physlaw.training.loop import fit
from physlaw.training.stacked import StackedCell, fit_stacked
from physlaw.training.stacked_task import StackedTask
from physlaw.training.stopping import Interrupted
from tiny_training import config, diffusion_task, same

OFF = MachineConfig(compile="off")


def cells(folder: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> list[StackedCell]:
    made = []
    for seed in seeds:
        own = folder / str(seed)
        own.mkdir(parents=True, exist_ok=True)
        made.append(StackedCell(diffusion_task(seed), own, f"run {seed}", f"cell {seed}"))
    return made


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "train.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_each_cell_of_a_stack_equals_the_same_cell_alone(tmp_path: Path, optimizer: str) -> None:
    settings = config(steps=50, log_every=1, optimizer=optimizer, weight_decay=0.01, checkpoint_every=50)
    stack = cells(tmp_path / "stack")
    fit_stacked(stack, settings, OFF)
    for seed, cell in enumerate(stack):
        alone = tmp_path / "alone" / str(seed)
        alone.mkdir(parents=True)
        state, _ = fit(diffusion_task(seed), settings, alone, f"run {seed}", "alone", OFF)
        np.testing.assert_allclose(losses(cell.folder), losses(alone), atol=1e-4)
        assert cell.state is not None
        mine, theirs = cell.state.tensors(), state.tensors()
        assert mine.keys() == theirs.keys()
        for name, value in theirs.items():
            assert (mine[name].shape, mine[name].dtype) == (value.shape, value.dtype), name
        # The checkpoint is one of a cell trained alone: the same call goes on with it.
        again, report = fit(diffusion_task(seed), settings, cell.folder, f"run {seed}", "again", OFF)
        assert report.resumed_from == 50
        assert same(again, cell.state)


def test_a_stack_resumes_exactly_from_the_newest_step_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physlaw.training.stacked.SAVE_S", 0.0)
    whole = cells(tmp_path / "whole")
    fit_stacked(whole, config(), OFF)
    parts = cells(tmp_path / "parts")
    original = parts[0].task.batch

    def batch(step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        if step == 9:
            os.kill(os.getpid(), signal.SIGTERM)  # preempted
        return original(step, part)

    parts[0].task.batch = batch  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="stopped 3 cells at step 10"):
        fit_stacked(parts, config(), OFF)
    # Killed while it saved: two cells have step 10, the third has only step 8.
    for name in ("00000010.json", "00000010.safetensors"):
        (parts[2].folder / "checkpoints" / name).unlink()
    parts = cells(tmp_path / "parts")
    fit_stacked(parts, config(), OFF)
    for one, other in zip(whole, parts, strict=True):
        assert other.report is not None
        assert other.report.resumed_from == 8
        assert one.state is not None
        assert other.state is not None
        assert same(one.state, other.state)


def test_a_cell_that_is_not_finite_stops_alone(tmp_path: Path) -> None:
    sound = cells(tmp_path / "sound", (0, 2))
    fit_stacked(sound, config(), OFF)
    stack = cells(tmp_path / "stack")
    original = stack[1].task.batch

    def batch(step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        made = original(step, part)
        return made | {"x0": made["x0"] * float("nan")} if step == 5 else made

    stack[1].task.batch = batch  # type: ignore[method-assign]
    fit_stacked(stack, config(), OFF)
    assert stack[1].state is None
    assert "cell 1: loss nan" in str(stack[1].failure)
    found = json.loads((stack[1].folder / "not_finite.json").read_text())
    assert found["loss"] == "nan"
    assert len(found["samples"]) == 4
    assert not (stack[1].folder / "checkpoints" / "00000012.json").exists()
    for one, other in zip(sound, (stack[0], stack[2]), strict=True):
        assert one.state is not None
        assert other.state is not None
        for name, value in one.state.tensors().items():
            torch.testing.assert_close(other.state.tensors()[name], value, rtol=1e-4, atol=1e-5)


def test_cells_at_different_steps_are_refused(tmp_path: Path) -> None:
    (early,) = cells(tmp_path, (0,))
    fit_stacked([early], config(), OFF)
    for path in (early.folder / "checkpoints").glob("00000008*"):
        path.unlink()
    other = cells(tmp_path, (0, 1))
    fit_stacked([other[1]], config(steps=8), OFF)
    with pytest.raises(UserError, match=r"steps \[0, 8\]"):
        fit_stacked(cells(tmp_path, (0, 1)), config(), OFF)


def test_batches_of_resident_clips_are_those_of_each_cell_but_for_the_noise() -> None:
    tasks = [diffusion_task(0), diffusion_task(1), diffusion_task(1, size="3k")]
    sources = [task.latents.clips for task in tasks]  # type: ignore[attr-defined]
    one = tasks[0].latents
    resident = EncodedClips(ResidentClips(sources, "cpu"), one.encode, one.encode_condition)  # type: ignore[attr-defined]
    stacked, again = StackedTask(tasks, resident).batch(7), StackedTask(tasks, resident).batch(7)
    for k, task in enumerate(tasks):
        for name, value in task.batch(7).items():
            if name != "noise":
                torch.testing.assert_close(stacked[name][k], value, rtol=0, atol=0)
    noise = stacked["noise"]
    assert torch.equal(noise, again["noise"])
    assert noise.shape == stacked["x0"].shape
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(noise[1], noise[2])
    assert not torch.equal(noise, StackedTask(tasks, resident).batch(8)["noise"])


SMALL = ["model.depth=1", "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2", "train.steps=4"]
SMALL += ["grid.models=[dit_xxs]", "grid.sizes=[300]", "data.resolution=16", "machine.compile=off"]


def test_a_stack_is_of_cells_that_differ_in_clips_and_seed_alone() -> None:
    cells = study_cells(
        [
            "study=id_ood",
            "profile=mini",
            "grid.scenarios=[uniform,parabola,collision]",
            "grid.extra=[]",
            "model=dit_xxs",
        ]
    )
    groups = stacks_of(cells, 64)
    assert sum(map(len, groups)) == len(cells)
    kinds = [{cell.scenario for cell in group} for group in groups]
    assert kinds == [{"uniform", "parabola"}, {"collision"}]  # a channel per ball
    assert max(len(group) for group in stacks_of(cells, 4)) == 4


def test_the_verb_trains_a_study_in_stacks_and_each_cell_is_an_ordinary_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["study=id_ood", "profile=mini", *SMALL, "grid.scenarios=[uniform,parabola]", "grid.extra=[]"]
    words += ["grid.seeds=[0,1]", f"runs={tmp_path}"]
    cell_verbs.train([*words, "stack=3"])
    folders = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert len(folders) == 4
    cards = [json.loads((folder / "provenance.json").read_text()) for folder in folders]
    assert sorted(card.get("stacked", 1) for card in cards) == [1, 3, 3, 3]
    written = [(folder / "model.safetensors").stat().st_mtime_ns for folder in folders]
    cell_verbs.train([*words, "scenario=uniform", "seed=0"])  # alone, and again all: nothing is repeated
    cell_verbs.train([*words, "stack=3"])
    assert written == [(folder / "model.safetensors").stat().st_mtime_ns for folder in folders]
