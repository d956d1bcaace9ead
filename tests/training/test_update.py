"""The fused update against the plain one: the same numbers to rounding, and the same checkpoints."""

import copy

import pytest
import torch
from torch import Tensor, nn

from physlaw.training.config import TrainConfig
from physlaw.training.optimizers import build_optimizers
from physlaw.training.state import TrainState, new_ema
from physlaw.training.update import FusedUpdate, plain_update


class Small(nn.Module):
    """Names as the transformer's, so that Muon finds its matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 16)
        self.blocks = nn.ModuleList(nn.Linear(16, 16) for _ in range(3))
        self.final = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for block in self.blocks:
            x = x + torch.tanh(block(x))
        return self.final(x)


def fresh(config: TrainConfig) -> TrainState:
    torch.manual_seed(0)
    model = Small()
    return TrainState(model, new_ema(model), build_optimizers(model, config))


def advance(state: TrainState, update, steps: int, skip: str = "") -> list[float]:  # type: ignore[no-untyped-def]
    """The gradients' norms; a parameter named `skip` has no gradient in odd steps."""
    norms = []
    for _ in range(steps):
        generator = torch.Generator().manual_seed(state.step)
        x = torch.randn(8, 5, generator=generator)
        (30 * state.model(x).square().mean()).backward()
        if skip and state.step % 2:
            state.model.get_parameter(skip).grad = None
        norms.append(float(update()))
    return norms


def assert_equal(one: TrainState, other: TrainState, rounding: float = 1e-4) -> None:
    left, right = one.tensors(), other.tensors()
    assert left.keys() == right.keys()
    assert one.step == other.step
    for name, value in left.items():
        apart = (right[name] - value).norm() / value.norm().clamp(min=1e-12)
        assert apart < rounding, f"{name}: {apart}"


def settings(**values: object) -> TrainConfig:
    known: dict[str, object] = {"learning_rate": 1e-2, "weight_decay": 0.1, "ema_decay": 0.99}
    return TrainConfig(**(known | values))  # type: ignore[arg-type]


CASES = {
    "clipping": {"grad_clip": 0.5},
    "no clipping": {"grad_clip": 1e6},
    "no weight decay": {"weight_decay": 0.0},
    "muon": {"optimizer": "muon", "grad_clip": 0.5},
}


@pytest.mark.parametrize("case", CASES)
def test_it_equals_the_plain_update(case: str) -> None:
    config = settings(**CASES[case])
    plain, fused = fresh(config), fresh(config)
    steps = 3 if case == "muon" else 12  # in 16 bits it would make much of a rounding
    norms = advance(plain, lambda: plain_update(plain, config), steps)
    rounding = 5e-3 if case == "muon" else 1e-4  # orthogonalising makes small singular values as large as the others
    assert advance(fused, FusedUpdate(fused, config, compiled=False), steps) == pytest.approx(norms, rel=rounding)
    assert_equal(plain, fused, rounding)
    assert all(parameter.grad is None for parameter in fused.model.parameters())


def test_a_parameter_without_a_gradient_is_left_alone() -> None:
    config = settings()
    plain, fused = fresh(config), fresh(config)
    advance(plain, lambda: plain_update(plain, config), 7, skip="final.bias")
    advance(fused, FusedUpdate(fused, config, compiled=False), 7, skip="final.bias")
    assert_equal(plain, fused)


def test_one_goes_on_from_the_other() -> None:
    config = settings()
    whole = fresh(config)
    advance(whole, lambda: plain_update(whole, config), 10)
    first = fresh(config)
    advance(first, FusedUpdate(first, config, compiled=False), 5)
    second = fresh(config)
    second.load(copy.deepcopy(first.tensors()), first.step)
    advance(second, lambda: plain_update(second, config), 3)
    third = fresh(config)
    third.load(copy.deepcopy(second.tensors()), second.step)
    advance(third, FusedUpdate(third, config, compiled=False), 2)
    assert_equal(whole, third)


@pytest.mark.slow
def test_compiled_it_equals_the_plain_update_too() -> None:
    config = settings(grad_clip=0.5)
    plain, fused = fresh(config), fresh(config)
    advance(plain, lambda: plain_update(plain, config), 6)
    update = FusedUpdate(fused, config, compiled=True)
    advance(fused, update, 6)
    assert_equal(plain, fused)
    assert update.compiled  # it has not fallen back
