from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from physlaw.errors import UserError
from physlaw.files import sha256_file
from physlaw.models.lpips import LPIPS, AlexNetFeatures

Weights = dict[str, Tensor]


@pytest.fixture
def weights() -> Weights:
    torch.manual_seed(0)
    tensors = {f"features.{name}": value.detach() for name, value in AlexNetFeatures().named_parameters()}
    return tensors | {f"lin{k}.weight": torch.rand(1, c, 1, 1) for k, c in enumerate((64, 192, 384, 256, 256))}


def store(folder: Path, weights: Weights) -> tuple[Path, str]:
    path = folder / "lpips.safetensors"
    save_file(weights, path)
    return path, sha256_file(path)


@pytest.fixture
def lpips(tmp_path: Path, weights: Weights) -> LPIPS:
    return LPIPS(*store(tmp_path, weights))


def pictures(count: int = 2, height: int = 64, width: int = 64) -> Tensor:
    return torch.rand(count, 3, height, width) * 2 - 1


def restated(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """The published definition over torch.nn.functional."""

    def stages(z: Tensor) -> list[Tensor]:
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        z = (z - shift[None, :, None, None]) / scale[None, :, None, None]
        found = []
        for index, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
            z = z if index not in (3, 6) else F.max_pool2d(z, 3, 2)
            weight, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
            z = F.relu(F.conv2d(z, weight, bias, stride, padding))
            found.append(z / (z.pow(2).sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    pairs = enumerate(zip(stages(x), stages(y), strict=True))
    return sum(F.conv2d((a - b) ** 2, weights[f"lin{k}.weight"]).mean((1, 2, 3)) for k, (a, b) in pairs)


@pytest.mark.parametrize(("height", "width"), [(31, 31), (32, 48), (64, 64), (128, 96)])
def test_it_equals_the_published_definition(lpips: LPIPS, weights: Weights, height: int, width: int) -> None:
    x, y = pictures(3, height, width), pictures(3, height, width)
    found = lpips(x, y)
    assert found.shape == (3,)
    torch.testing.assert_close(found, restated(weights, x, y))


def test_features_are_alexnet_s() -> None:
    stages = AlexNetFeatures()(torch.zeros(1, 3, 224, 224))
    assert [tuple(s.shape[1:]) for s in stages] == [
        (64, 55, 55),
        (192, 27, 27),
        *[(c, 13, 13) for c in (384, 256, 256)],
    ]
    assert sum(parameter.numel() for parameter in AlexNetFeatures().parameters()) == 2_469_696  # torchvision's


def test_a_picture_is_at_no_distance_from_itself_and_the_distance_is_symmetric(lpips: LPIPS) -> None:
    x, y = pictures(), pictures()
    assert not lpips(x, x).any()
    torch.testing.assert_close(lpips(x, y), lpips(y, x))
    assert (lpips(x, y) > 0).all()


def test_more_noise_is_further_away(lpips: LPIPS) -> None:
    x = pictures() / 2
    noise = torch.randn_like(x)
    distances = torch.stack([lpips(x, x + strength * noise) for strength in (0.0, 0.03, 0.1, 0.3)])
    assert (distances.diff(dim=0) > 0).all()


def test_samples_do_not_mix(lpips: LPIPS) -> None:
    x, y = pictures(), pictures()
    other = x.clone()
    other[1] *= -1
    torch.testing.assert_close(lpips(x, y)[0], lpips(other, y)[0], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(lpips(x, y)[0], lpips(x[:1], y[:1])[0], atol=1e-6, rtol=1e-5)


def test_weights_are_frozen_and_the_pictures_get_a_gradient(lpips: LPIPS) -> None:
    assert not any(parameter.requires_grad for parameter in lpips.parameters())
    x = pictures().requires_grad_()
    lpips(x, pictures()).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad.any()


def test_silent_features_give_zeros_and_no_nan(tmp_path: Path, weights: Weights) -> None:
    weights = {name: torch.full_like(v, -1e3) if name.endswith("bias") else v for name, v in weights.items()}
    x = pictures().requires_grad_()
    distance = LPIPS(*store(tmp_path, weights))(x, pictures())
    distance.sum().backward()
    assert not distance.any()
    assert x.grad is not None
    assert not x.grad.any()


def test_autocast_changes_little_and_keeps_float32(lpips: LPIPS) -> None:
    x, y = pictures(), pictures()
    exact = lpips(x, y)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = lpips(x, y)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0)


def test_reading_weights_leaves_the_random_generator_alone(tmp_path: Path, weights: Weights) -> None:
    path, digest = store(tmp_path, weights)
    before = torch.get_rng_state()
    LPIPS(path, digest)
    assert torch.equal(before, torch.get_rng_state())


def test_half_precision_files_are_read_as_float32(tmp_path: Path, weights: Weights) -> None:
    lpips = LPIPS(*store(tmp_path, {name: value.half() for name, value in weights.items()}))
    assert {parameter.dtype for parameter in lpips.parameters()} == {torch.float32}


def test_too_small_pictures_are_refused(lpips: LPIPS) -> None:
    with pytest.raises(UserError, match=r"30 x 64 pixels.*at least 31"):
        lpips(pictures(1, 30, 64), pictures(1, 30, 64))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.safetensors: no such file"):
        LPIPS(tmp_path / "absent.safetensors", "0" * 64)


def test_another_digest_is_refused_with_both(tmp_path: Path, weights: Weights) -> None:
    path, digest = store(tmp_path, weights)
    with pytest.raises(UserError, match=f"{digest}, expected {'0' * 64}"):
        LPIPS(path, "0" * 64)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    path.write_text("no tensors here")
    with pytest.raises(UserError, match="not readable as safetensors"):
        LPIPS(path, sha256_file(path))


def test_missing_and_unknown_tensors_are_named(tmp_path: Path, weights: Weights) -> None:
    fewer = {name: value for name, value in weights.items() if name != "features.6.bias"}
    with pytest.raises(UserError, match=r"lacks tensors: features\.6\.bias"):
        LPIPS(*store(tmp_path, fewer))
    with pytest.raises(UserError, match=r"has unknown tensors: classifier\.1\.bias"):
        LPIPS(*store(tmp_path, weights | {"classifier.1.bias": torch.zeros(1)}))


def test_a_tensor_of_another_shape_is_refused_with_both_shapes(tmp_path: Path, weights: Weights) -> None:
    with pytest.raises(UserError, match=r"lin2\.weight has shape \(384,\), expected \(1, 384, 1, 1\)"):
        LPIPS(*store(tmp_path, weights | {"lin2.weight": torch.ones(384)}))
