"""What the device here could do at most, and what memory was used."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import torch

from physlaw.training import ranks
from physlaw.training.precision import resolve_precision

# Dense bfloat16 by a part of the device's name, the first that fits.
PEAK_TFLOPS = {"H100 PCIe": 756.0, "H100 NVL": 835.0, "H200 NVL": 835.0, "H100": 989.0, "H200": 989.0, "A100": 312.0}


def synchronize() -> None:
    """Wait for the device."""
    if ranks.device() == "cuda":
        torch.cuda.synchronize()


def best_seconds(work: Callable[[], object], rounds: int = 10) -> float:
    """Seconds of the work, the best of some rounds; on a GPU, where one call is too short, of ten in a row."""
    calls, best = 10 if ranks.device() == "cuda" else 1, float("inf")
    for _ in range(rounds):
        synchronize()
        started = time.perf_counter()
        for _ in range(calls):
            work()
        synchronize()
        best = min(best, (time.perf_counter() - started) / calls)
    return best


def matmul_tflops(dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product here, the best of some."""
    device = ranks.device()
    side = 8192 if device == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / best_seconds(lambda: a @ b) / 1e12


def copy_gb_per_s(size: int) -> float:
    """GB/s of copying `size` bytes within the device's memory, bytes read and bytes written counted."""
    source = torch.ones(size, dtype=torch.uint8, device=ranks.device())
    target = torch.empty_like(source)
    return 2 * size / best_seconds(lambda: target.copy_(source)) / 1e9


def peak_tflops(precision: str) -> tuple[float, str]:
    """What the device could do at most, and where that is from: its data sheet, or a measured matrix product."""
    if ranks.device() == "cuda":
        name = torch.cuda.get_device_name(0)
        for part, value in PEAK_TFLOPS.items():
            if part in name:
                return value, f"data sheet of {name}, dense bfloat16"
    precision = resolve_precision(precision, ranks.device())
    return matmul_tflops(getattr(torch, precision)), f"matrix product measured here in {precision}"


def reset_peak_memory() -> None:
    """Start anew with the device's peak; a CPU's process has no such thing."""
    if ranks.device() == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_memory_gb() -> float:
    """Of the device since the reset, or of the process since its start."""
    if ranks.device() == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9
