"""`physlaw bench sample`: what generating clips with a cell's model costs here, beside the plain way in the same run.

Condition encoded, denoised in diffusion.denoise_steps, decoded to frames: as an evaluation does, with initial weights.
Model FLOPs are the transformer's alone, a third of a training step's for every denoising step.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physlaw.bench.device import peak_memory_gb, peak_tflops, reset_peak_memory, synchronize
from physlaw.bench.train import plain, report_rows, untrained
from physlaw.config import CellConfig
from physlaw.fields import check, ranged
from physlaw.launch.estimate import tokens_per_clip, training_flops
from physlaw.training import ranks
from physlaw.training.precision import resolve_precision


@dataclass
class SampleBenchConfig:
    """How many clips and where to."""

    batches: int = ranged(3, at_least=1)  # measured, of eval.batch_size clips, after one that warms up
    baseline: bool = True  # also the plain way
    out: str = ""  # a JSON file

    def __post_init__(self) -> None:
        check(self)


def measure(cell: CellConfig, config: SampleBenchConfig) -> dict[str, Any]:
    """One way of sampling: its figures per clip."""
    model, size = untrained(cell), cell.eval.batch_size
    data = cell.data
    frames = np.full((size, data.num_frames, data.resolution, data.resolution, 3), 255, np.uint8)
    reset_peak_memory()
    started = time.perf_counter()
    model.generate(frames, "bench", np.arange(size))
    synchronize()
    first_s = time.perf_counter() - started
    started = time.perf_counter()
    for number in range(config.batches):
        model.generate(frames, "bench", number * size + np.arange(size))
    synchronize()
    clip_s = (time.perf_counter() - started) / (config.batches * size)
    started = time.perf_counter()
    model.codec.decode(model.codec.encode_condition(frames))
    synchronize()
    tokenizer_s = (time.perf_counter() - started) / size
    flops = training_flops(replace(cell, train=replace(cell.train, steps=1, batch_size=1))) / 3
    flops *= cell.diffusion.denoise_steps
    peak, source = peak_tflops(cell.train.precision)
    return {
        "precision": resolve_precision(cell.train.precision, ranks.device()),
        "compiled": model.compiled,
        "clip_s": round(clip_s, 6),
        "clips_per_s": round(1 / clip_s, 3),
        "tokenizer_s": round(tokenizer_s, 6),  # of clip_s: condition encoded, frames decoded
        "model_gflops_per_s": round(flops / clip_s / 1e9, 3),
        "peak_tflops": round(peak, 3),
        "peak_source": source,
        "mfu": round(flops / clip_s / 1e12 / peak, 4),
        "peak_memory_gb": round(peak_memory_gb(), 2),
        "first_batch_s": round(first_s, 2),
    }


def bench_sample(cell: CellConfig, config: SampleBenchConfig) -> dict[str, Any]:
    """The cell's own way and the plain way; printed, and written to config.out."""
    found: dict[str, Any] = {
        "cell": cell.name,
        "profile": cell.profile,
        "batch_size": cell.eval.batch_size,
        "denoise_steps": cell.diffusion.denoise_steps,
        "tokens_per_clip": tokens_per_clip(cell),
        "formula": "24 L d^2 N + 4 L N^2 d per clip and denoising step",
        "device": ranks.device(),
        "own": measure(cell, config),
    }
    if config.baseline:
        found["eager_float32"] = measure(plain(cell), config)
        found["speedup"] = round(found["eager_float32"]["clip_s"] / found["own"]["clip_s"], 2)
    return report_rows(found, config.out)
