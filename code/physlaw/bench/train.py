"""`physlaw bench train`: what one training step of a cell costs here, beside the plain way in the same run.

The real loop trains the real model; latents come from a memory-mapped file of random numbers where the cell has a VAE,
from the simulator where it has none. Model FLOPs are launch.estimate's formula: nothing that is computed twice counts
twice. The baseline is the same step eager in float32.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physlaw.cell import CellModel
from physlaw.cell_data import training_clips
from physlaw.config import CellConfig
from physlaw.data.latents import EncodedClips
from physlaw.errors import UserError
from physlaw.files import write_json
from physlaw.launch.estimate import tokens_per_clip, training_flops
from physlaw.models.pixels import PixelTokenizer
from physlaw.models.tokenizers import build_tokenizer
from physlaw.provenance import provenance
from physlaw.training import ranks
from physlaw.training.config import COMPILE_MIN_STEPS
from physlaw.training.loop import fit
from physlaw.training.tasks import DiffusionTask
from physlaw.worlds.scenarios import get_scenario

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}  # dense bfloat16, by a part of the device's name
LATENT_CLIPS = 2048


@dataclass
class TrainBenchConfig:
    """How long and where to."""

    steps: int = 20  # measured, after as many that warm up
    baseline: bool = True  # also the plain way
    out: str = ""  # a JSON file

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise UserError(f"steps must be at least 2, got {self.steps}")


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


class TimedTask(DiffusionTask):
    """Adds up the time in which a step waits for its batch, from step `warm` on."""

    waited, warm = 0.0, 0

    def batch(self, step: int, part: slice = slice(None)) -> dict[str, Tensor]:
        started = time.perf_counter()
        found = super().batch(step, part)
        if step >= self.warm:
            self.waited += time.perf_counter() - started
        return found


def matmul_tflops(dtype: torch.dtype, side: int = 4096) -> float:
    """TFLOP/s of a large matrix product here, the best of some."""
    device = ranks.device()
    side = side if device == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best / 1e12


def peak_tflops(precision: str) -> tuple[float, str]:
    """What the device could do at most, and where that is from: its data sheet, or a measured matrix product."""
    if ranks.device() == "cuda":
        name = torch.cuda.get_device_name(0)
        for part, value in PEAK_TFLOPS.items():
            if part in name:
                return value, f"data sheet of {name}, dense bfloat16"
    return matmul_tflops(getattr(torch, precision)), f"matrix product measured here in {precision}"


def measure(cell: CellConfig, config: TrainBenchConfig) -> dict[str, Any]:
    """One way of training: its figures per step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer = build_tokenizer(cell.tokenizer, get_scenario(cell.scenario).num_balls).to(ranks.device()).eval()
        model = CellModel(cell, tokenizer)
        latents: Any
        if isinstance(tokenizer, PixelTokenizer):
            latents = EncodedClips(training_clips(cell), model.encode, model.encode_condition)
        else:
            latents = RandomLatents(folder, (tokenizer.channels, *model.shape))
        task = TimedTask(model.model, model.objective, latents, model.mask, tokenizer, cell.train.batch_size, cell.seed)
        task.warm = config.steps
        task.log_clips = lambda state, writer: None  # type: ignore[method-assign]
        compiling = cell.train.compile
        if compiling == "auto" and cell.train.steps >= COMPILE_MIN_STEPS:
            compiling = "on"  # as the whole training decides; the bench is too short to compile by itself
        settings = replace(
            cell.train,
            steps=2 * config.steps,
            log_every=config.steps,
            checkpoint_every=10 * config.steps,
            # As the whole training would decide; this one is too short to compile by itself.
            compile="on"
            if cell.train.compile == "auto" and cell.train.steps >= COMPILE_MIN_STEPS
            else cell.train.compile,
        )
        if ranks.device() == "cuda":
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        _, report = fit(task, settings, folder, "bench", "bench")
        records = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    step_s = 1 / records[-1]["steps_per_s"]
    peak, source = peak_tflops(cell.train.precision)
    flops = training_flops(replace(cell, train=replace(cell.train, steps=1)))
    memory = (
        torch.cuda.max_memory_allocated()
        if ranks.device() == "cuda"
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    return {
        "precision": cell.train.precision,
        "compiled": report.compiled,
        "step_s": round(step_s, 5),
        "clips_per_s": round(cell.train.batch_size / step_s, 2),
        "model_gflops_per_s": round(flops / step_s / 1e9, 3),
        "peak_tflops": round(peak, 3),
        "peak_source": source,
        "mfu": round(flops / step_s / 1e12 / peak, 4),
        "data_stall": round(task.waited / config.steps / step_s, 4),
        "peak_memory_gb": round(memory / 1e9, 2),
        "whole_s": round(time.perf_counter() - started, 1),
    }


def bench_train(cell: CellConfig, config: TrainBenchConfig) -> dict[str, Any]:
    """The cell's own way and the plain way; printed, and written to config.out."""
    found: dict[str, Any] = {
        "cell": cell.name,
        "profile": cell.profile,
        "batch_size": cell.train.batch_size,
        "tokens_per_clip": tokens_per_clip(cell),
        "gflops_per_clip": round(training_flops(cell) / cell.train.steps / cell.train.batch_size / 1e9, 3),
        "own": measure(cell, config),
    }
    if config.baseline:
        plain = replace(cell, train=replace(cell.train, precision="float32", compile="off"))
        found["eager_float32"] = measure(plain, config)
        found["speedup"] = round(found["eager_float32"]["step_s"] / found["own"]["step_s"], 2)
    print(json.dumps(found, indent=1))
    if config.out:
        write_json(Path(config.out), {"rows": found, "provenance": provenance()})
    return found
