"""The sweep over denoising steps, with generators whose error is known."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from physlaw.data.config import DataConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import SweepConfig
from physlaw.evaluation.sweep import RandomClips, random_scenes, sweep_steps
from physlaw.render.discs import render_clips
from physlaw.studies import registry
from physlaw.worlds.blocks import Block
from physlaw.worlds.grids import Grid
from physlaw.worlds.regions import RIM, Box, Union
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import ball_trajectory

DATA = DataConfig(resolution=64)


@pytest.mark.parametrize("name", registry.scenarios())
def test_scenes_are_random_in_distribution_and_always_the_same(name: str) -> None:
    scenario = registry.scenario(name)
    init, positions = random_scenes(scenario, 50, 32, 0, "elastic")
    assert scenario.trained.contains(init).all()
    for block in scenario.blocks().values():
        tested = block.grid.values(np.arange(len(block.grid)))
        assert not len(tested) or np.abs(init[:, None] - tested).max(axis=2).min() > RIM
    assert len(np.unique(init[:, 0])) == 50
    assert positions.shape == (50, 32, scenario.num_balls, 2)
    assert np.array_equal(random_scenes(scenario, 50, 32, 0, "elastic")[1], positions)
    if scenario.feasible is not None:
        assert scenario.feasible(init).all()


def test_a_tested_scene_is_not_drawn() -> None:
    """Here the training region is a few points, and all but one of them are tested."""
    points = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    region = Union(tuple(Box.of(r=(r, r), v=(v, v)) for r, v in points))
    tests = {"all but one": Block("all but one", 0, "id", region, Grid((points[:1, 0], points[:2, 1])))}
    scenario = replace(SCENARIOS["uniform"], name="points", region=region, tests=lambda _: tests)
    assert (random_scenes(scenario, 20, 4, 0, "elastic")[0] == points[2]).all()


@pytest.mark.parametrize("name", ["colour_shape", "colour_ring", "size_velocity", "collision"])
def test_objects_of_every_colour_and_shape_are_measured(name: str) -> None:
    clips = RandomClips.of(registry.scenario(name), 24, DATA)
    true = clips.errors(slice(0, 24), clips.frames)
    assert true.missing.sum() == 0
    assert np.nanmax(true.corrected) < 0.1
    assert np.isfinite(true.corrected).mean() > 0.9
    if clips.scenario.num_balls == 1:  # another colour counts as missing
        assert clips.errors(slice(12, 24), clips.frames[12:, ..., ::-1]).missing.all()


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
