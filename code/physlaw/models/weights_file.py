"""Weights of others' networks from a file that is known by its digest."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from physlaw.errors import UserError
from physlaw.files import sha256_file


def read_weights(path: Path, sha256: str, shapes: dict[str, tuple[int, ...]], what: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file as float32.

    Args:
        sha256: the file's hex digest. shapes: every tensor that it must hold. what: whose weights, for messages.
    Raises:
        UserError: the file is missing, has another digest, is no safetensors file, or a tensor in it is missing,
            unknown or of another shape.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file of {what} weights")
    found = sha256_file(path)
    if found != sha256.lower():
        raise UserError(f"{path}: its SHA-256 is {found}, expected {sha256}")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: not readable as safetensors ({error})") from None
    for kind, names in (("lacks", shapes.keys() - tensors.keys()), ("has unknown", tensors.keys() - shapes.keys())):
        if names:
            raise UserError(f"{path} {kind} tensors: {', '.join(sorted(names)[:5])} ({len(names)} in all)")
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise UserError(f"{path}: {name} has shape {tuple(tensors[name].shape)}, expected {shape}")
    return {name: value.float() for name, value in tensors.items()}
