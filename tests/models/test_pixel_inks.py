import numpy as np
import pytest
import torch

import compositions
from physlaw.models.pixels import InkPixels, PixelTokenizer, RgbPixels
from physlaw.models.tokenizers import to_frames, to_unit
from physlaw.render.discs import render_clips
from physlaw.studies.composition.sets import COMPOSITIONS


@pytest.mark.parametrize("side", [16, 32, 64])
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_clips_of_compositions_come_back_from_their_coverage(name: str, side: int) -> None:
    scenes = compositions.training(name, "300")
    frames = render_clips(scenes.trajectory(np.arange(12)), side)
    tokenizer = InkPixels()
    latents = tokenizer.encode(to_unit(frames))
    assert latents.shape == (12, 3, 32, side, side)
    assert abs(to_frames(tokenizer.decode(latents)).astype(int) - frames).max() <= 1
    coverage = latents / tokenizer.scale + 0.5
    assert coverage.min() > -0.01
    assert coverage.max() < 1.01


def test_each_colour_has_a_channel() -> None:
    colours = torch.tensor([[255, 0, 0], [0, 0, 255], [0, 0, 0], [255, 255, 255]], dtype=torch.uint8)
    frames = colours.view(1, 1, 2, 2, 3).numpy()
    coverage = InkPixels(scale=3.0).encode(to_unit(frames)) / 3.0 + 0.5
    expected = torch.cat([torch.eye(3), torch.zeros(1, 3)]).T.reshape(1, 3, 1, 2, 2)
    assert (coverage - expected).abs().max() < 1e-6


@pytest.mark.parametrize("tokenizer", [InkPixels(), RgbPixels(), RgbPixels(scale=3.0)])
def test_any_picture_comes_back(tokenizer: InkPixels | RgbPixels) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3), dtype=np.uint8)
    assert abs(to_frames(tokenizer.decode(tokenizer.encode(to_unit(frames)))).astype(int) - frames).max() <= 1


def test_a_change_of_colour_costs_as_much_as_one_of_shape_in_rgb_alone() -> None:
    """Squared: 2 channels change fully either way, where coverage has 2 changes against 1."""
    red, blue, white = (
        torch.tensor(c, dtype=torch.uint8).view(1, 1, 1, 1, 3).numpy() for c in ([255, 0, 0], [0, 0, 255], [255] * 3)
    )
    rgb, coverage = RgbPixels(), PixelTokenizer(2)
    for tokenizer, wanted in ((rgb, 1.0), (coverage, 2.0)):
        a, b, c = (tokenizer.encode(to_unit(frames)) for frames in (red, blue, white))
        assert float(((a - b) ** 2).sum() / ((a - c) ** 2).sum()) == pytest.approx(wanted)
