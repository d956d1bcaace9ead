"""Muon: momentum whose update is orthogonalised, for the weight matrices of hidden layers.

Jordan et al. 2024 (kellerjordan.github.io/posts/muon). The same update as torch.optim.Muon, whose products are always
bfloat16: where a processor lacks that type they are emulated, at more than ten times the cost of a whole step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of x, x^3, x^5: the steepest at zero that stays near one
ITERATIONS = 5
MOMENTUM = 0.95
EPS = 1e-7


def orthogonalize(matrices: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """The nearest matrices with orthonormal rows or columns, roughly: singular values end between 0.7 and 1.2.

    Newton-Schulz: X <- a X + b (X X') X + c (X X')^2 X, in the number type of `matrices`.

    Args:
        matrices: (K, M, N), tall or wide.
    Returns:
        (K, M, N)
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=EPS)[:, None, None]
    rows, columns = x.shape[-2:]
    # All factors are polynomials of one Gram matrix G = X X' and commute, so the iteration can go on G alone and touch
    # X twice. Per step that takes 8 M^3 instead of 4 M^2 N + 2 M^3: less where N > 1.5 M. bfloat16 is too coarse for
    # it (G holds squares of singular values).
    if x.dtype == torch.float32 and columns > 1.5 * rows:
        gram = x @ x.mT
        product: Tensor | None = None
        for k in range(iterations):
            factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
            factor.diagonal(dim1=-2, dim2=-1).add_(a)
            product = factor if product is None else factor @ product
            if k < iterations - 1:
                gram = factor @ (gram @ factor)
        x = x if product is None else product @ x
    else:
        for _ in range(iterations):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Matrices of one shape (or one the other's transpose) are worked on together. A parameter is a matrix, or a stack
    of matrices (K, M, N), each moved by itself.

    Args:
        parameters: matrices.
        lr: the update's spectral norm, times sqrt(max(1, rows / columns)).
        dtype: of the products; one that the device multiplies natively.
    """

    def __init__(
        self, parameters: list[nn.Parameter], lr: float, weight_decay: float = 0.0, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step from the gradients at hand; parameters without one stay."""
        if closure is not None:
            raise ValueError("no closures")
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rows, columns = parameter.shape[-2:]
                    alike.setdefault((min(rows, columns), max(rows, columns)), []).append(parameter)
            for parameters in alike.values():
                self._step_alike(parameters, group["lr"], group["weight_decay"])

    def _step_alike(self, parameters: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        for parameter in parameters:
            if "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        grads = [p.grad for p in parameters if p.grad is not None]
        buffers = [self.state[p]["momentum_buffer"] for p in parameters]
        torch._foreach_lerp_(buffers, grads, 1 - MOMENTUM)
        ahead = torch._foreach_lerp(grads, buffers, MOMENTUM)  # Nesterov's
        tall = [p.shape[-2] > p.shape[-1] for p in parameters]
        wide = torch.stack([g.mT if t else g for g, t in zip(ahead, tall, strict=True)]).to(self.dtype)
        updates = orthogonalize(wide.flatten(0, -3)).to(parameters[0].dtype).view(wide.shape).unbind()
        for parameter, update, upright in zip(parameters, updates, tall, strict=True):
            if weight_decay:
                parameter.mul_(1 - lr * weight_decay)
            rows, columns = parameter.shape[-2:]
            parameter.add_(update.mT if upright else update, alpha=-lr * math.sqrt(max(1.0, rows / columns)))
