"""The renderer in torch: the painter's pictures to one grey level, eager and compiled, here on the CPU and on a GPU."""

import numpy as np
import pytest
import torch

from physlaw.data.gpu_clips import GpuClips
from physlaw.data.random_objects import RandomObjectClips
from physlaw.errors import UserError
from physlaw.render.discs import render_clips
from physlaw.render.gpu import render_clips_torch
from physlaw.worlds.appearance import RING
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import Trajectory, training_scenes

DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU")])]  # fmt: skip


def assert_one_level(trajectory: Trajectory, width: int, device: str, **options: object) -> None:
    wanted = render_clips(trajectory, width)
    got = render_clips_torch(trajectory, width, device=device, **options).cpu().numpy()  # type: ignore[arg-type]
    assert got.dtype == np.uint8
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("width", [256, 128, 32, 16])
@pytest.mark.parametrize("name", ["uniform", "collision"])
def test_clips_agree_to_one_grey_level(name: str, width: int, device: str) -> None:
    trajectory = training_scenes(SCENARIOS[name], "300").trajectory(np.arange(0, 290, 60))
    assert_one_level(trajectory, width, device, compiled=device == "cuda", chunk=2)


@pytest.mark.parametrize("device", DEVICES)
def test_squares_rings_and_absent_objects_agree(device: str) -> None:
    trajectory = RandomObjectClips(64, 4).trajectory(np.arange(12))
    trajectory.shapes[::2, 0] = RING
    assert_one_level(trajectory, 64, device, compiled=device == "cuda")


@pytest.mark.slow
def test_compiled_it_agrees_too() -> None:
    assert_one_level(training_scenes(SCENARIOS["collision"], "300").trajectory(np.arange(3)), 64, "cpu", chunk=2)


def test_what_it_cannot_do_is_named() -> None:
    trajectory = training_scenes(SCENARIOS["uniform"], "300").trajectory(np.arange(1))
    with pytest.raises(UserError, match="divides 256"):
        render_clips_torch(trajectory, 100, device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="renderer=gpu needs a GPU"):
            GpuClips(training_scenes(SCENARIOS["uniform"], "300"), 64)
