"""Which number type matrix products use."""

from __future__ import annotations

from pathlib import Path

import torch


def multiplies_bfloat16(device: str) -> bool:
    """Whether the device multiplies bfloat16 natively; elsewhere it is slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    flags = Path("/proc/cpuinfo")
    return flags.exists() and bool({"amx_bf16", "avx512_bf16"} & set(flags.read_text().split()))


def resolve_precision(precision: str, device: str) -> str:
    """float32 or bfloat16 for train.precision."""
    if precision != "auto":
        return precision
    return "bfloat16" if multiplies_bfloat16(device) else "float32"


def autocast(precision: str, device: str) -> torch.autocast:
    """Matrix products inside in train.precision; weights stay float32."""
    return torch.autocast(device, torch.bfloat16, enabled=resolve_precision(precision, device) == "bfloat16")
