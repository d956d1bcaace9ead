"""Which number type matrix products use."""

from __future__ import annotations

import os
from pathlib import Path

import torch

# What the environment may forbid: the libraries' own variables, in the order of instruction sets.
_ONEDNN_BEFORE_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
_ATEN_BEFORE_BFLOAT16 = ("default", "avx2")


def multiplies_bfloat16(device: str) -> bool:
    """Whether the device multiplies bfloat16 natively; elsewhere it is slower than float32.

    A processor that is told to leave its wider instructions unused (ONEDNN_MAX_CPU_ISA, ATEN_CPU_CAPABILITY) lacks it.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in _ONEDNN_BEFORE_BFLOAT16:
        return False
    if os.environ.get("ATEN_CPU_CAPABILITY", "").lower() in _ATEN_BEFORE_BFLOAT16:
        return False
    flags = Path("/proc/cpuinfo")
    return flags.exists() and bool(
        {"amx_bf16", "avx512_bf16"} & set(flags.read_text(encoding="utf-8", errors="replace").split())
    )


def resolve_precision(precision: str, device: str) -> str:
    """float32 or bfloat16 for train.precision."""
    if precision != "auto":
        return precision
    return "bfloat16" if multiplies_bfloat16(device) else "float32"


def autocast(precision: str, device: str) -> torch.autocast:
    """Matrix products inside in train.precision; weights stay float32."""
    return torch.autocast(device, torch.bfloat16, enabled=resolve_precision(precision, device) == "bfloat16")
