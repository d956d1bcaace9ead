"""The loop: it learns, resumes exactly, stops on NaN, and never trusts a damaged checkpoint."""

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from physlaw.cell.trained import train_seconds as train_seconds_of
from physlaw.errors import UserError
from physlaw.files import write_bytes, write_json
from physlaw.training.compiling import choose_compiling
from physlaw.training.config import MachineConfig
from physlaw.training.loop import NotFinite, fit
from physlaw.training.optimizers import build_optimizers, learning_rate_factor
from physlaw.training.precision import multiplies_bfloat16, resolve_precision
from physlaw.training.prefetch import prefetched
from physlaw.training.state import TrainState, load_newest, new_ema, save_checkpoint
from physlaw.training.stopping import Interrupted
from physlaw.training.tasks import DiffusionTask
from tiny_training import config, diffusion_task, same


def test_resuming_is_exact_to_the_last_bit(tmp_path: Path) -> None:
    whole, _ = fit(diffusion_task(), config(), tmp_path / "whole", "run", "whole")
    task = diffusion_task()
    original, calls = task.batch, []

    def batch(step: int, part: slice) -> dict[str, Tensor]:
        calls.append(step)
        if len(calls) == 7:
            os.kill(os.getpid(), signal.SIGTERM)  # preempted
        return original(step, part)

    task.batch = batch  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="stopped at step 7"):
        fit(task, config(), tmp_path / "parts", "run", "parts")
    resumed, report = fit(diffusion_task(), config(), tmp_path / "parts", "run", "parts")
    assert report.resumed_from == 7
    assert same(whole, resumed)
    again, report = fit(diffusion_task(), config(), tmp_path / "parts", "run", "parts")
    assert report.resumed_from == 12  # finished: nothing is repeated
    assert same(whole, again)


def test_a_killed_run_continues_from_its_last_checkpoint(tmp_path: Path) -> None:
    whole, _ = fit(diffusion_task(), config(), tmp_path / "whole", "run", "whole")
    task, original = diffusion_task(), diffusion_task().batch

    def batch(step: int, part: slice) -> dict[str, Tensor]:
        if step == 10:
            raise MemoryError  # nothing is saved on the way out
        return original(step, part)

    task.batch = batch  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        fit(task, config(), tmp_path / "parts", "run", "parts")
    resumed, report = fit(diffusion_task(), config(), tmp_path / "parts", "run", "parts")
    assert report.resumed_from == 8
    assert same(whole, resumed)


def test_damaged_checkpoints_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(diffusion_task(), config(), tmp_path, "run", "x")
    newest = tmp_path / "checkpoints" / "00000012.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(bytes(content))
    (tmp_path / "checkpoints" / ".00000016.safetensors.99.tmp").write_bytes(b"half")
    _, report = fit(diffusion_task(), config(), tmp_path, "run", "x")
    assert report.resumed_from == 8
    assert "damaged checkpoint passed over" in capsys.readouterr().err
    assert not list((tmp_path / "checkpoints").glob(".*"))
    assert len(list((tmp_path / "checkpoints").glob("*.safetensors"))) == 2


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = diffusion_task()
    state = TrainState(task.model, new_ema(task.model), build_optimizers(task.model, config()), step=4)
    save_checkpoint(tmp_path, state, "run")
    before = sorted(p.name for p in tmp_path.iterdir())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    state.step = 8
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, state, "run")
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert load_newest(tmp_path, state, "run")
    assert state.step == 4


def test_checkpoints_of_another_configuration_are_refused(tmp_path: Path) -> None:
    fit(diffusion_task(), config(steps=4), tmp_path, "one", "x")
    with pytest.raises(UserError, match="another configuration"):
        fit(diffusion_task(), config(steps=4), tmp_path, "two", "x")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_is_not_saved(tmp_path: Path, bad: float) -> None:
    task, original = diffusion_task(), DiffusionTask.loss

    def loss(forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        parts = original(task, forward, batch)
        calls.append(1)
        return {"loss": parts["loss"] * (bad if len(calls) == 6 else 1.0)}

    calls: list[int] = []
    task.loss = loss  # type: ignore[method-assign]
    with pytest.raises(NotFinite, match="at step 5"):
        fit(task, config(), tmp_path, "run", "x")
    assert [p.stem for p in (tmp_path / "checkpoints").glob("*.json")] == ["00000004"]
    named = json.loads((tmp_path / "not_finite.json").read_text())
    assert named["loss"] == str(bad)
    assert named["generators"] == ["diffusion", 0, [20, 21, 22, 23]]
    again = task.latents.pair(np.array(named["samples"]))[0]
    assert torch.equal(task.batch(5)["x0"], again)


@pytest.mark.slow
def test_one_batch_is_learned(tmp_path: Path) -> None:
    task, original = diffusion_task(), diffusion_task().batch
    task.batch = lambda step, part: original(0, part)  # type: ignore[method-assign]
    fit(task, config(steps=150, learning_rate=0.005, log_every=10, checkpoint_every=1000), tmp_path, "run", "x")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.3 * losses[0]


def test_logs_have_scalars_and_clips(tmp_path: Path) -> None:
    fit(diffusion_task(), config(), tmp_path, "run", "x")
    records = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records] == [4, 8, 12]
    assert {"loss", "grad_norm", "steps_per_s"} <= records[0].keys()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert "train/loss" in events.Tags()["scalars"]
    assert "clips/true_beside_generated/0" in events.Tags()["images"]


def test_batches_depend_on_seed_and_step_alone() -> None:
    one, two = diffusion_task(batch_size=8), diffusion_task(batch_size=8)
    two.batch(3)
    whole = one.batch(5)
    assert all(torch.equal(whole[k], two.batch(5)[k]) for k in whole)
    assert not torch.equal(whole["noise"], one.batch(6)["noise"])
    assert not torch.equal(whole["noise"], diffusion_task(seed=1, batch_size=8).batch(5)["noise"])


@pytest.mark.parametrize("world", [2, 4, 8])
def test_processes_share_the_same_samples(world: int) -> None:
    task = diffusion_task(batch_size=8)
    whole = task.batch(5)
    parts = [task.batch(5, slice(rank, None, world)) for rank in range(world)]
    assert all(torch.equal(whole[k], torch.stack([p[k] for p in parts], 1).flatten(0, 1)) for k in whole)


def test_a_sample_is_the_same_in_batches_of_any_size() -> None:
    small, large = diffusion_task(batch_size=4), diffusion_task(batch_size=8)
    pair = [small.batch(step) for step in (6, 7)]
    assert all(torch.equal(torch.cat([p[k] for p in pair]), value) for k, value in large.batch(3).items())


def test_a_batch_in_parts_trains_as_the_whole_does(tmp_path: Path) -> None:
    def records(size: int) -> list[dict[str, float]]:
        folder, settings = tmp_path / str(size), config(optimizer="adamw", log_every=1)
        fit(diffusion_task(), settings, folder, "run", "x", MachineConfig(batch_per_device=size))
        return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]

    whole = records(0)
    for size in (1, 3):
        for expected, found in zip(whole, records(size), strict=True):
            assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3)
            assert found["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-2)


def test_a_relative_task_draws_what_differs_from_the_condition() -> None:
    plain, relative = diffusion_task().batch(0), diffusion_task()
    relative.relative = True
    batch = relative.batch(0)
    assert torch.equal(batch["x0"], plain["x0"] - plain["cond"])
    assert all(torch.equal(batch[name], plain[name]) for name in ("cond", "noise", "t"))


def test_computing_blocks_twice_changes_no_gradient() -> None:
    gradients = []
    for recompute in (False, True):
        task = diffusion_task()
        with torch.no_grad():
            for parameter in task.model.parameters():
                parameter += 0.01
        task.model.recompute = recompute
        task.loss(task.model, task.batch(0))["loss"].backward()
        gradients.append([p.grad for p in task.model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_muon_takes_the_matrices_that_tokens_pass_through() -> None:
    muon, adamw = build_optimizers(diffusion_task().model, config())
    assert all(p.ndim == 2 for p in muon.param_groups[0]["params"])
    # qkv, proj and two of the MLP in each of two blocks, the first layer and the last
    assert len(muon.param_groups[0]["params"]) == 2 * 4 + 2
    (only,) = build_optimizers(diffusion_task().model, config(optimizer="adamw"))
    total = sum(len(o.param_groups[0]["params"]) for o in (muon, adamw))
    assert total == len(only.param_groups[0]["params"])


def test_learning_rate_warms_up_and_decays() -> None:
    flat, linear = (
        config(steps=100, warmup_steps=10, decay="constant"),
        config(steps=100, warmup_steps=10, decay_start=0.5),
    )
    assert learning_rate_factor(flat, 0) == pytest.approx(0.1)
    assert learning_rate_factor(flat, 99) == 1
    assert learning_rate_factor(linear, 50) == 1
    assert learning_rate_factor(linear, 75) == pytest.approx(0.5)
    assert learning_rate_factor(config(steps=100, decay="cosine", warmup_steps=0), 50) == pytest.approx(0.5)


def test_writes_are_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "a.json", {"x": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(tmp_path / "a.json", b"new")
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "sgd"}, "adamw, muon"),
        ({"decay": "step"}, "constant, linear, cosine"),
        ({"steps": 0}, "train.steps"),
        ({"precision": "fp8"}, "auto, float32, bfloat16"),
        ({"ema_decay": 1.0}, "ema_decay"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        config(**change)


def test_compiling_is_decided_by_trying_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_compiler(module: torch.nn.Module, **_: object) -> None:
        def broken(*_: Tensor) -> Tensor:
            raise RuntimeError("g++ not found\nlong explanation")

        module._compiled_call_impl = broken

    monkeypatch.setattr(torch.nn.Module, "compile", no_compiler)
    state, report = fit(diffusion_task(), config(), tmp_path / "a", "run", "x", MachineConfig(compile="blocks"))
    assert not report.compiled
    assert capsys.readouterr().err.count("running eagerly (g++ not found)") == 1
    eager, _ = fit(diffusion_task(), config(), tmp_path / "b", "run", "x")
    assert same(state, eager)
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **_: compiled.append(module))
    _, report = fit(diffusion_task(), config(), tmp_path / "c", "run", "x", MachineConfig(compile="blocks"))
    assert report.compiled
    assert len(compiled) == 2  # one by one, the two blocks


@pytest.mark.slow
@pytest.mark.parametrize("how", ["blocks", "graphs"])
def test_compiled_training_follows_eager(tmp_path: Path, how: str) -> None:
    settings = config(optimizer="adamw", log_every=1)
    fit(diffusion_task(), settings, tmp_path / "a", "run", "x", MachineConfig(compile="off"))
    _, report = fit(diffusion_task(), settings, tmp_path / "b", "run", "x", MachineConfig(compile=how))
    assert report.compiled
    logs = [(tmp_path / name / "train.jsonl").read_text().splitlines() for name in "ab"]
    for expected, found in zip(*logs, strict=True):
        assert json.loads(found)["loss"] == pytest.approx(json.loads(expected)["loss"], rel=1e-2)


def test_compiling_is_chosen_by_length_and_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert choose_compiling(MachineConfig(), 100, 1) == "off"
    assert choose_compiling(MachineConfig(), 100_000, 1) == "blocks"
    assert choose_compiling(MachineConfig(compile="graphs"), 100, 1) == "graphs"
    assert choose_compiling(MachineConfig(compile="graphs"), 100, 2) == "blocks"
    assert "whole batch in one process" in capsys.readouterr().err


def test_batches_made_ahead_are_the_same_and_errors_come_through() -> None:
    assert list(prefetched(iter(range(20)))) == list(range(20))

    def failing() -> Iterator[int]:
        yield 1
        raise MemoryError("here")

    items = prefetched(failing())
    assert next(items) == 1
    with pytest.raises(MemoryError, match="here"):
        next(items)
    made: list[int] = []
    endless = prefetched(made.append(k) or k for k in itertools.count())  # type: ignore[func-returns-value]
    assert next(endless) == 0
    endless.close()
    count = len(made)
    assert count <= 6  # not far ahead
    time.sleep(0.05)
    assert len(made) == count
    assert not any(thread.name == "batches" for thread in threading.enumerate())


def test_precision_is_the_processors() -> None:
    assert resolve_precision("float32", "cpu") == "float32"
    assert resolve_precision("auto", "cpu") == ("bfloat16" if multiplies_bfloat16("cpu") else "float32")


@pytest.mark.parametrize(
    "change", [{"compile": "maybe"}, {"attention": "fast"}, {"batch_per_device": -1}, {"cpu_threads": -2}]
)
def test_impossible_machines_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UserError, match=rf"machine.{next(iter(change))}"):
        MachineConfig(**change)  # type: ignore[arg-type]


def test_half_a_log_line_of_a_killed_call_is_passed_over(tmp_path: Path) -> None:
    lines = ['{"step": 10, "steps_per_s": 5.0}', '{"step": 20, "ste', '{"step": 20, "steps_per_s": 10.0}']
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n")
    assert train_seconds_of(tmp_path, 0.5) == 3.0
