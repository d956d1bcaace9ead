import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from physlaw.errors import UserError
from physlaw.evaluation import pictures
from physlaw.evaluation.frechet import frechet_distance, pool_latents
from physlaw.evaluation.pictures import frame_lpips, frame_metrics
from physlaw.files import sha256_file
from physlaw.metric import notes_of
from physlaw.models.lpips import LPIPS, AlexNetFeatures
from physlaw.studies.combinatorial.generated import Part
from physlaw.studies.combinatorial.measures import Measured, Networks, measure_set, set_row

Frames = NDArray[np.uint8]


def noise(*shape: int, seed: int = 0, low: int = 0, high: int = 256) -> Frames:
    return np.random.default_rng(seed).integers(low, high, shape, dtype=np.uint8)


def smooth(count: int, length: int, side: int) -> Frames:
    """Pictures of slow waves, another phase in every frame."""
    y, x = np.mgrid[:side, :side]
    frame = np.arange(count * length).reshape(count, length, 1, 1, 1)
    wave = np.sin(x[..., None] / 7 + frame / 3 + np.arange(3)) * np.cos(y[..., None] / 9)
    return np.round(127.5 + 100 * wave).astype(np.uint8)


# SSIM and PSNR


def test_clips_equal_to_the_truth_have_ssim_1_and_psnr_100() -> None:
    truth = noise(2, 3, 16, 20, 3)
    found = frame_metrics(truth, truth.copy())
    assert found.ssim.shape == found.psnr.shape == (2, 3)
    np.testing.assert_allclose(found.ssim, 1, atol=1e-12)
    assert (found.psnr == 100).all()


def test_ssim_and_psnr_are_scikit_image_s_under_the_same_protocol() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    for truth, generated in (
        (noise(2, 2, 24, 31, 3), noise(2, 2, 24, 31, 3, seed=1)),
        (smooth(2, 2, 40), np.roll(smooth(2, 2, 40), 1, axis=3)),
        (smooth(1, 2, 11), noise(1, 2, 11, 11, 3, low=200)),
    ):
        found = frame_metrics(truth, generated)
        for at in np.ndindex(truth.shape[:2]):
            one, other = truth[at] / 255, generated[at] / 255
            ssim = metrics.structural_similarity(
                one, other, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=-1
            )
            assert found.ssim[at] == pytest.approx(ssim, abs=1e-10)
            psnr = metrics.peak_signal_noise_ratio(one, other, data_range=1)
            assert found.psnr[at] == pytest.approx(psnr, abs=1e-10)


def test_ssim_is_the_published_formula_on_one_window() -> None:
    truth, generated = noise(1, 1, 11, 11, 3), noise(1, 1, 11, 11, 3, seed=1)
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(weights, weights) / weights.sum() ** 2
    values = []
    for channel in range(3):
        x, y = truth[0, 0, ..., channel] / 255, generated[0, 0, ..., channel] / 255
        mx, my = (weights * x).sum(), (weights * y).sum()
        vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
        covariance = (weights * (x - mx) * (y - my)).sum()
        c1, c2 = 0.01**2, 0.03**2
        values.append((2 * mx * my + c1) * (2 * covariance + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert frame_metrics(truth, generated).ssim.item() == pytest.approx(np.mean(values), abs=1e-12)


def test_a_known_offset_gives_its_psnr_and_ssim() -> None:
    truth = np.full((1, 2, 16, 16, 3), 100, np.uint8)
    generated = truth + np.uint8(10)
    found = frame_metrics(truth, generated)
    np.testing.assert_allclose(found.psnr, 20 * math.log10(255 / 10), rtol=1e-12)
    a, b = 100 / 255, 110 / 255  # without variance only the means are compared
    np.testing.assert_allclose(found.ssim, (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4), rtol=1e-9)


def test_a_known_noise_gives_its_psnr() -> None:
    truth = noise(1, 1, 128, 128, 3, low=20, high=230)
    sigma = 8.0
    step = np.round(np.random.default_rng(1).normal(0, sigma, truth.shape).clip(-20, 25))
    found = frame_metrics(truth, (truth + step).astype(np.uint8))
    expected = 10 * math.log10(255**2 / (sigma**2 + 1 / 12))  # rounding adds a variance of 1 / 12
    assert found.psnr.item() == pytest.approx(expected, abs=0.1)


def test_a_shift_by_a_pixel_costs_less_than_one_by_four() -> None:
    truth = smooth(1, 2, 48)
    one, four = (frame_metrics(truth, np.roll(truth, pixels, axis=3)) for pixels in (1, 4))
    assert (one.ssim > four.ssim).all()
    assert (one.psnr > four.psnr).all()


def test_a_step_edge_shifted_by_a_pixel_has_the_psnr_of_one_column() -> None:
    truth = np.zeros((1, 1, 32, 32, 3), np.uint8)
    truth[:, :, :, 16:] = 255
    generated = np.zeros_like(truth)
    generated[:, :, :, 17:] = 255
    assert frame_metrics(truth, generated).psnr.item() == pytest.approx(10 * math.log10(32), abs=1e-9)


def test_one_level_in_a_large_frame_counts_as_equal_as_in_the_released_scripts() -> None:
    truth = noise(1, 1, 256, 256, 3, high=255)
    generated = truth.copy()
    generated[0, 0, 0, 0, 0] += 1
    assert 1 / 255**2 / generated.size < 1e-10
    assert frame_metrics(truth, generated).psnr.item() == 100
    assert frame_metrics(truth[..., :128, :, :], generated[..., :128, :, :]).psnr.item() < 100


def test_frames_do_not_mix_and_memory_is_bounded_by_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, generated = smooth(2, 3, 16), noise(2, 3, 16, 16, 3)
    together = frame_metrics(truth, generated)
    monkeypatch.setattr(pictures, "PIXELS_AT_ONCE", 2 * 16 * 16)
    apart = frame_metrics(truth, generated)
    np.testing.assert_allclose(apart.ssim, together.ssim, atol=1e-12)
    np.testing.assert_allclose(apart.psnr, together.psnr, atol=1e-12)
    alone = frame_metrics(truth[1:, 2:], generated[1:, 2:])
    np.testing.assert_allclose(alone.ssim, together.ssim[1:, 2:], atol=1e-12)


def test_what_are_no_clips_is_refused() -> None:
    clips = noise(1, 2, 16, 16, 3)
    for bad in (clips[0], clips[..., :1], clips.astype(np.float32), clips[:0]):
        with pytest.raises(UserError, match=r"clips must be \(N, T, H, W, 3\) uint8, got"):
            frame_metrics(bad, bad)
    with pytest.raises(UserError, match="differ in shape"):
        frame_metrics(clips, clips[:, :1])
    with pytest.raises(UserError, match="frames of 10 x 16 pixels: SSIM needs at least 11"):
        frame_metrics(clips[:, :, :10], clips[:, :, :10])


# LPIPS


@pytest.fixture(scope="module")
def lpips(tmp_path_factory: pytest.TempPathFactory) -> LPIPS:
    torch.manual_seed(0)
    tensors = {f"features.{name}": value.detach() for name, value in AlexNetFeatures().named_parameters()}
    tensors |= {f"lin{k}.weight": torch.rand(1, c, 1, 1) for k, c in enumerate((64, 192, 384, 256, 256))}
    path = tmp_path_factory.mktemp("weights") / "lpips.safetensors"
    save_file(tensors, path)
    return LPIPS(path, sha256_file(path))


def test_lpips_is_taken_frame_by_frame_on_pixels_from_minus_1_to_1(lpips: LPIPS) -> None:
    truth, generated = smooth(2, 2, 32), noise(2, 2, 32, 32, 3)
    found = frame_lpips(lpips, truth, generated)
    assert found.shape == (2, 2)
    one, other = (torch.from_numpy(clips[1, 0]).permute(2, 0, 1)[None] / 255 * 2 - 1 for clips in (truth, generated))
    assert found[1, 0] == pytest.approx(lpips(one, other).item(), rel=1e-4)
    assert not frame_lpips(lpips, truth, truth).any()


# The Frechet distance


def gaussian(mean: NDArray[np.float64], root: NDArray[np.float64], count: int, seed: int = 0) -> NDArray[np.float64]:
    """A sample whose mean and unbiased covariance (root'root) are exactly these."""
    values = np.random.default_rng(seed).normal(size=(count, len(mean)))
    values -= values.mean(axis=0)
    white = values @ np.linalg.inv(np.linalg.cholesky(np.cov(values, rowvar=False))).T
    return white @ root + mean


def test_sets_are_at_no_distance_from_themselves_whatever_their_rank() -> None:
    for count, size in ((500, 64), (20, 64), (2, 3), (50, 1)):
        features = np.random.default_rng(0).normal(size=(count, size)) * 100
        assert frechet_distance(features, features) < 1e-8
        assert frechet_distance(features, features[::-1]) < 1e-8


def test_a_shift_is_at_its_squared_length() -> None:
    features = np.random.default_rng(0).normal(size=(30, 8))
    shift = np.arange(8.0)
    assert frechet_distance(features, features + shift) == pytest.approx((shift**2).sum(), rel=1e-9)


def test_gaussians_are_at_the_distance_of_the_closed_forms() -> None:
    size, count = 6, 200
    mean = np.zeros(size)
    a, b = np.diag(np.arange(1.0, size + 1)), np.diag(np.linspace(0.5, 3, size))
    diagonal = ((np.diag(a) - np.diag(b)) ** 2).sum()  # covariances that commute: distance of the standard deviations
    assert frechet_distance(gaussian(mean, a, count), gaussian(mean, b, 300, seed=1)) == pytest.approx(
        diagonal, rel=1e-9
    )
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(size, size)))[0]
    turned = frechet_distance(gaussian(mean, a @ turn, count), gaussian(mean + 1, b @ turn, 300, seed=1))
    assert turned == pytest.approx(diagonal + size, rel=1e-9)
    plane = frechet_distance(
        gaussian(np.zeros(2), np.array([[2.0, 1], [0, 1]]), 50), gaussian(np.zeros(2), np.eye(2), 50)
    )
    covariance = np.array([[2.0, 1], [0, 1]]).T @ np.array([[2.0, 1], [0, 1]])
    trace_of_root = math.sqrt(np.trace(covariance) + 2 * math.sqrt(np.linalg.det(covariance)))  # of a 2 x 2 matrix
    assert plane == pytest.approx(np.trace(covariance) + 2 - 2 * trace_of_root, rel=1e-9)


def test_more_noise_is_further_away() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 5))
    distances = [frechet_distance(features, features + s * rng.normal(size=features.shape)) for s in (0.1, 0.5, 2)]
    assert distances == sorted(distances)
    assert distances[2] == pytest.approx(5 * (math.sqrt(5) - 1) ** 2, rel=0.2)  # spread 1 and sqrt(1 + 4)


def test_it_equals_scipy_s_matrix_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(400, 400)) / 20
    one, other = rng.normal(size=(600, 400)) @ mix, rng.normal(size=(500, 400)) @ mix.T + 0.1
    s1, s2 = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = linalg.sqrtm(s1 @ s2).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-7)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-7)


def test_features_that_cannot_be_compared_are_refused() -> None:
    for bad, message in (
        (np.zeros((1, 3)), r"at least 2 clips, got shape \(1, 3\)"),
        (np.zeros(3), "got shape"),
        (np.full((3, 2), np.nan), "finite"),
        (np.zeros((3, 4)), "features of 4 and of 3 dimensions"),
    ):
        with pytest.raises(UserError, match=message):
            frechet_distance(bad, np.zeros((5, 3)))


def test_not_more_clips_than_dimensions_is_noted() -> None:
    features = np.random.default_rng(0).normal(size=(6, 5))

    def row(features: NDArray[np.float64]) -> dict[str, Any]:
        known = {f"{source}_latents": features for source in ("truth", "generated")}
        return set_row("set", Measured(pd.DataFrame(index=range(len(features))), {}, known, {}))

    assert not row(features)["notes"]
    assert row(features[:5])["notes"] == "frechet_latent: biased: 5 clips for 5 dimensions"
    assert row(features[:5])["clips"] == 5


def test_latents_are_pooled_per_frame_and_channel() -> None:
    latents = np.random.default_rng(0).normal(size=(3, 4, 8, 5, 6)).astype(np.float32)
    found = pool_latents(torch.from_numpy(latents))
    assert found.shape == (3, 2 * 4 * 8)
    assert found[1, 2 * 8 + 3] == pytest.approx(latents[1, 2, 3].mean(), abs=1e-6)
    assert found[1, 32 + 2 * 8 + 3] == pytest.approx(latents[1, 2, 3].std(), abs=1e-6)
    with pytest.raises(UserError, match="five axes"):
        pool_latents(latents[0])


def encode(frames: Frames) -> Tensor:
    """Stands for a tokenizer: halves of time, quarters of space."""
    clips = torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float() / 255
    return torch.nn.functional.avg_pool3d(clips, (2, 4, 4))


def test_the_latents_distance_is_zero_for_the_truth_and_grows_with_brightness() -> None:
    truth = noise(40, 4, 16, 16, 3, high=200)
    kept = pool_latents(encode(truth))
    assert kept.shape == (40, 12)
    found = [frechet_distance(kept, pool_latents(encode(truth + np.uint8(add)))) for add in (0, 5, 50)]
    assert found == pytest.approx([0, *(6 * (add / 255) ** 2 for add in (5, 50))], rel=1e-5, abs=1e-9)


def test_a_measure_without_its_network_has_no_value_but_a_reason(lpips: LPIPS) -> None:
    clips = smooth(2, 2, 16)

    def logits(frames: Frames) -> NDArray[np.float32]:
        raise UserError("clips of 2 frames: I3D takes 9 or more")

    def row(networks: Networks) -> dict[str, Any]:
        made: Any = [Part(np.arange(2), clips, clips, clips)]
        measured = measure_set(made, networks, lambda frames, part: pd.DataFrame(index=range(len(frames))))
        return set_row("set", measured)

    found = row(Networks(encode, lpips, logits))
    notes = notes_of(found)
    assert list(notes) == ["lpips", "fvd", "frechet_latent"]
    assert "16 x 16 pixels: LPIPS needs at least 31" in notes["lpips"]
    assert notes["fvd"] == "clips of 2 frames: I3D takes 9 or more"
    assert np.isnan([found["generated_lpips"], found["generated_fvd"]]).all()
    assert (found["generated_psnr"], found["generated_psnr_low"], found["clips"]) == (100, 100, 2)
    assert found["generated_frechet_latent"] == pytest.approx(0, abs=1e-9)
    assert "physlaw weights" in notes_of(row(Networks(encode)))["lpips"]


def test_the_evaluator_of_frames_knows_no_network() -> None:
    for name in ("pictures", "frechet"):
        assert "physlaw.models" not in Path(pictures.__file__).with_name(f"{name}.py").read_text()
