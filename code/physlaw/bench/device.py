"""What the device here could do at most, and what memory was used."""

from __future__ import annotations

import resource
import time

import torch

from physlaw.training import ranks
from physlaw.training.precision import resolve_precision

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}  # dense bfloat16, by a part of the device's name


def synchronize() -> None:
    """Wait for the device."""
    if ranks.device() == "cuda":
        torch.cuda.synchronize()


def matmul_tflops(dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product here, the best of some."""
    device = ranks.device()
    side = 4096 if device == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        a @ b
        synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best / 1e12


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
