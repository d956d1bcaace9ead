"""How far the cells of a study are, and how long the rest takes on this machine: read from their run folders."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from physlaw.config import CellConfig
from physlaw.launch.estimate import training_flops
from physlaw.launch.status import last_record
from physlaw.schema import read_record
from physlaw.terminal import LINE_S, PLAIN, show_bar

EVALUATION_SHARE = 0.15  # of a cell's training time, until it is known
POLL_S = 2.0


@dataclass
class CellProgress:
    """One cell: state in words, share of its whole work, seconds per unit of work (None: not known yet)."""

    name: str
    state: str  # waiting, training, evaluating, finished
    done: float
    second_per_flop: float | None
    flops: float


def look(cell: CellConfig) -> CellProgress:
    """The cell as its run folder shows it."""
    flops = training_flops(cell)
    record = last_record(cell.folder)
    rate = float(record.get("steps_per_s") or 0.0)
    pace = cell.train.steps / rate / flops / record.get("stacked", 1) if rate else None
    trained = float(record.get("step", 0)) / cell.train.steps
    share = 1 / (1 + EVALUATION_SHARE)
    if (cell.folder / "evaluation.json").exists():
        return CellProgress(cell.name, "finished", 1.0, pace, flops)
    if (cell.folder / "provenance.json").exists():
        return CellProgress(cell.name, "evaluating", share, pace, flops)
    return CellProgress(cell.name, "training" if record else "waiting", share * trained, pace, flops)


def seconds_left(cells: list[CellProgress], workers: int) -> float | None:
    """When so many workers take what is left, longest first; None until some cell's pace is known."""
    paces = [c.second_per_flop for c in cells if c.second_per_flop is not None]
    if not paces:
        return None
    usual = max(paces)
    rest = [
        (1 - c.done) * (1 + EVALUATION_SHARE) * c.flops * (usual if c.second_per_flop is None else c.second_per_flop)
        for c in cells
    ]
    busy = [0.0] * max(workers, 1)
    for seconds in sorted(rest, reverse=True):
        busy[busy.index(min(busy))] += seconds
    return max(busy)


def minutes(seconds: float) -> str:
    """About so long, for people."""
    return f"{max(1, round(seconds / 60))} min"


class Progress:
    """Tells people about the run while it goes on: a bar on a terminal, else a line at least every 30 s."""

    def __init__(self, cells: list[CellConfig], workers: int) -> None:
        self.cells, self.workers = cells, workers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="progress", daemon=True)
        self.started = time.monotonic()

    def text(self) -> tuple[str, float | None]:
        """What is to say, and the seconds left."""
        found = [look(cell) for cell in self.cells]
        left = seconds_left(found, self.workers)
        finished = sum(c.state == "finished" for c in found)
        running = [f"{c.name} {100 * c.done:.0f} %" for c in found if c.state in ("training", "evaluating")]
        parts = [f"{finished} of {len(found)} cells finished", *running[: 2 * self.workers]]
        if left is not None:
            parts.append(f"about {minutes(left)} left")
        return ", ".join(parts), left

    def _work(self) -> None:
        shape = "{desc} {percentage:3.0f} %|{bar}| {postfix}"
        bar = tqdm(total=100, desc="physlaw", bar_format=shape) if self._bar else None
        estimated, said = False, time.monotonic()
        while not self._over.wait(POLL_S):
            text, left = self.text()
            passed = time.monotonic() - self.started
            if left is not None and not estimated:
                estimated = True
                _say(bar, f"physlaw: about {minutes(passed + left)} here")
            if bar is not None:
                bar.n = 100 * passed / (passed + left) if left is not None else 0
                bar.set_postfix_str(text)
            elif time.monotonic() - said >= LINE_S - POLL_S:
                said = time.monotonic()
                _say(None, f"physlaw: {passed / 60:.1f} min: {text}")
        if bar is not None:
            bar.close()

    def __enter__(self) -> Progress:
        self._bar, self._plain = show_bar(), os.environ.get(PLAIN)
        os.environ[PLAIN] = "quiet"  # the cells', here and in workers that start from now on
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._plain is None:
            del os.environ[PLAIN]
        else:
            os.environ[PLAIN] = self._plain


def _say(bar: Any, text: str) -> None:
    (print if bar is None else bar.write)(text, file=sys.stderr)
    sys.stderr.flush()


def stage_minutes(cells: list[CellConfig]) -> list[str]:
    """A line per cell: minutes of training and of evaluation, over all calls."""
    lines = []
    for cell in cells:
        spent = [
            float(read_record(cell.folder / name).get(key, 0.0)) / 60
            for name, key in (("provenance.json", "train_seconds"), ("evaluation.json", "seconds"))
        ]
        lines.append(f"{cell.name}: training {spent[0]:.1f}, evaluation {spent[1]:.1f}")
    return lines
