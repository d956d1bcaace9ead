"""Which optimiser moves which weights, and with which learning rate at a step."""

from __future__ import annotations

import math

import torch
from torch import nn

from physlaw.training.config import TrainConfig
from physlaw.training.muon import Muon
from physlaw.training.precision import resolve_precision

MUON_PARTS = {"embed", "blocks", "head", "final"}


def learning_rate_factor(config: TrainConfig, step: int) -> float:
    """Warm-up times decay at step `step` (0-based)."""
    warm = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    begin = config.decay_start * config.steps
    share = max(0.0, step - begin) / max(config.steps - begin, 1.0)
    if config.decay == "linear":
        return warm * (1 - share)
    if config.decay == "cosine":
        return warm * 0.5 * (1 + math.cos(math.pi * share))
    return warm


def build_optimizers(model: nn.Module, config: TrainConfig, stacked: bool = False) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the weight matrices that tokens pass through and AdamW for the rest.

    The first layer and the last are among them: they multiply pixels or latents, not rows picked from a table.

    Args:
        stacked: the parameters have a leading axis, of models.
    """
    axes = 3 if stacked else 2
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [
        p for name, p in named if p.ndim == axes and name.endswith("weight") and MUON_PARTS & set(name.split("."))
    ]
    optimizers: list[torch.optim.Optimizer] = []
    taken: set[int] = set()
    if config.optimizer == "muon" and matrices:
        taken = {id(p) for p in matrices}
        native = getattr(torch, resolve_precision(config.precision, matrices[0].device.type))
        optimizers.append(Muon(matrices, config.muon_learning_rate, config.weight_decay, native))
    rest = [p for _, p in named if id(p) not in taken]
    beta1, beta2 = config.betas
    optimizers.append(
        torch.optim.AdamW(
            rest, lr=config.learning_rate, betas=(beta1, beta2), weight_decay=config.weight_decay, fused=True
        )
    )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers
