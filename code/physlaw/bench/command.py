"""`physlaw bench NAME [key=value ...]`: the benchmarks by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from physlaw.compose import compose_cell, describe_cell
from physlaw.errors import unknown
from physlaw.extras import missing
from physlaw.words import describe, read, take


class Benchmark(NamedTuple):
    """Where a benchmark is: physlaw.bench.<module>, its function and its configuration; whether it takes a cell too."""

    module: str
    function: str
    config: str
    takes_cell: bool

    def load(self) -> tuple[Any, Any]:
        """The function and the configuration's class."""
        module = import_module(f"physlaw.bench.{self.module}")
        return getattr(module, self.function), getattr(module, self.config)


BENCHMARKS = {
    "simulate": Benchmark("simulate", "bench", "BenchConfig", False),
    "train": Benchmark("train", "bench_train", "TrainBenchConfig", True),
    "sample": Benchmark("sample", "bench_sample", "SampleBenchConfig", True),
    "collect": Benchmark("collect", "bench_collect", "CollectBenchConfig", False),
    "learning": Benchmark("learning", "bench_learning", "LearningBenchConfig", True),
    "open_future": Benchmark("open_future", "bench_open_future", "OpenFutureBenchConfig", True),
    "checkpoint": Benchmark("checkpoint", "bench_checkpoint", "CheckpointBenchConfig", True),
    "gpu": Benchmark("gpu.command", "bench_gpu", "GpuReportConfig", False),
}


def run_benchmark(words: list[str]) -> None:
    """Run the benchmark that the first word names with the others.

    Raises:
        UserError: unknown benchmark, key or value (lists the valid ones).
    """
    name = words[0] if words else ""
    if name not in BENCHMARKS:
        raise unknown("benchmark", name, BENCHMARKS)
    function, kind = BENCHMARKS[name].load()
    if not BENCHMARKS[name].takes_cell:
        function(read(kind, words[1:]))
        return
    config, rest = take(kind, words[1:])
    function(compose_cell(rest), config)


def benchmark_help() -> str:
    """Every benchmark's keys."""
    cells = " (and the keys of a cell, below)"
    parts = [f"{name}{cells if known.takes_cell else ''}:\n{_keys(name)}" for name, known in BENCHMARKS.items()]
    return "\n".join([*parts, describe_cell()])


def _keys(name: str) -> str:
    try:
        return describe(BENCHMARKS[name].load()[1])
    except ModuleNotFoundError as error:
        return f"{missing(error, name)}\n"
