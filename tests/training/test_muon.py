"""Muon is torch's, in a number type that the processor has."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from physlaw.bench.train import untrained
from physlaw.cell.data import training_clips
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.data.latents import EncodedClips
from physlaw.profiles import choices
from physlaw.training.muon import Muon, orthogonalize
from physlaw.training.optimizers import build_optimizers
from physlaw.training.precision import autocast, multiplies_bfloat16
from physlaw.training.tasks import DiffusionTask

SHAPES = [(48, 48), (144, 48), (48, 192), (192, 48), (48, 192), (60, 48)]


def parameters(seed: int) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def gradient(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Like those of trained layers: a few directions, and little in all others."""
    left, right = (torch.randn(n, 4, generator=generator) for n in shape)
    return left @ right.T + 1e-3 * torch.randn(shape, generator=generator)


def test_the_update_is_torchs_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = parameters(0), parameters(0)
    own, reference = Muon(ours, 0.012, 0.1), torch.optim.Muon(theirs, lr=0.012, weight_decay=0.1)
    monkeypatch.setattr(Tensor, "bfloat16", Tensor.clone)  # torch's products in the type of the gradients
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        before = [p.detach().clone() for p in ours]
        for p, q in zip(ours, theirs, strict=True):
            p.grad = gradient(p.shape, generator)
            q.grad = p.grad.clone()
        own.step()
        reference.step()
        for p, q, old in zip(ours, theirs, before, strict=True):
            assert (p - q).norm() <= 5e-4 * (q - old).norm()  # rounding, in units of the update


@pytest.mark.parametrize("shape", [(16, 16), (16, 64), (64, 16)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_singular_values_end_near_one(shape: tuple[int, int], dtype: torch.dtype) -> None:
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = orthogonalize(matrices)
    assert found.dtype == dtype
    values = torch.linalg.svdvals(found.double())
    assert values.min() > 0.6
    assert values.max() < 1.3
    left, _, right = torch.linalg.svd(matrices.double(), full_matrices=False)
    turned = left.mT @ found.double() @ right.mT  # the same singular vectors
    assert (turned - torch.diag_embed(turned.diagonal(dim1=-2, dim2=-1))).abs().max() < (
        0.1 if dtype == torch.bfloat16 else 1e-4
    )


def test_parameters_without_a_gradient_stay_and_closures_are_refused() -> None:
    first, second = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    first.grad = torch.eye(2)
    optimizer = Muon([first, second], 0.1, 0.1)
    optimizer.step()
    assert not torch.equal(first, torch.ones(2, 2))
    assert torch.equal(second, torch.ones(2, 2))
    with pytest.raises(ValueError, match="closure"):
        optimizer.step(lambda: None)


class ProductTypes(TorchDispatchMode):
    """The number types of all matrix products inside."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(part in str(func) for part in ("mm", "matmul", "attention", "linear", "conv", "bmm", "dot")):
            self.seen |= {a.dtype for a in args if isinstance(a, Tensor)}
        return func(*args, **(kwargs or {}))


def cpu_cells() -> Iterator[CellConfig]:
    """One of every study's profiles for CPUs."""
    for study in ("id_ood", "combinatorial", "attributes", "composition"):
        for profile in choices("profile", study):
            if profile.startswith(("smoke", "mini")):
                words = [f"study={study}", f"profile={profile}", "model.depth=1", "train.batch_size=2"]
                cell = compose_cell(words)
                yield compose_cell([*words, f"scenario={cell.grid.scenarios[0]}", f"size={cell.grid.sizes[0]}"])


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"])
def test_a_processor_may_be_told_to_be_a_smaller_one(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "AVX2")
    assert not multiplies_bfloat16("cpu")


def test_no_product_of_a_cpu_profile_is_in_a_type_that_the_processor_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    for cell in cpu_cells():
        if cell.tokenizer.kind != "pixels":
            assert cell.train.precision == "float32"
            continue
        model = untrained(cell)
        latents = EncodedClips(training_clips(cell), model.codec.encode, model.codec.encode_condition)
        task = DiffusionTask(model.model, model.objective, latents, model.mask, model.tokenizer, 2, 0)
        optimizers = build_optimizers(model.model, cell.train)
        with ProductTypes() as products:
            with autocast(cell.train.precision, "cpu"):
                loss = task.loss(model.model, task.batch(0))["loss"]
            loss.backward()  # type: ignore[no-untyped-call]
            for optimizer in optimizers:
                optimizer.step()
        assert products.seen == {torch.float32}, cell.name


def test_products_are_bfloat16_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before would miss if it looked at nothing."""
    parameter = nn.Parameter(torch.randn(8, 8))
    parameter.grad = torch.randn(8, 8)
    with ProductTypes() as products:
        Muon([parameter], 0.1, dtype=torch.bfloat16).step()
    assert products.seen == {torch.bfloat16}
