"""Whether and how a model is compiled: decided once, by trying it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from physlaw.training import ranks
from physlaw.training.config import MachineConfig

MIN_STEPS = 2000  # auto: below this a run is over before compiling has paid


def choose_compiling(machine: MachineConfig, steps: int, parts: int) -> str:
    """off, blocks or graphs for machine.compile and a run of so many steps, each of so many parts."""
    if machine.compile == "auto":
        return "blocks" if steps >= MIN_STEPS else "off"
    if machine.compile == "graphs" and (parts > 1 or ranks.world() > 1):
        ranks.say("CUDA graphs need the whole batch in one process; compiling blocks instead")
        return "blocks"
    return machine.compile


def compile_model(model: nn.Module, regions: list[nn.Module], how: str, check: Callable[[], Any]) -> bool:
    """Compile in place if that works everywhere, else leave the model as it was and say why in one line.

    Args:
        regions: what is compiled each by itself (`blocks`): as fast as the whole, and ready in a fraction of the time.
        check: uses the model once.
    Returns:
        Whether the model is compiled now.
    """
    if how == "off":
        return False
    chosen, mode = (regions, None) if how == "blocks" else ([model], "reduce-overhead")
    for module in chosen:
        module.compile(dynamic=False, mode=mode)
    worked = True
    try:
        check()
    except Exception as error:
        worked = False
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        print(f"physlaw: not compiling, running eagerly ({first[:120]})", file=sys.stderr, flush=True)
    if ranks.mean(torch.tensor(float(worked), device=ranks.device())) == 1:
        return True
    for module in chosen:
        module._compiled_call_impl = None  # torch has no word for it
    return False
