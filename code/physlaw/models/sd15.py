"""The video VAE started from the image VAE of Stable Diffusion 1.5 (arXiv 2112.10752), inflated to 3D.

A 2D kernel goes into the last temporal tap of a causal kernel and the other taps are zero, so at the start every
frame is encoded and decoded by itself: latent frame k is the image latent of the last frame it stands for, and is
decoded to copies of one image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from physlaw.errors import UserError
from physlaw.files import sha256_file
from physlaw.models.vae import CausalConv, Downsample, FrameAttention, FrameNorm, ResBlock, Upsample, VideoVAE

OURS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")  # a whole model's file holds more
PREFIX = "first_stage_model."  # of the VAE in such a file

# Nearest-neighbour doubling, then a kernel of 3, as two kernels of 3 on the small grid: NEAREST[sub-pixel, small tap,
# large tap]. The even pixel 2 i sees 2 i - 1, 2 i, 2 i + 1, which are copies of i - 1, i, i; the odd one i, i, i + 1.
NEAREST = torch.tensor([[[1.0, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])


@dataclass(frozen=True)
class Naming:
    """How a file names the layers. level: of resolution, 0 the finest; order: levels in the order of the decoder."""

    down: str = "encoder.down.{level}.block.{block}"
    downsample: str = "encoder.down.{level}.downsample.conv"
    up: str = "decoder.up.{level}.block.{block}"
    upsample: str = "decoder.up.{level}.upsample.conv"
    middle: tuple[str, str, str] = ("mid.block_1", "mid.attn_1", "mid.block_2")
    norm_out: str = "norm_out"
    skip: str = "nin_shortcut"
    attention: tuple[str, str, str, str, str] = ("norm", "q", "k", "v", "proj_out")


COMPVIS = Naming()
DIFFUSERS = Naming(
    down="encoder.down_blocks.{level}.resnets.{block}",
    downsample="encoder.down_blocks.{level}.downsamplers.0.conv",
    up="decoder.up_blocks.{order}.resnets.{block}",
    upsample="decoder.up_blocks.{order}.upsamplers.0.conv",
    middle=("mid_block.resnets.0", "mid_block.attentions.0", "mid_block.resnets.1"),
    norm_out="conv_norm_out",
    skip="conv_shortcut",
    attention=("group_norm", "to_q", "to_k", "to_v", "to_out.0"),
)
DIFFUSERS_OLD = replace(DIFFUSERS, attention=("group_norm", "query", "key", "value", "proj_attn"))

Table = list[tuple[nn.Module, tuple[str, ...]]]


def module_table(vae: VideoVAE, naming: Naming) -> Table:
    """Our modules with the names of the layers that fill them; the extra temporal convolutions have no such layer."""
    levels = 1 + sum(isinstance(layer, Downsample) for layer in vae.encoder.layers)
    blocks = (sum(isinstance(layer, ResBlock) for layer in vae.encoder.layers) - 2) // levels
    names = ["encoder.conv_in"]
    for level in range(levels):
        names += [naming.down.format(level=level, block=block) for block in range(blocks)]
        if level < levels - 1:
            names.append(naming.downsample.format(level=level))
    names += [f"encoder.{part}" for part in (*naming.middle, naming.norm_out, "conv_out")]
    names += ["quant_conv", "post_quant_conv", "decoder.conv_in", *(f"decoder.{part}" for part in naming.middle)]
    for order, level in enumerate(reversed(range(levels))):
        names += [naming.up.format(level=level, order=order, block=block) for block in range(blocks + 1)]
        if level:
            names.append(naming.upsample.format(level=level, order=order))
    names += [f"decoder.{naming.norm_out}", "decoder.conv_out"]
    layers = [layer for layer in (*vae.encoder.layers, *vae.decoder.layers) if not isinstance(layer, nn.SiLU)]
    return [pair for layer, name in zip(layers, names, strict=True) for pair in _parts(layer, name, naming)]


def _parts(layer: nn.Module, name: str, naming: Naming) -> Table:
    if isinstance(layer, ResBlock):
        parts = {"norm1": layer.norm1, "conv1": layer.conv1, "norm2": layer.norm2, "conv2": layer.conv2}
        if isinstance(layer.skip, CausalConv):
            parts[naming.skip] = layer.skip
        return [(module, (f"{name}.{part}",)) for part, module in parts.items()]
    if isinstance(layer, FrameAttention):
        norm, *qkv, proj = (f"{name}.{part}" for part in naming.attention)
        return [(layer.norm, (norm,)), (layer.qkv, tuple(qkv)), (layer.proj, (proj,))]
    return [(layer.conv if isinstance(layer, Downsample) else layer, (name,))]


def tensor_shapes(table: Table) -> dict[str, tuple[int, ...]]:
    """Every tensor that a file must hold, and its 2D shape."""
    shapes: dict[str, tuple[int, ...]] = {}
    for module, names in table:
        if isinstance(module, FrameNorm):
            weight: tuple[int, ...] = (module.norm.num_channels,)
        else:
            conv = _conv(module)
            copies = math.prod(module.factors) if isinstance(module, Upsample) else len(names)
            weight = (conv.out_channels // copies, conv.in_channels, *conv.kernel_size[1:])
        for name in names:
            shapes |= {f"{name}.weight": weight, f"{name}.bias": weight[:1]}
    return shapes


def _conv(module: nn.Module) -> nn.Conv3d:
    causal = module.conv if isinstance(module, Upsample) else module
    assert isinstance(causal, CausalConv)
    return causal.conv


def _fill(module: nn.Module, weight: Tensor, bias: Tensor) -> None:
    if isinstance(module, FrameNorm):
        module.norm.weight.copy_(weight)
        module.norm.bias.copy_(bias)
        return
    if isinstance(module, Upsample):
        split = torch.einsum("ayh,bxw,oihw->oabiyx", NEAREST, NEAREST, weight)
        weight = split.unsqueeze(1).expand(-1, module.factors[0], *split.shape[1:]).flatten(0, 3)
        bias = bias.repeat_interleave(math.prod(module.factors))
    conv = _conv(module)
    conv.weight.zero_()
    conv.weight[:, :, -1].copy_(weight)
    conv.get_parameter("bias").copy_(bias)


def _check(path: Path, found: dict[str, list[int]], expected: dict[str, tuple[int, ...]]) -> None:
    for name, shape in expected.items():
        if name not in found:
            raise UserError(f"{path}: tensor {name} of shape {list(shape)} is missing")
        flat = shape[:2] if shape[2:] == (1, 1) else shape  # a 1x1 convolution may be stored as a matrix
        if tuple(found[name]) not in (shape, flat):
            raise UserError(f"{path}: tensor {name} has shape {found[name]}; this model needs {list(shape)}")
    for name, there in found.items():
        if name not in expected:
            raise UserError(f"{path}: tensor {name} of shape {there} has no place in this model")


@torch.no_grad()
def load_sd15(vae: VideoVAE, path: Path, sha256: str) -> None:
    """Copy the weights of a safetensors file into `vae`, whose statistics stay as they are.

    Args:
        vae: of the file's widths, with any number of temporal levels.
        path: the VAE alone or a whole model, in the naming of CompVis or of diffusers.
        sha256: the file's hex digest.

    Raises:
        UserError: another digest, a file that cannot be read, or a tensor missing, left over or of another shape;
            `vae` is then as before.
    """
    try:
        digest = sha256_file(path)
        if digest != sha256.lower():
            raise UserError(f"{path}: SHA-256 is {digest}; expected {sha256.lower()}")
        with safe_open(path, "pt") as file:
            keys = list(file.keys())
            prefix = PREFIX if any(key.startswith(PREFIX) for key in keys) else ""
            names = [key.removeprefix(prefix) for key in keys if key.startswith(tuple(prefix + ours for ours in OURS))]
            found = {name: file.get_slice(prefix + name).get_shape() for name in names}
            tables = [module_table(vae, naming) for naming in (COMPVIS, DIFFUSERS, DIFFUSERS_OLD)]
            table = max(tables, key=lambda table: len(tensor_shapes(table).keys() & found.keys()))
            expected = tensor_shapes(table)
            _check(path, found, expected)
            tensors = {name: file.get_tensor(prefix + name).float().reshape(expected[name]) for name in names}
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error})") from None
    for module, layers in table:
        _fill(module, *(torch.cat([tensors[f"{name}.{part}"] for name in layers]) for part in ("weight", "bias")))
    for layer in vae.encoder.layers:
        if isinstance(layer, Downsample) and isinstance(layer.extra, CausalConv):
            identity = torch.eye(layer.extra.conv.out_channels)[:, :, None, None]
            _fill(layer.extra, identity, torch.zeros(len(identity)))
