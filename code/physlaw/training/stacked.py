"""Training several models of one shape as one: every parameter has a leading axis, one step moves all of them.

A small model leaves a GPU idle between its kernels; K of them fill each kernel K times as full. What a model becomes
does not depend on what it is stacked with, but for rounding: batches, clipping, Muon and the moving average are its
own, and a model whose loss is not finite stops alone. Checkpoints are those of models trained alone.
"""

from __future__ import annotations

import json
import math
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from physlaw.errors import UserError
from physlaw.files import read_json, visible, write_json
from physlaw.terminal import LINE_S, quiet
from physlaw.training.compiling import choose_compiling, compile_model
from physlaw.training.config import MachineConfig, TrainConfig
from physlaw.training.loop import NOT_FINITE, NotFinite, Reading, TrainReport
from physlaw.training.optimizers import build_optimizers, learning_rate_factor
from physlaw.training.precision import autocast
from physlaw.training.prefetch import on_device
from physlaw.training.stacked_task import StackedModel, StackedTask
from physlaw.training.state import TrainState, load_newest, new_ema, write_checkpoint
from physlaw.training.stopping import Interrupted, StopRequest
from physlaw.training.tasks import DiffusionTask, LatentSource
from physlaw.training.update import advance

SAVE_S = 60.0  # between checkpoints, at least: K of them are written at once


def stack_states(states: list[TrainState], config: TrainConfig) -> tuple[StackedModel, TrainState]:
    """One state of K models from K states of one, all at the same step."""
    model = StackedModel([state.model for state in states])
    stacked = TrainState(model.one, new_ema(model.one), build_optimizers(model.one, config, stacked=True))
    each = [state.tensors() for state in states]
    joined = {
        name: torch.stack([tensors[name] for tensors in each]) if value.ndim else value
        for name, value in each[0].items()
    }
    stacked.load(joined, states[0].step)
    return model, stacked


def split_tensors(state: TrainState, count: int) -> list[dict[str, Tensor]]:
    """The tensors of a state of K models as those of K states."""
    joined = state.tensors()
    return [{n: (v[k].clone() if v.ndim else v) for n, v in joined.items()} for k in range(count)]


def stacked_update(state: TrainState, config: TrainConfig) -> Tensor:
    """plain_update of every model by itself; returns the norms (K,) of their gradients before clipping."""
    gradients = [p.grad for p in state.model.parameters() if p.grad is not None]
    norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
    norm = torch.linalg.vector_norm(norms, dim=0)
    scale = (config.grad_clip / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *[1] * (gradient.ndim - 1)))
    advance(state, config)
    return norm


@dataclass
class StackedCell:
    """What `fit_stacked` is told of one of the models, and what became of it."""

    task: DiffusionTask
    folder: Path
    run: str  # digest of the configuration
    label: str
    state: TrainState | None = None  # trained
    report: TrainReport | None = None
    failure: NotFinite | None = None


def common_step(cells: list[StackedCell]) -> int:
    """The newest step of which every cell has a checkpoint, as far as their names say; 0 without."""
    newest = [
        max((int(read_json(path)["step"]) for path in visible(cell.folder / "checkpoints", "*.json")), default=0)
        for cell in cells
    ]
    return min(newest)


def fit_stacked(
    cells: list[StackedCell],
    config: TrainConfig,
    machine: MachineConfig,
    resident: LatentSource | None = None,
) -> None:
    """Train all cells to config.steps, from the newest step that all have reached; as `fit`, in one process.

    A cell whose loss or gradient is not finite stops by itself: its `failure` says so, the others go on.

    Raises:
        Interrupted: asked to stop; all states are saved.
        UserError: a folder has checkpoints of another configuration, or none of the step that the others are at.
    """
    called = time.monotonic()
    at_most = common_step(cells)
    states = []
    for cell in cells:
        model = cell.task.model.train()
        state = TrainState(model, new_ema(model), build_optimizers(model, config))
        load_newest(cell.folder / "checkpoints", state, cell.run, at_most=at_most)
        states.append(state)
    if len(steps := {state.step for state in states}) > 1:
        raise UserError(
            f"the cells of a stack stand at steps {sorted(steps)}; train those that are behind by themselves"
        )
    begun = states[0].step
    model, state = stack_states(states, config)
    task = StackedTask([cell.task for cell in cells], resident)
    device = next(model.parameters()).device

    def losses_of(batch: dict[str, Tensor]) -> Tensor:
        with autocast(config.precision, device.type):
            losses = task.loss(model, batch)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        return losses.detach().float()

    def check() -> None:
        for batch in on_device(iter([task.batch(begun)]), device):
            losses_of(batch)
        model.zero_grad(set_to_none=True)

    compiled = compile_model(model, [model], choose_compiling(machine, config.steps, 1), check)
    started = said = saved_at = logged_at = time.monotonic()
    first_step_s, logged_step, failed = 0.0, begun, set()
    with ExitStack() as opened:
        stop = opened.enter_context(StopRequest())
        batches = opened.enter_context(closing(on_device((task.batch(k) for k in range(begun, config.steps)), device)))
        logs = [opened.enter_context((c.folder / "train.jsonl").open("a", encoding="utf-8")) for c in cells]
        writers = [SummaryWriter(str(cell.folder / "tensorboard"), purge_step=begun) for cell in cells]
        for writer in writers:
            opened.callback(writer.close)

        def note(values: dict[str, Any], rate: float) -> None:
            """The numbers of the step just done, into every cell's log; a cell that is not finite is out."""
            for k, cell in enumerate(cells):
                if k in failed:
                    continue
                own = {name: value[k] for name, value in values.items()}
                if not all(map(math.isfinite, own.values())):
                    failed.add(k)
                    cell.failure = _not_finite(cell, own, state.step - 1)
                    continue
                own |= {"steps_per_s": round(rate, 3), "stacked": len(cells)}
                print(json.dumps({"step": state.step, **own}), file=logs[k], flush=True)
                for name, value in own.items():
                    writers[k].add_scalar(f"train/{name}", value, state.step)

        def save() -> None:
            for k, (cell, tensors) in enumerate(zip(cells, split_tensors(state, len(cells)), strict=True)):
                if k not in failed:
                    write_checkpoint(cell.folder / "checkpoints", tensors, state.step, cell.run)

        while state.step < config.steps and len(failed) < len(cells):
            factor = learning_rate_factor(config, state.step)
            for optimizer in state.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * factor
            losses = losses_of(next(batches))
            norms = stacked_update(state, config)
            done, now = state.step == config.steps, time.monotonic()
            asked = stop.signal is not None
            saving = done or asked or (state.step % config.checkpoint_every == 0 and now - saved_at >= SAVE_S)
            if saving or state.step % config.log_every == 0:
                values = Reading(state.step - 1, {"loss": losses, "grad_norm": norms})()
                first_step_s = first_step_s or time.monotonic() - called
                now = time.monotonic()
                rate = (state.step - logged_step) / max(now - logged_at, 1e-9)
                logged_at, logged_step = now, state.step
                note(values, rate)
                if not quiet() and (now - said >= LINE_S / 2 or done):
                    said = now
                    left = (config.steps - state.step) / rate
                    print(
                        f"{len(cells)} cells: step {state.step}/{config.steps} {rate:.2f} steps/s, {left:.0f} s left",
                        file=sys.stderr,
                        flush=True,
                    )
            if saving:
                save()
                saved_at = time.monotonic()
            if asked and not done:
                raise Interrupted(f"stopped {len(cells)} cells at step {state.step}; the same command continues")
        seconds = time.monotonic() - started
        for k, (cell, tensors) in enumerate(zip(cells, split_tensors(state, len(cells)), strict=True)):
            if k in failed:
                continue
            states[k].load(tensors, state.step)
            cell.state = states[k]
            cell.report = TrainReport(config.steps, begun, seconds, compiled, first_step_s)


def _not_finite(cell: StackedCell, values: dict[str, float], step: int) -> NotFinite:
    write_json(
        cell.folder / NOT_FINITE,
        {name: str(value) for name, value in values.items()} | {"noticed": step} | cell.task.origin(step),
    )
    return NotFinite(
        f"{cell.label}: loss {values['loss']} and gradient norm {values['grad_norm']} at step {step}; see "
        f"{cell.folder / NOT_FINITE}, the last checkpoint is kept (try a smaller train.learning_rate)"
    )
