"""The update of a step: gradients clipped, weights moved, their moving average after them; one by one, or fused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from physlaw.training.config import TrainConfig
from physlaw.training.state import TrainState

Tensors = list[Tensor]


def plain_update(state: TrainState, config: TrainConfig) -> Tensor:
    """Advance the state by one step from its gradients, which are dropped; returns their norm before clipping."""
    norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.grad_clip)
    advance(state, config)
    return norm


def advance(state: TrainState, config: TrainConfig) -> None:
    """Weights, step and average moved by gradients that are clipped already, which are dropped."""
    for optimizer in state.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    state.step += 1
    state.update_ema(config.ema_decay)


class FusedUpdate:
    """plain_update to rounding, with AdamW, its share of the clipping and its share of the average in one function.

    Compiled, that is one pass over the weights instead of three. Parameters of another optimiser, or of an AdamW that
    moves only some of its own, are clipped here, moved by it, and averaged as before. The optimisers' state is theirs:
    checkpoints are the same either way.

    Args:
        compiled: compile the functions at their first use; where that fails it says so and they run as they are.
    """

    def __init__(self, state: TrainState, config: TrainConfig, compiled: bool) -> None:
        self.state, self.config = state, config
        self._names = {parameter: name for name, parameter in state.model.named_parameters()}
        self._even: set[int] = set()  # optimisers that are known to have moved all their parameters equally often
        self._norm, self._adamw = _Function(_norm_and_scale, compiled), _Function(_adamw_and_average, compiled)

    @property
    def compiled(self) -> bool:
        return self._norm.compiled and self._adamw.compiled

    @torch.no_grad()
    def __call__(self) -> Tensor:
        """As plain_update."""
        state, config = self.state, self.config
        decay = state.decay_after(state.step + 1, config.ema_decay)
        norm, scale = self._norm([p.grad for p in self._names if p.grad is not None], config.grad_clip)
        averaged: set[str] = set()
        for optimizer in state.optimizers:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            if isinstance(optimizer, torch.optim.AdamW) and self._is_even(optimizer, parameters):
                for group in optimizer.param_groups:
                    self._move(optimizer, group, scale, decay)
                averaged |= {self._names[p] for p in parameters}
            else:
                torch._foreach_mul_([p.grad for p in parameters if p.grad is not None], scale)
                optimizer.step()
                self._even.discard(id(optimizer))
            optimizer.zero_grad(set_to_none=True)
        state.step += 1
        rest = {name: p for p, name in self._names.items() if name not in averaged}
        if rest:
            torch._foreach_lerp_([state.ema[name] for name in rest], list(rest.values()), 1 - decay)
        return norm

    def _is_even(self, optimizer: torch.optim.AdamW, parameters: Tensors) -> bool:
        """Whether all have a gradient and have been moved as often: then one bias correction serves them all."""
        if any(p.grad is None for p in parameters):
            return False
        if id(optimizer) not in self._even:  # asking waits for the device
            if len({float(_adamw_state(optimizer, p)["step"]) for p in parameters}) > 1:
                return False
            self._even.add(id(optimizer))
        return True

    def _move(self, optimizer: torch.optim.AdamW, group: dict[str, Any], scale: Tensor, decay: float) -> None:
        """One group's parameters and averages."""
        moved = group["params"]
        kept = [_adamw_state(optimizer, p) for p in moved]
        beta1, beta2 = group["betas"]
        now = torch.tensor([group["lr"], 1 - decay], dtype=torch.float64, device=scale.device)
        self._adamw(
            moved,
            [p.grad for p in moved],
            [s["exp_avg"] for s in kept],
            [s["exp_avg_sq"] for s in kept],
            [s["step"] for s in kept],
            [self.state.ema[self._names[p]] for p in moved],
            scale,
            now,
            (beta1, beta2, group["eps"], group["weight_decay"]),
        )


def _adamw_state(optimizer: torch.optim.AdamW, parameter: Tensor) -> dict[str, Tensor]:
    """What AdamW keeps of a parameter, made as it makes it at its first step."""
    kept = optimizer.state[parameter]
    if not kept:
        kept["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        for key in ("exp_avg", "exp_avg_sq"):
            kept[key] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    return kept


def _norm_and_scale(gradients: Tensors, clip: float) -> tuple[Tensor, Tensor]:
    """The gradients' norm, and what clipping multiplies them by."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm, (clip / (norm + 1e-6)).clamp(max=1.0)


# So many arguments because it is compiled: tensors that come from elsewhere at every step, each under its name.
def _adamw_and_average(
    parameters: Tensors,
    gradients: Tensors,
    firsts: Tensors,
    seconds: Tensors,
    steps: Tensors,
    averages: Tensors,
    scale: Tensor,
    now: Tensor,
    fixed: tuple[float, float, float, float],
) -> None:
    """In place: moments, parameters and averages. now: learning rate and the average's share of the new weights."""
    beta1, beta2, epsilon, weight_decay = fixed
    torch._foreach_add_(steps, 1)
    step = steps[0].double()  # float32 would lose most of 1 - beta2 in the first steps
    rate, share = now[0], now[1].float()
    root = (1 - beta2**step).sqrt().float()
    size = (-rate / (1 - beta1**step)).float()
    scaled = torch._foreach_mul(gradients, scale)
    torch._foreach_lerp_(firsts, scaled, 1 - beta1)
    torch._foreach_mul_(seconds, beta2)
    torch._foreach_addcmul_(seconds, scaled, scaled, 1 - beta2)
    if weight_decay:
        torch._foreach_mul_(parameters, (1 - rate * weight_decay).float())
    below = torch._foreach_sqrt(seconds)
    torch._foreach_div_(below, root)
    torch._foreach_add_(below, epsilon)
    change = torch._foreach_div(firsts, below)
    torch._foreach_mul_(change, size)
    torch._foreach_add_(parameters, change)
    apart = torch._foreach_sub(parameters, averages)
    torch._foreach_mul_(apart, share)
    torch._foreach_add_(averages, apart)


class _Function:
    """A function that is compiled, where asked, when it is first called, and runs as it is where that fails."""

    def __init__(self, function: Callable[..., Any], compiled: bool) -> None:
        self._plain = self._function = function
        self.compiled, self._tried = compiled, not compiled
        if compiled:
            self._function = torch.compile(function, dynamic=False, fullgraph=True)

    def __call__(self, *arguments: Any) -> Any:
        if self._tried:
            return self._function(*arguments)
        self._tried = True
        try:
            return self._function(*arguments)
        except Exception as error:  # of compiling: nothing has been changed yet
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            print(f"physlaw: the update is not compiled ({first[:120]})", file=sys.stderr, flush=True)
            self._function, self.compiled = self._plain, False
            return self._function(*arguments)
