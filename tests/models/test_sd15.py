"""Loading image VAE weights, against a plain 2D VAE written here."""

import hashlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from physlaw.errors import UserError
from physlaw.models.sd15 import COMPVIS, DIFFUSERS, DIFFUSERS_OLD, load_sd15, module_table, tensor_shapes
from physlaw.models.vae import VideoVAE

# The reference: the image VAE of Stable Diffusion 1.5 with the parameter names of its first release.


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(32, channels // 4), channels, eps=1e-6)


class Block(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.norm2, self.conv2 = norm(outside), nn.Conv2d(outside, outside, 3, padding=1)
        if inside != outside:
            self.nin_shortcut = nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm = norm(c)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(c, c, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = self.q(h).flatten(2), self.k(h).flatten(2), self.v(h).flatten(2)
        scores = torch.einsum("bci,bcj->bij", q, k) / x.shape[1] ** 0.5
        return x + self.proj_out(torch.einsum("bij,bcj->bci", scores.softmax(-1), v).reshape(x.shape))


class Shrink(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Grow(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2))


def middle(c: int) -> nn.ModuleDict:
    return nn.ModuleDict({"block_1": Block(c, c), "attn_1": Attention(c), "block_2": Block(c, c)})


def level(widths: list[int], change: str = "", module: nn.Module | None = None) -> nn.ModuleDict:
    blocks = nn.ModuleList(Block(a, b) for a, b in pairwise(widths))
    return nn.ModuleDict({"block": blocks} | ({change: module} if module else {}))


def run_level(x: Tensor, parts: nn.ModuleDict, change: str) -> Tensor:
    for block in parts["block"]:  # type: ignore[attr-defined]
        x = block(x)
    return parts[change](x) if change in parts else x


class Image2D(nn.Module):
    def __init__(self, widths: list[int], blocks: int, latent: int) -> None:
        super().__init__()
        last = len(widths) - 1
        down = [
            level([widths[max(i - 1, 0)]] + [w] * blocks, "downsample", Shrink(w) if i < last else None)
            for i, w in enumerate(widths)
        ]
        up = [
            level([widths[min(i + 1, last)]] + [w] * (blocks + 1), "upsample", Grow(w) if i else None)
            for i, w in enumerate(widths)
        ]
        self.encoder = nn.ModuleDict({
            "conv_in": nn.Conv2d(3, widths[0], 3, padding=1), "down": nn.ModuleList(down), "mid": middle(widths[-1]),
            "norm_out": norm(widths[-1]), "conv_out": nn.Conv2d(widths[-1], 2 * latent, 3, padding=1),
        })  # fmt: skip
        self.quant_conv, self.post_quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1), nn.Conv2d(latent, latent, 1)
        self.decoder = nn.ModuleDict({
            "conv_in": nn.Conv2d(latent, widths[-1], 3, padding=1), "mid": middle(widths[-1]), "up": nn.ModuleList(up),
            "norm_out": norm(widths[0]), "conv_out": nn.Conv2d(widths[0], 3, 3, padding=1),
        })  # fmt: skip

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.encoder["conv_in"](images)
        for parts in self.encoder["down"]:  # type: ignore[attr-defined]
            x = run_level(x, parts, "downsample")
        return self.quant_conv(self.end(self.mid(x, self.encoder), self.encoder)).chunk(2, dim=1)

    def decode(self, latents: Tensor) -> Tensor:
        x = self.mid(self.decoder["conv_in"](self.post_quant_conv(latents)), self.decoder)
        for parts in reversed(self.decoder["up"]):  # type: ignore[call-overload]
            x = run_level(x, parts, "upsample")
        return self.end(x, self.decoder)

    def mid(self, x: Tensor, side: nn.ModuleDict) -> Tensor:
        for part in ("block_1", "attn_1", "block_2"):
            x = side["mid"][part](x)  # type: ignore[index]
        return x

    def end(self, x: Tensor, side: nn.ModuleDict) -> Tensor:
        return side["conv_out"](F.silu(side["norm_out"](x)))


def diffusers_names(tensors: dict[str, Tensor], levels: int, old: bool = False) -> dict[str, Tensor]:
    """The same tensors by the other naming, the attention's 1x1 kernels as matrices."""
    qkv = ["query", "key", "value", "proj_attn"] if old else ["to_q", "to_k", "to_v", "to_out.0"]
    renamed = {}
    for name, value in tensors.items():
        new = name
        if ".attn_1." in name:
            for part, there in zip(["norm", "q", "k", "v", "proj_out"], ["group_norm", *qkv], strict=True):
                new = new.replace(f"attn_1.{part}.", f"attentions.0.{there}.")
            value = value.flatten(1) if value.dim() == 4 else value
        new = new.replace(".mid.", ".mid_block.").replace("nin_shortcut", "conv_shortcut")
        new = re.sub(r"\.block_(\d)\.", lambda found: f".resnets.{int(found[1]) - 1}.", new)
        new = re.sub(r"\.up\.(\d+)\.", lambda found: f".up_blocks.{levels - 1 - int(found[1])}.", new)
        new = re.sub(r"\.down\.(\d+)\.", r".down_blocks.\1.", new).replace(".block.", ".resnets.")
        new = re.sub(r"\.(up|down)sample\.", r".\1samplers.0.", new)
        renamed[re.sub(r"\.norm_out\.", ".conv_norm_out.", new)] = value
    return renamed


WIDTHS, BLOCKS, LATENT = (32, 64, 64), 1, 4


@pytest.fixture(scope="module")
def reference() -> Image2D:
    torch.manual_seed(0)
    model = Image2D(list(WIDTHS), BLOCKS, LATENT).eval().requires_grad_(False)
    for parameter in model.parameters():  # norms and biases too, which start as ones and zeros
        parameter += 0.05 * torch.randn(parameter.shape)
    return model


@pytest.fixture(scope="module")
def tensors(reference: Image2D) -> dict[str, Tensor]:
    return dict(reference.state_dict())


def video_vae(temporal_levels: int) -> VideoVAE:
    """Every parameter not a number, so that one which is not loaded shows."""
    vae = VideoVAE(32, (1, 2, 2), BLOCKS, LATENT, temporal_levels).eval().requires_grad_(False)
    for parameter in vae.parameters():
        parameter.fill_(torch.nan)
    return vae


def save(path: Path, tensors: dict[str, Tensor]) -> tuple[Path, str]:
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def loaded(folder: Path, tensors: dict[str, Tensor], temporal_levels: int = 0) -> VideoVAE:
    vae = video_vae(temporal_levels)
    load_sd15(vae, *save(folder / "vae.safetensors", tensors))
    return vae


def frames_of(clips: Tensor) -> Tensor:
    return clips.transpose(1, 2).flatten(0, 1)  # (B T, C, H, W)


def assert_near(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_without_temporal_levels_every_frame_is_coded_as_an_image(
    reference: Image2D, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    vae = loaded(tmp_path, tensors)
    clips, latents = torch.rand(2, 3, 3, 16, 24) * 2 - 1, torch.randn(2, LATENT, 3, 4, 6)
    for ours, theirs in zip(vae.moments(clips), reference.moments(frames_of(clips)), strict=True):
        assert_near(frames_of(ours), theirs)
    assert_near(frames_of(vae.decode(latents)), reference.decode(frames_of(latents)))


@pytest.mark.parametrize("temporal_levels", [1, 2])
def test_a_static_clip_is_encoded_as_its_frames_and_decoded_to_copies(
    temporal_levels: int, reference: Image2D, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    vae = loaded(tmp_path, tensors, temporal_levels)
    image = torch.rand(2, 3, 16, 24) * 2 - 1
    mean, log_variance = reference.moments(image)
    ours = vae.moments(image.unsqueeze(2).expand(-1, -1, 8, -1, -1))
    count = 8 // vae.temporal_stride
    assert_near(ours[0], mean.unsqueeze(2).expand(-1, -1, count, -1, -1))
    assert_near(ours[1], log_variance.unsqueeze(2).expand(-1, -1, count, -1, -1))
    assert_near(vae.decode(ours[0]), reference.decode(mean).unsqueeze(2).expand(-1, -1, 8, -1, -1))


@pytest.mark.parametrize("temporal_levels", [1, 2])
def test_a_latent_of_a_moving_clip_is_that_of_its_last_frame(
    temporal_levels: int, reference: Image2D, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    vae = loaded(tmp_path, tensors, temporal_levels)
    stride = vae.temporal_stride
    clip = torch.rand(1, 3, 8, 16, 16) * 2 - 1
    mean = vae.moments(clip)[0]
    assert_near(frames_of(mean), reference.moments(frames_of(clip[:, :, stride - 1 :: stride]))[0])
    assert_near(frames_of(vae.decode(mean)), reference.decode(frames_of(mean)).repeat_interleave(stride, dim=0))


def test_every_naming_gives_the_same_weights(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    expected = loaded(tmp_path, tensors, 1).state_dict()
    whole_model = {f"first_stage_model.{name}": value for name, value in tensors.items()}
    whole_model |= {"model.diffusion_model.out.0.weight": torch.zeros(3), "encoder.conv_in.weight": torch.zeros(1)}
    others = [
        diffusers_names(tensors, len(WIDTHS)),
        diffusers_names(tensors, len(WIDTHS), old=True),
        whole_model,
        tensors | {"loss.logvar": torch.zeros(()), "model_ema.decay": torch.zeros(())},
    ]
    for other in others:
        state = loaded(tmp_path, other, 1).state_dict()
        assert all(torch.equal(state[name], value) for name, value in expected.items())
    assert not any(value.isnan().any() for value in expected.values())


def test_half_precision_is_read(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    vae = loaded(tmp_path, {name: value.half() for name, value in tensors.items()})
    kernel = next(vae.encoder.parameters())
    assert kernel.dtype == torch.float32
    assert torch.equal(kernel[:, :, 0], tensors["encoder.conv_in.weight"].half().float())


def test_the_full_width_names_map_one_to_one() -> None:
    with torch.device("meta"):
        vae, image = VideoVAE(), Image2D([128, 256, 512, 512], 2, 4)
    theirs = image.state_dict()
    encoder = {name: value for name, value in theirs.items() if name.startswith(("encoder.", "quant_conv."))}
    assert sum(value.numel() for value in encoder.values()) == 34_163_664
    assert sum(value.numel() for value in theirs.values()) == 83_653_863
    assert len(theirs) == 248
    namings = [
        (COMPVIS, theirs, "decoder.up.3.upsample.conv.weight"),
        (DIFFUSERS, diffusers_names(theirs, 4), "decoder.up_blocks.0.upsamplers.0.conv.weight"),
        (DIFFUSERS_OLD, diffusers_names(theirs, 4, old=True), "encoder.mid_block.attentions.0.proj_attn.bias"),
    ]
    for naming, there, example in namings:
        table = module_table(vae, naming)
        layers = [name for _, names in table for name in names]
        modules = [id(module) for module, _ in table]
        assert len(set(layers)) == len(layers) == 124
        assert len(set(modules)) == len(modules)
        assert example in there
        shapes = {name: value.shape + (1, 1) * (value.dim() == 2) for name, value in there.items()}
        assert tensor_shapes(table) == shapes


@pytest.mark.parametrize("name", ["encoder.conv_in.bias", "decoder.up.2.upsample.conv.weight", "quant_conv.weight"])
def test_a_missing_tensor_is_refused(name: str, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    rest = {other: value for other, value in tensors.items() if other != name}
    shape = re.escape(str(list(tensors[name].shape)))
    with pytest.raises(UserError, match=rf"vae\.safetensors: tensor {re.escape(name)} of shape {shape} is missing"):
        loaded(tmp_path, rest)


def test_a_missing_tensor_is_named_as_in_the_file(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    there = diffusers_names(tensors, len(WIDTHS), old=True)
    del there["decoder.mid_block.attentions.0.key.weight"]
    with pytest.raises(UserError, match=r"tensor decoder\.mid_block\.attentions\.0\.key\.weight of shape"):
        loaded(tmp_path, there)


@pytest.mark.parametrize("name", ["encoder.down.2.downsample.conv.weight", "decoder.mid.attn_2.q.bias", "quant_conv.x"])
def test_a_tensor_without_a_place_is_refused(name: str, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"vae\.safetensors: tensor {re.escape(name)} of shape \[5\] has no place"):
        loaded(tmp_path, tensors | {name: torch.zeros(5)})


@pytest.mark.parametrize(
    ("name", "shape"),
    [("encoder.conv_in.weight", (32, 3, 1, 3)), ("decoder.mid.attn_1.k.weight", (64, 63)),
     ("decoder.up.1.upsample.conv.bias", (256,)), ("encoder.norm_out.weight", (1, 64)),
     ("encoder.conv_out.weight", (8, 64))],
)  # fmt: skip
def test_another_shape_is_refused_and_nothing_is_changed(
    name: str, shape: tuple[int, ...], tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    path, digest = save(tmp_path / "vae.safetensors", tensors | {name: torch.zeros(shape)})
    vae = video_vae(2)
    there, here = (re.escape(str(list(size))) for size in (shape, tensors[name].shape))
    text = rf"vae\.safetensors: tensor {re.escape(name)} has shape {there}; this model needs {here}"
    with pytest.raises(UserError, match=text):
        load_sd15(vae, path, digest)
    assert all(parameter.isnan().all() for parameter in vae.parameters())


def test_another_hash_is_refused_and_both_are_named(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path, digest = save(tmp_path / "vae.safetensors", tensors)
    with pytest.raises(UserError, match=rf"vae\.safetensors: SHA-256 is {digest}; expected {'0' * 64}"):
        load_sd15(video_vae(0), path, "0" * 64)
    load_sd15(video_vae(0), path, digest.upper())


def test_what_is_not_safetensors_is_refused(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path, _ = save(tmp_path / "vae.safetensors", tensors)
    path.write_bytes(path.read_bytes()[:-1])
    pickled = tmp_path / "vae.ckpt"
    torch.save(tensors, pickled)
    for bad in (path, pickled):
        with pytest.raises(UserError, match=rf"{bad.name}: not a readable safetensors file"):
            load_sd15(video_vae(0), bad, hashlib.sha256(bad.read_bytes()).hexdigest())
    with pytest.raises(UserError, match=r"none\.safetensors: not a readable safetensors file \(.*No such file"):
        load_sd15(video_vae(0), tmp_path / "none.safetensors", "0" * 64)
