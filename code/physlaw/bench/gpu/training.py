"""Stages that train and sample with the paper's models: `bench train` and `bench sample`, made to fit the card."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from physlaw.bench import sample as bench_sample
from physlaw.bench import train as bench_train
from physlaw.bench.gpu.child import Report
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.launch.estimate import tokens_per_clip, training_flops
from physlaw.training import ranks

# Bytes that the backward pass needs per token and unit of width of one block: compiled in bfloat16, as counted from
# what autograd keeps of a block; eager in float32 about three times that.
KEPT_BYTES = {"bfloat16": 44, "float32": 130}
STATE_BYTES = 24  # per parameter: weight, gradient, average, two moments, a copy in 16 bits and some room
SHARE = 0.85  # of the card's memory that is planned with
TRIES = 3  # halving the part in memory after each that did not fit


def train(report: Report, ways: list[tuple[str, list[str], int]]) -> None:
    """A row per way, a name with the words of a cell and steps to measure: what `bench train` finds of each.

    A way that fails is a row that says why; the others go on.
    """
    for way, words, steps in ways:
        cell = compose_cell(words)
        known = {
            "way": way,
            "model": cell.model.name,
            "batch_size": cell.train.batch_size,
            "tokens_per_clip": tokens_per_clip(cell),
            "gflops_per_clip": round(training_flops(cell) / cell.train.steps / cell.train.batch_size / 1e9, 3),
            "steps": steps,
        }
        config = bench_train.TrainBenchConfig(steps=steps, baseline=False, parts=len(ways) <= 2)
        if len(ways) > 1:
            torch.compiler.reset()  # nothing compiled for the way before is to serve the next
        report.row(**known, **_attempt(cell, partial(bench_train.measure, config=config)))


def _attempt(cell: CellConfig, measure: Callable[[CellConfig], dict[str, Any]]) -> dict[str, Any]:
    """What was measured with as much of the batch in memory as fits, or {"error": why not}, or {"refused": why}."""
    part = part_of_batch(cell)
    for _ in range(TRIES):
        try:
            return measure(replace(cell, machine=replace(cell.machine, batch_per_device=part)))
        except torch.OutOfMemoryError as error:
            failure = f"out of memory with {part or cell.train.batch_size} clips at once: {_first_line(error)}"
            print(failure, file=sys.stderr, flush=True)
        except UserError as error:
            return {"refused": _first_line(error)}
        except RuntimeError as error:
            return {"error": _first_line(error)}
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        part = (part or cell.train.batch_size) // 2
    return {"error": failure}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def part_of_batch(cell: CellConfig) -> int:
    """machine.batch_per_device that should fit the card: halves of the batch; 0, no limit, where all of it fits."""
    if ranks.device() == "cpu":
        return 0
    whole = torch.cuda.get_device_properties(0).total_memory * SHARE
    width, depth, batch = cell.model.hidden_size, cell.model.depth, cell.train.batch_size
    state = STATE_BYTES * (8 + 4 * cell.model.mlp_ratio) / 2 * depth * width**2
    clip = KEPT_BYTES["float32" if cell.train.precision == "float32" else "bfloat16"]
    clip *= tokens_per_clip(cell) * width * depth
    part = batch
    while part > 1 and state + part * clip > whole:
        part //= 2
    return 0 if part == batch else part


def sample(report: Report, words: list[str]) -> None:
    """What `bench sample` finds, one batch after one that warms up."""
    cell = compose_cell(words)
    found = bench_sample.measure(cell, bench_sample.SampleBenchConfig(batches=1, baseline=False))
    steps = cell.diffusion.denoise_steps
    report.row(model=cell.model.name, batch_size=cell.eval.batch_size, denoise_steps=steps, **found)
