"""Training several models of one shape as one: every parameter has a leading axis, one step moves all of them.

A small model leaves a GPU idle between its kernels; K of them fill each kernel K times as full. What a model becomes
does not depend on what it is stacked with, but for rounding: batches, clipping, Muon and the moving average are its
own, and a model whose loss is not finite stops alone. Checkpoints are those of models trained alone.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils.tensorboard import SummaryWriter

from physlaw.diffusion.objective import Objective
from physlaw.errors import UserError
from physlaw.files import read_json, visible, write_json
from physlaw.terminal import LINE_S, quiet
from physlaw.training.compiling import choose_compiling, compile_model
from physlaw.training.config import MachineConfig, TrainConfig
from physlaw.training.loop import NOT_FINITE, NotFinite, Reading, TrainReport
from physlaw.training.optimizers import build_optimizers, learning_rate_factor
from physlaw.training.precision import autocast
from physlaw.training.prefetch import on_device
from physlaw.training.state import TrainState, load_newest, new_ema, write_checkpoint
from physlaw.training.stopping import Interrupted, StopRequest
from physlaw.training.tasks import DiffusionTask, LatentSource, drawn_pair, sample_numbers

SAVE_S = 60.0  # between checkpoints, at least: K of them are written at once


class StackedModel(nn.Module):
    """K models of one shape as one: every argument and the result with a leading axis K."""

    def __init__(self, models: list[nn.Module]) -> None:
        super().__init__()
        self.one = copy.deepcopy(models[0])
        for block in self.one.get_submodule("blocks").children():
            block.kernel = "math"  # type: ignore[assignment]  # the fused kernels know no further axis
        named = [dict(model.named_parameters()) for model in models]
        for name in named[0]:
            owner, _, last = name.rpartition(".")
            stacked = nn.Parameter(torch.stack([of[name].detach() for of in named]))
            self.one.get_submodule(owner).register_parameter(last, stacked)

    def forward(self, *arguments: Tensor) -> Tensor:
        def one(parameters: dict[str, Tensor], *mine: Tensor) -> Tensor:
            return functional_call(self.one, parameters, mine)  # type: ignore[no-any-return]

        return vmap(one)(dict(self.one.named_parameters()), *arguments)  # type: ignore[no-any-return]


class StackedTask:
    """The tasks of K models that differ in seed and training clips alone.

    Args:
        tasks: each as it would be trained alone; one of them says what they share.
        resident: all their clips one after the other, on the accelerator. Then batches are made there, and the noise
            is drawn there: by model and step, other numbers than alone, of the same clips at the same times.
    """

    def __init__(self, tasks: list[DiffusionTask], resident: LatentSource | None = None) -> None:
        self.tasks, self.resident = tasks, resident
        self.first = np.cumsum([0] + [len(task.latents) for task in tasks])[:-1]
        self.batch_size = tasks[0].batch_size
        self.objective: Objective = tasks[0].objective

    def batch(self, step: int) -> dict[str, Tensor]:
        """As DiffusionTask.batch, with a leading axis K."""
        if self.resident is None:
            each = [task.batch(step) for task in self.tasks]
            return {name: torch.stack([batch[name] for batch in each]) for name in each[0]}
        clips, t = self._drawn(step)
        x0, cond = drawn_pair(self.resident, (clips + self.first[:, None]).ravel(), self.tasks[0].relative)
        told = [task.state(own) for task, own in zip(self.tasks, clips, strict=True)]
        return {
            "x0": x0.unflatten(0, clips.shape),
            "cond": cond.unflatten(0, clips.shape),
            "noise": self._noise(step, x0.shape[1:], x0.device),
            "t": t,
            **{name: torch.stack([of[name] for of in told]) for name in told[0]},
        }

    def _drawn(self, step: int) -> tuple[NDArray[np.int64], Tensor]:
        """(K, B) clips and times of the step. Models of one seed share the times, those with as many clips these too:
        one number is drawn for a clip, whatever their number is."""
        samples = sample_numbers(step, self.batch_size).tolist()
        clips: dict[tuple[int, int], list[int]] = {}
        times: dict[int, Tensor] = {}
        for task in self.tasks:
            key = (task.seed, len(task.latents))
            if key not in clips:
                drawn = [task.draw(sample) for sample in samples]
                clips[key] = [clip for clip, _ in drawn]
                if task.seed not in times:
                    times[task.seed] = torch.cat([task.times(generator) for _, generator in drawn])
        chosen = [clips[task.seed, len(task.latents)] for task in self.tasks]
        return np.array(chosen), torch.stack([times[task.seed] for task in self.tasks])

    def _noise(self, step: int, shape: torch.Size, device: torch.device) -> Tensor:
        """(K, B, *shape) on the device, by seed and step."""
        by_seed = {}
        for seed in {task.seed for task in self.tasks}:
            digest = hashlib.sha256(f"stacked noise\x1f{seed}\x1f{step}".encode()).digest()
            generator = torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)
            by_seed[seed] = torch.randn((self.batch_size, *shape), generator=generator, device=device)
        return torch.stack([by_seed[task.seed] for task in self.tasks])

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> Tensor:
        """(K,) as DiffusionTask.loss."""
        lead = batch["t"].shape
        x0, noise, t = (batch[name].flatten(0, 1) for name in ("x0", "noise", "t"))
        x_t = self.objective.add_noise(x0, noise, t).unflatten(0, lead)
        mask = self.tasks[0].mask.expand(*lead, -1, -1, -1, -1)
        told = [batch[name] for name in ("extra", "extra_mask") if name in batch]
        prediction = forward(x_t, batch["t"], batch["cond"], mask, *told)
        return self.objective.loss(prediction.flatten(0, 1), x0, noise, t).unflatten(0, lead).mean(dim=1)


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
    for optimizer in state.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    state.step += 1
    state.update_ema(config.ema_decay)
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
