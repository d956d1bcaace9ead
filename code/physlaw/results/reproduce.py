"""Run all cells of a study here, then collect, draw, and compare with the committed results."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import pandas as pd

from physlaw import signals, terminal
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.files import read_json, read_text, write_json
from physlaw.profiles import REPOSITORY
from physlaw.report.metrics import needed, read_metrics
from physlaw.report.tables import comparison_text
from physlaw.results.collect import collect
from physlaw.results.progress import Progress, stage_minutes
from physlaw.studies import registry

NOTES = "notes.json"


def collect_and_report(cells: list[CellConfig], out: Path, mixed_code: bool = False) -> Path:
    """Gather finished cells into `out` and draw everything; returns the page."""
    metrics, warning = collect(cells, out, mixed_code)
    grid = cells[0].grid
    notes = " ".join(text for text in (warning, grid.notes) if text)
    write_json(out / NOTES, {"text": notes, "tolerance": grid.tolerance})
    return _draw(out, metrics, notes)


def redraw(folder: Path) -> Path:
    """Tables, figures and page again, from what lies in the folder alone."""
    metrics = read_metrics(folder)
    if (metrics["kind"] == "missing").all():
        raise UserError(f"{folder / 'metrics.csv'}: none of its cells has finished; there is nothing to draw")
    with needed(str(folder / NOTES), "the page's notes"):
        notes = read_json(folder / NOTES)["text"]
    return _draw(folder, metrics, notes)


def _draw(folder: Path, metrics: pd.DataFrame, notes: str) -> Path:
    with needed(f"{folder} (metrics.csv and what lies beside it)", "tables, figures and page"):
        return registry.report_of(str(metrics["study"].iloc[0])).write(folder, metrics, notes)


_stop: Event | None = None  # of a worker: set once any cell has been interrupted or the run is over


def _as_worker(folder: str, stop: Event, parent: int) -> None:
    """A worker saves and stops when the parent dies, however it dies (Linux)."""
    global _stop
    _stop = stop
    terminal.prepare()
    signals.answer(lambda number, frame: None if os.getppid() == parent else os._exit(130))  # between cells
    signals.release()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    os.chdir(folder)


def _run_in_worker(cell: CellConfig, parent: int) -> Path:
    """run_cell, unless the run is over: the pool hands a worker its next cell before it knows of an interruption."""
    from physlaw.cell.run import run_cell

    try:
        if _stop is None or _stop.is_set() or os.getppid() != parent:
            raise KeyboardInterrupt
        with signals.stopping(signals.interrupt):
            return run_cell(cell)
    except BaseException:
        if _stop is not None:
            _stop.set()
        raise
    finally:
        if os.getppid() != parent:
            os._exit(130)  # nobody waits for the result, and the pool's queue would be waited on for ever


def default_workers(cells: list[CellConfig]) -> int:
    """Cells at once: on CPUs as many as the cores hold at the cells' thread count; one where that is not set."""
    threads = cells[0].machine.cpu_threads
    if not threads or shutil.which("nvidia-smi"):
        return 1
    return max(1, min(len(cells), len(os.sched_getaffinity(0)) // threads))


def run_cells(cells: list[CellConfig], workers: int | None = None) -> None:
    """Run every cell that has not finished, several at a time.

    Small models gain little from a second thread and much from a second process. The first failure stops the rest.
    """
    workers = default_workers(cells) if workers is None else workers
    if workers < 1:
        raise UserError(f"workers must be at least 1, got {workers}")
    if workers == 1:
        from physlaw.cell.run import run_cell

        with Progress(cells, 1):
            for number, cell in enumerate(cells, 1):
                print(f"physlaw: cell {number} of {len(cells)}: {cell.name}", file=sys.stderr, flush=True)
                run_cell(cell)
        return
    print(f"physlaw: {len(cells)} cells, {workers} at a time", file=sys.stderr, flush=True)
    context = get_context("spawn")
    with signals.held():  # a closing terminal would end Python's tracker of resources before this process
        stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, initializer=_as_worker, initargs=(os.getcwd(), stop, os.getpid()))
    try:
        longest_first = sorted(cells, key=lambda cell: -cell.train.steps)  # leaves the least idle time at the end
        with Progress(cells, workers):
            with signals.held():
                running = [pool.submit(_run_in_worker, cell, os.getpid()) for cell in longest_first]
            for done in as_completed(running):
                done.result()
    except BaseException as error:
        for worker in active_children():  # saves and ends
            worker.terminate()
        if isinstance(error, BrokenProcessPool):
            raise UserError("a process that ran a cell was killed (is memory short?); run the same command") from None
        raise
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def reproduce(cells: list[CellConfig], out: Path | None, workers: int | None = None, stack: int | None = None) -> Path:
    """Run the cells, print the table and the comparison; returns the report page.

    stack: train so many as one first; see cell.stack.
    Results go to reproduced/<study>/<table>/ unless `out` says otherwise, never into results/.
    """
    first = cells[0]
    out = out or Path("reproduced") / first.study / first.table
    committed = REPOSITORY / "results" / first.study / first.table
    if out.resolve() == committed.resolve():
        raise UserError(f"{out} holds the committed results; reproduce writes beside them, never over them")
    started = time.monotonic()
    if (stack is None and shutil.which("nvidia-smi")) or (stack or 1) > 1:
        from physlaw.cell.stack import default_stack, train_cells

        train_cells(cells, stack or default_stack())
    run_cells(cells, workers)
    ran = time.monotonic()
    page = collect_and_report(cells, out)
    print(read_text(out / "table.md"))
    if (committed / "metrics.csv").is_file():
        report = registry.report_of(first.study)
        compared = report.compare(read_metrics(out), read_metrics(committed), first.grid.tolerance)
        print(f"Beside the committed results ({committed.relative_to(REPOSITORY)}):\n")
        print(comparison_text(compared))
    else:
        print(f"No committed results for {first.study} {first.table} to compare with.\n")
    whole = time.monotonic()
    spent = [f"{seconds / 60:.1f}" for seconds in (whole - started, ran - started, whole - ran)]
    print(f"minutes: {spent[0]}, of them cells {spent[1]}, report {spent[2]}")
    print(*(f"  {line}" for line in stage_minutes(cells)), sep="\n")
    print(f"report: {page.resolve()}")
    return page
