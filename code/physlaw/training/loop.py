"""The training loop: one flat function for every task, resumable at any step.

A task gives the loss of step k as a function of k alone (its batch, noise and times come from counters), so a resumed
run sees exactly what an uninterrupted one would. The same call resumes from the newest good checkpoint.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from physlaw.errors import UserError
from physlaw.files import write_json
from physlaw.terminal import LINE_S, quiet, show_bar
from physlaw.training import ranks
from physlaw.training.compiling import choose_compiling, compile_model
from physlaw.training.config import MachineConfig, TrainConfig
from physlaw.training.optimizers import build_optimizers, learning_rate_factor
from physlaw.training.precision import autocast
from physlaw.training.prefetch import on_device
from physlaw.training.state import TrainState, load_newest, new_ema, save_checkpoint
from physlaw.training.stopping import Interrupted, StopRequest
from physlaw.training.update import FusedUpdate, plain_update


class Task(Protocol):
    """What is trained."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def batch_size(self) -> int: ...

    def batch(self, step: int, part: slice) -> dict[str, Tensor]:
        """Everything random about step `step`: of the step's samples those in `part`, on any device.

        Called in a thread of its own; the model is not to be touched.
        """
        ...

    def origin(self, step: int) -> dict[str, Any]:
        """Where step `step`'s batch comes from, as plain data: {"samples": numbers, "generator": its counters}."""
        ...

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """{"loss": scalar, ...parts}, means over the batch's samples; `forward` is the model."""
        ...

    def regions(self) -> list[nn.Module]:
        """The parts of the model that are worth compiling each by itself; equal ones share their code."""
        ...

    def log_clips(self, state: TrainState, writer: SummaryWriter) -> None:
        """A few sample clips for TensorBoard, at the end."""
        ...


class Visitor(Protocol):
    """Who looks at a run while it trains."""

    def due(self) -> bool:
        """Asked after every step: whether to be shown the run now. It is saved first."""
        ...

    def look(self, state: TrainState) -> None:
        """At the run, which waits; also when it is asked to stop. Nothing of the state is to be changed."""
        ...


NOT_FINITE = "not_finite.json"  # in a run folder: the step that was not a number


class NotFinite(UserError):
    """The loss or a gradient is not a finite number."""


@dataclass
class TrainReport:
    """What a finished call of `fit` did."""

    steps: int
    resumed_from: int
    seconds: float  # of this call
    compiled: bool
    first_step_s: float = 0.0  # from the call to its first finished step, compiling included


class Reading:
    """A step's numbers on their way from the device; asking for them waits for the step."""

    def __init__(self, step: int, values: dict[str, Tensor]) -> None:
        self.step, self._names = step, list(values)
        stacked = ranks.mean(torch.stack(list(values.values())))
        self._stacked = stacked.to("cpu", non_blocking=True)
        self._arrived = torch.cuda.Event() if stacked.is_cuda else None
        if self._arrived is not None:
            self._arrived.record()

    def __call__(self) -> dict[str, float]:
        if self._arrived is not None:
            self._arrived.synchronize()
        return dict(zip(self._names, self._stacked.tolist(), strict=True))


def parts_of(batch_size: int, batch_per_device: int) -> list[slice]:
    """This process's samples of every batch, cut into parts of at most batch_per_device (0: one part).

    Raises:
        UserError: the batch cannot be shared equally.
    """
    world, mine = ranks.world(), ranks.part()
    if batch_size % world:
        raise UserError(f"a batch of {batch_size} cannot be shared equally by {world} processes")
    length = world * (batch_per_device or batch_size)
    return [slice(k, min(k + length, batch_size), world) for k in range(mine.start, batch_size, length)]


def fit(
    task: Task,
    config: TrainConfig,
    folder: Path,
    run: str,
    label: str,
    machine: MachineConfig | None = None,
    visitor: Visitor | None = None,
    saves: bool = True,
) -> tuple[TrainState, TrainReport]:
    """Train to config.steps, from the newest checkpoint in folder/checkpoints if there is one.

    Several processes (see ranks) share every batch and stay equal; the first one writes.

    Args:
        run: digest of the configuration; a checkpoint of another one is refused.
        label: names the run in the progress line.
        saves: write checkpoints; a benchmark has no use for gigabytes of them.
    Raises:
        Interrupted: asked to stop; the state is saved.
        NotFinite: loss or gradient is NaN or infinite; nothing from that step on is saved.
        UserError: the batch cannot be shared equally.
    """
    called = time.monotonic()
    machine = machine or MachineConfig()
    parts = parts_of(task.batch_size, machine.batch_per_device)
    torch.manual_seed(0)  # nothing below may use it; a stray draw is at least repeatable
    model = task.model.train()
    state = TrainState(model, new_ema(model), build_optimizers(model, config))
    checkpoints = folder / "checkpoints"
    load_newest(checkpoints, state, run, tidy=ranks.is_main())
    report = TrainReport(config.steps, state.step, 0.0, False)
    if state.step >= config.steps:
        return state, report
    device = next(model.parameters()).device

    def backward(forward: nn.Module, batch: dict[str, Tensor], share: float) -> dict[str, Tensor]:
        torch.compiler.cudagraph_mark_step_begin()
        with autocast(config.precision, device.type):
            losses = task.loss(forward, batch)
        (share * losses["loss"]).backward()  # type: ignore[no-untyped-call]
        return {name: share * value.detach().float() for name, value in losses.items()}

    def check() -> None:
        for batch in on_device(iter([task.batch(state.step, parts[0])]), device):
            backward(model, batch, 1.0)
        model.zero_grad(set_to_none=True)

    how = choose_compiling(machine, config.steps, len(parts))
    report.compiled = compile_model(model, task.regions(), how, check)
    fused = FusedUpdate(state, config, compiled=how != "off") if machine.fused_update else None
    update = fused or partial(plain_update, state, config)
    forward = ranks.averaging_gradients(model)
    main = ranks.is_main()
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=state.step) if main else None
    started = logged_at = said = time.monotonic()
    logged_step, waited = state.step, 0.0
    progress = tqdm(total=config.steps, initial=state.step, desc=label, unit="step", disable=not (main and show_bar()))
    ahead = (task.batch(step, part) for step in range(state.step, config.steps) for part in parts)
    batches = on_device(ahead, device)
    pending: deque[Reading] = deque()
    asked = False

    def settle(reading: Reading) -> dict[str, float]:
        values = reading()
        if not (math.isfinite(values["loss"]) and math.isfinite(values["grad_norm"])):
            if main:
                # As text: JSON has no NaN.
                write_json(folder / NOT_FINITE, {k: str(v) for k, v in values.items()} | task.origin(reading.step))
            raise NotFinite(
                f"{label}: loss {values['loss']} and gradient norm {values['grad_norm']} at step {reading.step}; its "
                f"batch is named in {folder / NOT_FINITE}, the last checkpoint is kept (try a smaller "
                "train.learning_rate or train.precision=float32)"
            )
        return values

    with (
        StopRequest() as stop,
        (folder / "train.jsonl" if main else Path(os.devnull)).open("a", encoding="utf-8") as log,
        progress,
        closing(batches),
    ):
        while state.step < config.steps:
            factor = learning_rate_factor(config, state.step)
            for optimizer in state.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * factor
            sums: dict[str, Tensor] = {}
            for number, part in enumerate(parts, 1):
                share = len(range(*part.indices(task.batch_size))) * ranks.world() / task.batch_size
                with nullcontext() if number == len(parts) else ranks.keeping_gradients(forward):
                    asked_at = time.monotonic()
                    batch = next(batches)
                    waited += time.monotonic() - asked_at
                    for name, loss in backward(forward, batch, share).items():
                        sums[name] = sums[name] + loss if name in sums else loss
            norm = update()
            stopping = torch.tensor(float(stop.signal is not None), device=device)
            pending.append(Reading(state.step - 1, {**sums, "grad_norm": norm, "stopping": stopping}))
            progress.update()
            done = state.step == config.steps
            logging = done or state.step % config.log_every == 0
            visiting = visitor is not None and visitor.due()
            saving = done or visiting or state.step % config.checkpoint_every == 0
            # What a GPU says of a step is read while it works on the next one, unless it is needed now.
            behind = 0 if device.type == "cpu" or logging or saving else 1
            while len(pending) > (0 if asked else behind):
                values = settle(pending.popleft())
                asked |= values.pop("stopping") > 0
                report.first_step_s = report.first_step_s or time.monotonic() - called
            if writer is not None and logging:
                now = time.monotonic()
                passed = max(now - logged_at, 1e-9)
                rate = (state.step - logged_step) / passed
                values |= {"steps_per_s": round(rate, 3), "data_stall": round(waited / passed, 4)}
                logged_at, logged_step, waited = now, state.step, 0.0
                for name, value in values.items():
                    writer.add_scalar(f"train/{name}", value, state.step)
                print(json.dumps({"step": state.step, **values}), file=log, flush=True)
                progress.set_postfix(loss=f"{values['loss']:.4f}")
                if progress.disable and not quiet() and (now - said >= LINE_S / 2 or done):
                    said = now
                    left = (config.steps - state.step) / rate
                    print(
                        f"{label}: step {state.step}/{config.steps} loss {values['loss']:.4f} "
                        f"{rate:.2f} steps/s, {left:.0f} s left",
                        file=sys.stderr,
                        flush=True,
                    )
            if (saving or asked) and main and saves:
                save_checkpoint(checkpoints, state, run)
            if visitor is not None and (visiting or asked):
                visitor.look(state)
            if asked and not done:
                ranks.on_main(lambda: None)  # nobody leaves before it is saved
                raise Interrupted(f"{label}: stopped at step {state.step}; the same command continues from there")
    report.seconds = time.monotonic() - started
    if writer is not None:
        task.log_clips(state, writer)
        writer.close()
    return state, report
