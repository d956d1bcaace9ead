"""Batches made ahead of time in a thread of their own, and copied to the accelerator while it works."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from queue import Empty, Full, Queue
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
AHEAD = 3  # batches that wait at most
_POLL_S = 0.2


def prefetched(items: Iterator[Item], ahead: int = AHEAD) -> Generator[Item]:
    """The same items in the same order, made in a thread; what is raised there is raised here.

    Closing the iterator, or leaving it, ends the thread.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(ahead)
    closed = threading.Event()

    def put(item: Item | None, error: BaseException | None) -> None:
        while not closed.is_set():
            with suppress(Full):
                queue.put((item, error), timeout=_POLL_S)
                return

    def work() -> None:
        try:
            for item in items:
                put(item, None)
                if closed.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        closed.set()
        while thread.is_alive():  # it may wait for room
            try:
                queue.get_nowait()
            except Empty:
                thread.join(_POLL_S)


def on_device(batches: Iterator[dict[str, Tensor]], device: torch.device) -> Generator[dict[str, Tensor]]:
    """The batches on the device. For a GPU they are made ahead and copied while it computes; a CPU has no time to
    spare, and a second thread pool on its cores costs more than it gains."""
    if device.type == "cpu":
        yield from batches
        return

    def pinned() -> Iterator[dict[str, Tensor]]:
        torch.cuda.set_device(device)  # a thread's own
        for batch in batches:
            yield {name: value.pin_memory() if value.device.type == "cpu" else value for name, value in batch.items()}

    with closing(prefetched(pinned())) as ahead:
        for batch in ahead:
            yield {name: value.to(device, non_blocking=True) for name, value in batch.items()}
