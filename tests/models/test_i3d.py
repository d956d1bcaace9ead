from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from physlaw.errors import UserError
from physlaw.files import sha256_file
from physlaw.models.i3d import I3D, SHORTEST, load_i3d, pad_same, pool, prepare, tensor_shapes

Weights = dict[str, Tensor]

# The published table (Carreira and Zisserman 2017, Fig. 3; the widths are GoogLeNet's, Szegedy et al. 2015, Table 1).
GOOGLENET = """
    3b 192  64  96 128 16  32  32
    3c 256 128 128 192 32  96  64
    4b 480 192  96 208 16  48  64
    4c 512 160 112 224 24  64  64
    4d 512 128 128 256 24  64  64
    4e 512 112 144 288 32  64  64
    4f 528 256 160 320 32 128 128
    5b 832 256 160 320 32 128 128
    5c 832 384 192 384 48 128 128
"""


@pytest.fixture(scope="module")
def network() -> I3D:
    torch.manual_seed(0)
    network = I3D()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = 1.0  # the statistics of the clips below, or hardly any signal would reach the end
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
    with torch.no_grad():
        network.train().trunk(torch.rand(2, 3, 16, 64, 64) * 2 - 1)
    return network.eval()


def restated_trunk(w: Weights, x: Tensor) -> Tensor:
    """The published network over torch.nn.functional, with TensorFlow's padding by hand."""

    def same(x: Tensor, window: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        for axis, (width, step) in enumerate(zip(window, stride, strict=True), start=2):
            size = x.shape[axis]
            missing = width - step if size % step == 0 else width - size % step
            shape = list(x.shape)
            for end in (0, 1):
                shape[axis] = (max(missing, 0) + end) // 2
                x = torch.cat([torch.zeros(shape), x] if end == 0 else [x, torch.zeros(shape)], dim=axis)
        return x

    def unit(x: Tensor, name: str, size: int, step: int = 1) -> Tensor:
        x = F.conv3d(same(x, (size,) * 3, (step,) * 3), w[f"{name}.conv3d.weight"], stride=step)
        mean, variance = (w[f"{name}.bn.running_{part}"][:, None, None, None] for part in ("mean", "var"))
        weight, bias = (w[f"{name}.bn.{part}"][:, None, None, None] for part in ("weight", "bias"))
        return ((x - mean) / (variance + 1e-3).sqrt() * weight + bias).clamp(min=0)

    def pooled(x: Tensor, window: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        return F.max_pool3d(same(x, window, stride), window, stride)

    x = pooled(unit(x, "Conv3d_1a_7x7", 7, 2), (1, 3, 3), (1, 2, 2))
    x = pooled(unit(unit(x, "Conv3d_2b_1x1", 1), "Conv3d_2c_3x3", 3), (1, 3, 3), (1, 2, 2))
    for row in GOOGLENET.split("\n")[1:-1]:
        name = f"Mixed_{row.split()[0]}"
        branches = [unit(x, f"{name}.b0", 1), *(unit(unit(x, f"{name}.b{k}a", 1), f"{name}.b{k}b", 3) for k in (1, 2))]
        x = torch.cat([*branches, unit(pooled(x, (3, 3, 3), (1, 1, 1)), f"{name}.b3b", 1)], dim=1)
        if name in ("Mixed_3c", "Mixed_4f"):
            x = pooled(x, *(((3, 3, 3),) if name == "Mixed_3c" else ((2, 2, 2),)), (2, 2, 2))
    return x


@pytest.mark.parametrize("size", [(9, 33, 40), (16, 64, 64), (11, 47, 50)])
@torch.inference_mode()
def test_the_trunk_equals_the_published_definition(network: I3D, size: tuple[int, int, int]) -> None:
    network = deepcopy(network).double()  # in float32 the layers would amplify rounding
    clips = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    found = network.trunk(clips)
    assert found.shape == (2, 1024, *(-(-side // step) for side, step in zip(size, (8, 32, 32), strict=True)))
    assert found.std(dim=(2, 3, 4)).mean() > 0.1  # it sees the picture
    torch.testing.assert_close(found, restated_trunk(network.state_dict(), clips), rtol=1e-8, atol=1e-8)


@torch.inference_mode()
def test_the_logits_are_averaged_over_time(network: I3D, monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.rand(2, 1024, 4, 7, 7)
    monkeypatch.setattr(network, "trunk", lambda clips: features)
    found = network(torch.zeros(2, 3, 32, 224, 224))
    pairs = torch.stack([features[:, :, k : k + 2].mean((2, 3, 4)) for k in range(3)]).mean(0)
    layer = network.logits.conv3d
    torch.testing.assert_close(found, pairs @ layer.weight.flatten(1).T + layer.bias, rtol=1e-4, atol=1e-5)


def test_widths_names_and_number_of_parameters_are_the_published_ones() -> None:
    shapes = tensor_shapes()
    for row in GOOGLENET.split("\n")[1:-1]:
        name, before, b0, b1a, b1b, b2a, b2b, b3b = row.split()
        for branch, (out, into, size) in {
            "b0": (b0, before, 1),
            "b1a": (b1a, before, 1),
            "b1b": (b1b, b1a, 3),
            "b2a": (b2a, before, 1),
            "b2b": (b2b, b2a, 3),
            "b3b": (b3b, before, 1),
        }.items():
            assert shapes[f"Mixed_{name}.{branch}.conv3d.weight"] == (int(out), int(into), size, size, size)
            assert shapes[f"Mixed_{name}.{branch}.bn.running_var"] == (int(out),)
    assert shapes["Conv3d_1a_7x7.conv3d.weight"] == (64, 3, 7, 7, 7)
    assert shapes["logits.conv3d.bias"] == (400,)
    assert len(shapes) == 57 * 5 + 2
    learned = sum(np.prod(shape) for name, shape in shapes.items() if "running" not in name)
    assert learned == 12_697_264  # 12.7 million, as published


def test_padding_is_tensorflow_s() -> None:
    x = torch.ones(1, 1, 5, 8, 9)
    padded = pad_same(x, (3, 3, 7), (2, 2, 2))
    assert padded.shape == (1, 1, 7, 9, 15)  # 5: one zero at each end; 8: one, at the end; 9: three at each end
    assert padded[0, 0, 0].sum() == padded[0, 0, -1].sum() == 0
    assert padded[0, 0, 1, 0].sum() == 9
    assert padded[0, 0, 1, -1].sum() == 0
    assert padded[0, 0, 1, 0, :3].sum() == padded[0, 0, 1, 0, -3:].sum() == 0
    assert pool(x, (2, 2, 2), (2, 2, 2)).shape == (1, 1, 3, 4, 5)
    assert pad_same(x, (1, 1, 1), (1, 1, 1)).shape == x.shape


@pytest.mark.slow
@torch.inference_mode()
def test_clips_become_400_logits_each_by_itself(network: I3D) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, SHORTEST, 40, 48, 3), dtype=np.uint8)
    found = network.logits_of(frames)
    assert found.shape == (2, 400)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(network.logits_of(frames[1:]), found[1:], rtol=1e-3, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_too_short_clips_are_refused(network: I3D) -> None:
    with pytest.raises(UserError, match="clips of 8 frames, 224 x 224: I3D takes 9 or more"):
        network.logits_of(np.zeros((1, 8, 32, 32, 3), np.uint8))
    with pytest.raises(UserError, match="16 frames, 128 x 128"):
        network(torch.zeros(1, 3, 16, 128, 128))


def test_a_square_clip_is_resized_as_torch_does_without_smoothing() -> None:
    frames = torch.randint(0, 256, (2, 3, 256, 256, 3), dtype=torch.uint8)
    found = prepare(frames)
    assert found.shape == (2, 3, 3, 224, 224)
    one = F.interpolate(frames[1, 2].permute(2, 0, 1)[None].float() / 255, (224, 224), mode="bilinear")[0]
    torch.testing.assert_close(found[1, :, 2], one * 2 - 1)
    for value, expected in ((255, 1.0), (0, -1.0)):
        found = prepare(torch.full((1, 1, 8, 8, 3), value, dtype=torch.uint8))
        torch.testing.assert_close(found, torch.full((1, 3, 1, 224, 224), expected))


def test_the_middle_of_a_wide_clip_is_kept() -> None:
    frames = torch.arange(448, dtype=torch.float32).expand(1, 1, 224, 448)[..., None].expand(-1, -1, -1, -1, 3)
    found = (prepare(frames) + 1) / 2 * 255
    torch.testing.assert_close(found[0, 0, 0, 0], torch.arange(112.0, 336), rtol=1e-4, atol=1e-3)
    assert prepare(torch.zeros(1, 1, 100, 75, 3)).shape == (1, 3, 1, 224, 224)
    tall = frames.transpose(2, 3)
    torch.testing.assert_close(prepare(tall).transpose(3, 4), prepare(frames))


def test_a_file_s_weights_are_read_and_frozen(tmp_path: Path, network: I3D) -> None:
    path, names = tmp_path / "i3d.safetensors", list(tensor_shapes())
    save_file({name: network.state_dict()[name].half() for name in names}, path)
    before = torch.get_rng_state()
    loaded = load_i3d(path, sha256_file(path))
    assert torch.equal(before, torch.get_rng_state())
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for name in names:
        assert loaded.state_dict()[name].dtype == torch.float32
        assert torch.equal(loaded.state_dict()[name], network.state_dict()[name].half().float())


def test_files_that_do_not_fit_are_refused(tmp_path: Path, network: I3D) -> None:
    path, state = tmp_path / "i3d.safetensors", network.state_dict()
    good = {name: state[name] for name in tensor_shapes()}
    for change, message in (
        ({"logits.conv3d.bias": None}, r"lacks tensors: logits\.conv3d\.bias \(1 in all\)"),
        ({"extra": torch.ones(1)}, r"has unknown tensors: extra \(1 in all\)"),
        ({"logits.conv3d.bias": torch.ones(3)}, r"has shape \(3,\), expected \(400,\)"),
    ):
        save_file({name: value for name, value in (good | change).items() if value is not None}, path)
        with pytest.raises(UserError, match=message):
            load_i3d(path, sha256_file(path))
    with pytest.raises(UserError, match=f"expected {'0' * 64}"):
        load_i3d(path, "0" * 64)
    path.write_text("text")
    with pytest.raises(UserError, match="not readable as safetensors"):
        load_i3d(path, sha256_file(path))
    with pytest.raises(UserError, match=r"absent: no such file"):
        load_i3d(tmp_path / "absent", "0" * 64)
