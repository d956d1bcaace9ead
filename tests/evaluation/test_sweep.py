"""The sweep over denoising steps, with generators whose error is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from physlaw.data.config import DataConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import SweepConfig
from physlaw.evaluation.sweep import random_scenes, sweep_steps
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import ball_trajectory

DATA = DataConfig(resolution=64)


@pytest.mark.parametrize("name", ["uniform", "parabola", "collision"])
def test_scenes_are_random_in_distribution_and_always_the_same(name: str) -> None:
    scenario = SCENARIOS[name]
    init, positions = random_scenes(scenario, 50, 32, 0, "elastic")
    assert scenario.in_dist.contains(init).all()
    assert len(np.unique(init[:, 0])) == 50
    assert positions.shape == (50, 32, scenario.num_balls, 2)
    assert np.array_equal(random_scenes(scenario, 50, 32, 0, "elastic")[1], positions)
    if scenario.feasible is not None:
        assert scenario.feasible(init).all()


def test_the_smallest_number_within_the_tolerance_is_taken() -> None:
    """A generator that is slower than the law by 30 % / steps; every noise seed sees the same scenes."""
    scenario, config = SCENARIOS["uniform"], SweepConfig(steps=(1, 3, 30, 100), seeds=2, clips=8, tolerance=0.5)
    init, positions = random_scenes(scenario, 8, 32, 0, "elastic")
    seen: list[tuple[int, int]] = []

    def generate(frames: NDArray[np.uint8], index: NDArray[np.int64], steps: int, seed: int) -> NDArray[np.uint8]:
        seen.append((steps, seed))
        assert np.array_equal(index, np.arange(8))
        slower = positions[index].copy()
        slower[..., 0] = slower[:, :1, :, 0] + (slower[..., 0] - slower[:, :1, :, 0]) * (1 - 0.3 / steps - 0.05)
        return render_clips(ball_trajectory(slower, scenario.radii(init[index])), 64)

    enough, rows = sweep_steps(scenario, DATA, config, generate)
    assert sorted(seen) == [(n, seed) for n in (1, 3, 30, 100) for seed in (0, 1)]
    speed = init[:, 1].mean()
    assert [row.error for row in rows] == pytest.approx([speed * (0.3 / n + 0.05) for n in (1, 3, 30, 100)], rel=0.05)
    assert enough == 30
    assert rows[-1].ratio == 1


@pytest.mark.parametrize("change", [{"steps": ()}, {"steps": (0,)}, {"seeds": 0}, {"clips": 0}, {"tolerance": -1.0}])
def test_impossible_sweeps_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UserError):
        SweepConfig(**change)  # type: ignore[arg-type]
