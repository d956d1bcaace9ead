"""From the names in a published file to those of our networks, with every shape checked."""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor, nn

from physlaw.errors import UserError
from physlaw.models import i3d
from physlaw.models.lpips import WIDTHS, AlexNetFeatures

Tensors = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]

PARTS = ("weight", "bias", "running_mean", "running_var")
# How kinetics_i3d_pytorch, from which the published TorchScript comes, names what the branches of a block hold.
BRANCHES = {
    "b0": "branch_0",
    "b1a": "branch_1.0",
    "b1b": "branch_1.1",
    "b2a": "branch_2.0",
    "b2b": "branch_2.1",
    "b3b": "branch_3.1",
    "bn": "batch3d",
}


def lpips_tensors(backbone: Tensors, heads: Tensors, files: tuple[Path, Path]) -> Tensors:
    """Our LPIPS file's tensors from torchvision's AlexNet and the published heads (lin<k>.model.1.weight)."""
    features = nn.ModuleDict({"features": AlexNetFeatures()}).state_dict()
    kept = _take(backbone, {name: name for name in features}, _shapes(features), files[0])
    renamed = {f"lin{k}.weight": f"lin{k}.model.1.weight" for k in range(len(WIDTHS))}
    head_shapes: Shapes = {f"lin{k}.weight": (1, width, 1, 1) for k, width in enumerate(WIDTHS)}
    return kept | _take(heads, renamed, head_shapes, files[1], whole=True)


def i3d_tensors(found: Tensors, epsilon: str | None, path: Path) -> tuple[Tensors, str]:
    """Our I3D file's tensors, and how they were recognised.

    By name where the file names all layers as pytorch-i3d or as kinetics_i3d_pytorch do; else the convolutions, and
    the normalisations, in the file's order: those must be as many as ours and each of the right shape.

    Args:
        epsilon: what the file's code says its normalisations add to the variance; None: it says nothing.

    Raises:
        UserError: a layer is missing, left over or of another shape, or another epsilon.
    """
    if epsilon is not None and [float(number) for number in epsilon.split(",")] != [i3d.EPSILON]:
        raise UserError(f"{path}: its batch normalisation adds {epsilon} to the variance, this network {i3d.EPSILON}")
    found = {name: value for name, value in found.items() if not name.endswith(i3d.COUNTER)}
    shapes = i3d.tensor_shapes()
    for how, table in (
        ("by the names of pytorch-i3d", {name: name for name in shapes}),
        ("by the names of kinetics_i3d_pytorch", {name: _their_name(name) for name in shapes}),
    ):
        if found.keys() == set(table.values()):
            return _take(found, table, shapes, path, whole=True), how
    return _take(found, _in_order(found, shapes, path), shapes, path, whole=True), "by order and shape"


def _their_name(ours: str) -> str:
    """Mixed_3b.b1a.bn.weight -> mixed_3b.branch_1.0.batch3d.weight; logits.conv3d.bias -> conv3d_0c_1x1.conv3d.bias."""
    layer, *inner = ours.split(".")
    layer = "conv3d_0c_1x1" if layer == "logits" else layer[0].lower() + layer[1:]
    return ".".join([layer, *(BRANCHES.get(part, part) for part in inner)])


def _in_order(found: Tensors, shapes: Shapes, path: Path) -> dict[str, str]:
    """Our names -> the file's, module by module in order; a module's tensors are told apart by their last names."""
    table: dict[str, str] = {}
    for what, dimensions in (("convolutions", 5), ("normalisations", 1)):
        ours, theirs = (_modules({k: len(v) for k, v in all_.items()}, dimensions) for all_ in (shapes, _shapes(found)))
        if len(ours) != len(theirs):
            raise UserError(f"{path}: it has {len(theirs)} {what}, I3D has {len(ours)}")
        for our, their in zip(ours, theirs, strict=True):
            table |= {f"{our}.{part}": f"{their}.{part}" for part in PARTS if f"{our}.{part}" in shapes}
    return table


def _modules(dimensions: dict[str, int], of_weight: int) -> list[str]:
    """Modules whose weight has so many dimensions."""
    ends = re.compile(r"(.*)\.weight")
    matches = ((ends.fullmatch(name), count) for name, count in dimensions.items())
    return [match[1] for match, count in matches if match and count == of_weight]


def _shapes(tensors: Tensors) -> Shapes:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _take(found: Tensors, table: dict[str, str], shapes: Shapes, path: Path, whole: bool = False) -> Tensors:
    """Our names -> float32 tensors under the names that `table` gives; `whole`: nothing may be left over."""
    missing = [theirs for theirs in table.values() if theirs not in found]
    if missing:
        raise UserError(f"{path}: tensor {missing[0]} is missing ({len(missing)} in all)")
    left = found.keys() - table.values()
    if whole and left:
        raise UserError(f"{path}: tensor {min(left)} has no place in this network ({len(left)} in all)")
    for ours, theirs in table.items():
        if tuple(found[theirs].shape) != shapes[ours]:
            raise UserError(f"{path}: {theirs} has shape {tuple(found[theirs].shape)}, expected {shapes[ours]}")
    return {ours: found[theirs].float().contiguous() for ours, theirs in table.items()}
