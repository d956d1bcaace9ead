"""How a rate is measured, and what it is beside its target."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from physlaw.fields import check, ranged

TARGETS = {  # clips or trajectories per second
    "uniform 256": 1500, "collision 256": 1000, "uniform 128": 5000, "collision 128": 5000,
    "uniform law": 300_000, "parabola law": 300_000, "collision law": 50_000, "score 256": 500,
    "combinatorial 256": 150,
}  # fmt: skip


@dataclass
class BenchConfig:
    """How long and where to."""

    rounds: int = ranged(7, at_least=1)  # per row; the best one counts
    clips: int = ranged(200, at_least=1)  # written to measure writing
    out: str = ""  # a JSON file

    def __post_init__(self) -> None:
        check(self)


@dataclass
class Row:
    """One measurement: a figure in a unit, and what it is compared with."""

    name: str
    value: float
    unit: str
    note: str = ""


def best(run: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of some rounds, after one that compiles and warms."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def target(key: str, value: float) -> str:
    wanted = TARGETS.get(key)
    return "" if wanted is None else f"target {wanted:,}: {'met' if value >= wanted else 'MISSED'}"
