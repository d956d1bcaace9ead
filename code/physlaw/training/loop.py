"""The training loop: one flat function for every task, resumable at any step.

A task gives the loss of step k as a function of k alone (its batch, noise and times come from counters), so a resumed
run sees exactly what an uninterrupted one would. The same call resumes from the newest good checkpoint.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from physlaw.errors import UserError
from physlaw.files import write_json
from physlaw.training import ranks
from physlaw.training.config import COMPILE_MIN_STEPS, TrainConfig
from physlaw.training.state import TrainState, load_newest, new_ema, save_checkpoint


class Task(Protocol):
    """What is trained."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def batch_size(self) -> int: ...

    def batch(self, step: int, part: slice) -> dict[str, Tensor]:
        """Everything random about step `step`, on the model's device: of the step's samples those in `part`."""
        ...

    def origin(self, step: int) -> dict[str, Any]:
        """Where step `step`'s batch comes from, as plain data: {"samples": numbers, "generator": its counters}."""
        ...

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """{"loss": scalar, ...parts}; `forward` is the (compiled) model."""
        ...

    def log_clips(self, state: TrainState, writer: SummaryWriter) -> None:
        """A few sample clips for TensorBoard, at the end."""
        ...


NOT_FINITE = "not_finite.json"  # in a run folder: the step that was not a number


class Interrupted(Exception):
    """The run was asked to stop and has saved its state."""


class NotFinite(UserError):
    """The loss or a gradient is not a finite number."""


@dataclass
class TrainReport:
    """What a finished call of `fit` did."""

    steps: int
    resumed_from: int
    seconds: float  # of this call
    compiled: bool
    notes: list[str] = field(default_factory=list)


def learning_rate_factor(config: TrainConfig, step: int) -> float:
    """Warm-up times decay at step `step` (0-based)."""
    warm = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    begin = config.decay_start * config.steps
    share = max(0.0, step - begin) / max(config.steps - begin, 1.0)
    if config.decay == "linear":
        return warm * (1 - share)
    if config.decay == "cosine":
        return warm * 0.5 * (1 + math.cos(math.pi * share))
    return warm


def build_optimizers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the blocks' weight matrices and AdamW for the rest."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    hidden = [p for name, p in named if config.optimizer == "muon" and "blocks" in name and name.endswith("weight")]
    taken = {id(p) for p in hidden if p.ndim == 2}
    optimizers: list[torch.optim.Optimizer] = []
    if taken:
        matrices = [p for p in hidden if id(p) in taken]
        optimizers.append(torch.optim.Muon(matrices, lr=config.muon_learning_rate, weight_decay=config.weight_decay))
    rest = [p for _, p in named if id(p) not in taken]
    beta1, beta2 = config.betas
    optimizers.append(
        torch.optim.AdamW(
            rest, lr=config.learning_rate, betas=(beta1, beta2), weight_decay=config.weight_decay, fused=True
        )
    )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def try_compile(model: nn.Module, config: TrainConfig, check: Callable[[Callable[..., Tensor]], Any]) -> Any:
    """The compiled model if compiling works here (decided by trying it once), else the model and one line."""
    if config.compile == "off" or (config.compile == "auto" and config.steps < COMPILE_MIN_STEPS):
        return model
    compiled = torch.compile(model)
    try:
        check(compiled)
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        print(f"physlaw: not compiling, running eagerly ({first[:120]})", file=sys.stderr, flush=True)
        return model
    return compiled


def show_bar() -> bool:
    """Progress bars only on a terminal, and only when this process has it for itself."""
    return sys.stderr.isatty() and not os.environ.get("PHYSLAW_PLAIN_PROGRESS")


class StopRequest:
    """Ctrl-C, SIGTERM or a cluster's warning as a flag that the loop reads between steps; a second Ctrl-C acts at once.

    A cluster sends the others more than once for one reason, to the supervisor and to this process.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGURG)  # URG: see launch.job

    def __init__(self) -> None:
        self.signal: int | None = None
        self._old: dict[int, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._old = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)


def fit(task: Task, config: TrainConfig, folder: Path, run: str, label: str) -> tuple[TrainState, TrainReport]:
    """Train to config.steps, from the newest checkpoint in folder/checkpoints if there is one.

    Several processes (see ranks) share every batch and stay equal; the first one writes.

    Args:
        run: digest of the configuration; a checkpoint of another one is refused.
        label: names the run in the progress line.
    Raises:
        Interrupted: asked to stop; the state is saved.
        NotFinite: loss or gradient is NaN or infinite; nothing of that step is saved.
        UserError: the batch cannot be shared equally.
    """
    if task.batch_size % ranks.world():
        raise UserError(f"a batch of {task.batch_size} cannot be shared equally by {ranks.world()} processes")
    torch.manual_seed(0)  # nothing below may use it; a stray draw is at least repeatable
    model = task.model.train()
    state = TrainState(model, new_ema(model), build_optimizers(model, config))
    checkpoints = folder / "checkpoints"
    load_newest(checkpoints, state, run, tidy=ranks.is_main())
    report = TrainReport(config.steps, state.step, 0.0, False)
    if state.step >= config.steps:
        return state, report

    device = next(model.parameters()).device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")

    def losses(forward: Callable[..., Tensor], step: int) -> dict[str, Tensor]:
        with autocast:
            return task.loss(forward, task.batch(step, ranks.part()))

    def check(forward: Callable[..., Tensor]) -> None:
        losses(forward, state.step)["loss"].backward()  # type: ignore[no-untyped-call]
        model.zero_grad(set_to_none=True)

    forward = try_compile(model, config, check)
    if ranks.mean(torch.tensor(float(forward is not model), device=device)) < 1:
        forward = model  # somewhere it does not work
    report.compiled = forward is not model
    forward = ranks.averaging_gradients(forward)
    main = ranks.is_main()
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=state.step) if main else None
    started, logged_at, logged_step = time.monotonic(), time.monotonic(), state.step
    progress = tqdm(total=config.steps, initial=state.step, desc=label, unit="step", disable=not (main and show_bar()))
    with StopRequest() as stop, (folder / "train.jsonl" if main else Path(os.devnull)).open("a") as log, progress:
        while state.step < config.steps:
            factor = learning_rate_factor(config, state.step)
            for optimizer in state.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * factor
            parts = losses(forward, state.step)
            parts["loss"].backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
            stopping = torch.tensor(float(stop.signal is not None), device=device)
            *shared, stopping = ranks.mean(torch.stack([*(v.detach().float() for v in parts.values()), stopping]))
            parts = dict(zip(parts, shared, strict=True))
            if not (torch.isfinite(parts["loss"]) and torch.isfinite(norm)):
                values = {name: float(value) for name, value in parts.items()} | {"grad_norm": float(norm)}
                if main:
                    # As text: JSON has no NaN.
                    write_json(folder / NOT_FINITE, {k: str(v) for k, v in values.items()} | task.origin(state.step))
                raise NotFinite(
                    f"{label}: loss {values['loss']} and gradient norm {values['grad_norm']} at step {state.step}; its "
                    f"batch is named in {folder / NOT_FINITE}, the last checkpoint is kept (try a smaller "
                    "train.learning_rate or train.precision=float32)"
                )
            for optimizer in state.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            state.step += 1
            state.update_ema(config.ema_decay)
            progress.update()
            if writer is not None and (state.step % config.log_every == 0 or state.step == config.steps):
                now = time.monotonic()
                rate = (state.step - logged_step) / max(now - logged_at, 1e-9)
                logged_at, logged_step = now, state.step
                values = {name: float(value) for name, value in parts.items()}
                for name, value in values.items():
                    writer.add_scalar(f"train/{name}", value, state.step)
                writer.add_scalar("train/steps_per_s", rate, state.step)
                record = {"step": state.step, **values, "grad_norm": float(norm), "steps_per_s": round(rate, 3)}
                print(json.dumps(record), file=log, flush=True)
                progress.set_postfix(loss=f"{values['loss']:.4f}")
                if progress.disable and state.step % (10 * config.log_every) == 0:
                    left = (config.steps - state.step) / rate
                    print(
                        f"{label}: step {state.step}/{config.steps} loss {values['loss']:.4f} "
                        f"{rate:.2f} steps/s, {left:.0f} s left",
                        file=sys.stderr,
                        flush=True,
                    )
            done = state.step == config.steps
            asked = bool(stopping > 0)
            if (done or state.step % config.checkpoint_every == 0 or asked) and main:
                save_checkpoint(checkpoints, state, run)
            if asked and not done:
                ranks.on_main(lambda: None)  # nobody leaves before it is saved
                raise Interrupted(f"{label}: stopped at step {state.step}; the same command continues from there")
    report.seconds = time.monotonic() - started
    if writer is not None:
        task.log_clips(state, writer)
        writer.close()
    return state, report
