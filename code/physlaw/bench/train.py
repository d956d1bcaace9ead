"""`physlaw bench train`: what one training step of a cell costs here, beside the plain way in the same run.

The real loop trains the real model; latents come from a memory-mapped file of random numbers where the cell has a VAE,
from the simulator where it has none. Model FLOPs are launch.estimate's formula: nothing that is computed twice counts
twice. The baseline is the same step eager in float32.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.bench.device import peak_memory_gb, peak_tflops, reset_peak_memory, synchronize
from physlaw.cell.data import training_clips, world_of
from physlaw.cell.machine import use_machine
from physlaw.cell.model import CellModel
from physlaw.config import CellConfig
from physlaw.data.latents import EncodedClips
from physlaw.errors import UserError
from physlaw.fields import check, ranged
from physlaw.files import read_text, write_json
from physlaw.launch.estimate import tokens_per_clip, training_flops
from physlaw.models.pixels import PixelTokenizer
from physlaw.models.tokenizers import build_tokenizer
from physlaw.provenance import provenance
from physlaw.training import ranks
from physlaw.training.compiling import choose_compiling
from physlaw.training.config import TrainConfig
from physlaw.training.loop import fit
from physlaw.training.precision import autocast, resolve_precision
from physlaw.training.state import TrainState
from physlaw.training.tasks import DiffusionTask

LATENT_CLIPS = 2048


@dataclass
class TrainBenchConfig:
    """How long and where to."""

    steps: int = ranged(20, at_least=2)  # measured, after as many that warm up
    baseline: bool = True  # also the plain way
    parts: bool = True  # also where a step's time goes
    out: str = ""  # a JSON file

    def __post_init__(self) -> None:
        check(self)


class RandomLatents:
    """Latents of a training set as the cache holds them, but random: 16-bit numbers in a memory-mapped file."""

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        values = np.random.default_rng(0).standard_normal((LATENT_CLIPS, *shape), np.float32).astype(np.float16)
        values.tofile(folder / "latents.bin")
        self.latents = np.memmap(folder / "latents.bin", np.float16, "r", shape=values.shape)

    def __len__(self) -> int:
        return LATENT_CLIPS

    def pair(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        latents = torch.from_numpy(self.latents[index]).float()
        return latents, latents


def untrained(cell: CellConfig) -> CellModel:
    """The cell's model with its initial weights, and a tokenizer with its."""
    if cell.model.modality != "vision":
        raise UserError(f"benchmarks need model.modality=vision, got {cell.model.modality!r}")
    use_machine(cell.machine)
    tokenizer = build_tokenizer(cell.tokenizer, world_of(cell).picture, cell.data.resolution).to(ranks.device()).eval()
    return CellModel(cell, tokenizer)


def breakdown(task: DiffusionTask, state: TrainState, settings: TrainConfig, steps: int) -> dict[str, float]:
    """Where a step's time goes: seconds of each part, done one after the other with nothing overlapping."""
    seconds = dict.fromkeys(("batch", "forward", "backward", "clip", "optimizer", "average"), 0.0)
    last = time.perf_counter()

    def lap(part: str) -> None:
        nonlocal last
        synchronize()
        now = time.perf_counter()
        seconds[part] += now - last
        last = now

    for step in range(steps):
        batch = {name: value.to(ranks.device()) for name, value in task.batch(step).items()}
        lap("batch")
        with autocast(settings.precision, ranks.device()):
            loss = task.loss(task.model, batch)["loss"]
        lap("forward")
        loss.backward()  # type: ignore[no-untyped-call]
        lap("backward")
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), settings.grad_clip)
        lap("clip")
        for optimizer in state.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        lap("optimizer")
        state.update_ema(settings.ema_decay)
        lap("average")
    return {part: round(value / steps, 6) for part, value in seconds.items()}


def measure(cell: CellConfig, config: TrainBenchConfig) -> dict[str, Any]:
    """One way of training: its figures per step, in the first process; nothing in the others."""
    # As the whole training would decide; this one is too short to compile by itself.
    compiling = choose_compiling(cell.machine, cell.train.steps, 1)
    machine = replace(cell.machine, compile=compiling)
    settings = replace(cell.train, steps=2 * config.steps, log_every=config.steps)
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), untrained(cell)
        latents: Any
        if isinstance(model.tokenizer, PixelTokenizer):
            latents = EncodedClips(training_clips(cell), model.codec.encode, model.codec.encode_condition)
        else:
            latents = RandomLatents(folder, (model.tokenizer.channels, *model.shape))
        task = DiffusionTask(
            model.model,
            model.objective,
            latents,
            model.mask,
            model.tokenizer,
            cell.train.batch_size,
            cell.seed,
            relative=model.relative,
        )
        task.log_clips = lambda state, writer: None  # type: ignore[method-assign]
        reset_peak_memory()
        started = time.perf_counter()
        state, report = fit(task, settings, folder, "bench", "bench", machine, saves=False)
        if not ranks.is_main():
            return {}
        # In parts, shared or fused, a step is not what `breakdown` does.
        whole = ranks.world() == 1 and not cell.machine.batch_per_device and not cell.machine.fused_update
        where = {"parts_s": breakdown(task, state, settings, config.steps)} if whole and config.parts else {}
        last = json.loads(read_text(folder / "train.jsonl").splitlines()[-1])
    step_s = 1 / last["steps_per_s"]
    peak, source = peak_tflops(cell.train.precision)
    peak *= ranks.world()
    flops = training_flops(replace(cell, train=replace(cell.train, steps=1)))
    return {
        "processes": ranks.world(),
        "precision": resolve_precision(cell.train.precision, ranks.device()),
        "compiled": compiling if report.compiled else "off",
        "batch_per_device": cell.machine.batch_per_device or cell.train.batch_size,
        "step_s": round(step_s, 5),
        **where,
        "clips_per_s": round(cell.train.batch_size / step_s, 2),
        "model_gflops_per_s": round(flops / step_s / 1e9, 3),
        "peak_tflops": round(peak, 3),
        "peak_source": source,
        "mfu": round(flops / step_s / 1e12 / peak, 4),
        "data_stall": last["data_stall"],
        "peak_memory_gb": round(peak_memory_gb(), 2),
        "first_step_s": round(report.first_step_s, 2),
        "whole_s": round(time.perf_counter() - started, 1),
    }


def plain(cell: CellConfig) -> CellConfig:
    """The same cell eager and in float32."""
    return replace(cell, train=replace(cell.train, precision="float32"), machine=replace(cell.machine, compile="off"))


def report_rows(found: dict[str, Any], out: str) -> dict[str, Any]:
    """Print what was measured, and write it with its provenance where asked."""
    print(json.dumps(found, indent=1))
    if out:
        write_json(Path(out), {"rows": found, "provenance": provenance()})
    return found


def measure_apart(cell: CellConfig, config: TrainBenchConfig) -> dict[str, Any]:
    """The same with every process alone on its share of the batch: what is missing is what they tell each other."""
    share = replace(cell, train=replace(cell.train, batch_size=cell.train.batch_size // ranks.world()))
    with ranks.apart():
        return measure(share, config)


def bench_train(cell: CellConfig, config: TrainBenchConfig) -> dict[str, Any]:
    """The cell's own way and the plain way; printed, and written to config.out.

    Under torchrun or srun the processes share the batch; `scaling` is then the step's time apart over that together.
    """
    ranks.join()
    found: dict[str, Any] = {
        "cell": cell.name,
        "profile": cell.profile,
        "batch_size": cell.train.batch_size,
        "tokens_per_clip": tokens_per_clip(cell),
        "gflops_per_clip": round(training_flops(cell) / cell.train.steps / cell.train.batch_size / 1e9, 3),
        "formula": "3 (24 L d^2 N + 4 L N^2 d) per clip",
        "device": ranks.device(),
        "own": measure(cell, config),
    }
    if ranks.world() > 1:
        found["apart"] = measure_apart(cell, config)
    if config.baseline:
        found["eager_float32"] = measure(plain(cell), config)
    if not ranks.is_main():
        return found
    own = found["own"]["step_s"]
    if "apart" in found:
        found["scaling"] = round(found["apart"]["step_s"] / own, 3)
    if config.baseline:
        found["speedup"] = round(found["eager_float32"]["step_s"] / own, 2)
    return report_rows(found, config.out)
