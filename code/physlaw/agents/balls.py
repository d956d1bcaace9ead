"""Agents in the worlds of balls: each says what a scene's initial values become, and the law moves and draws the rest.

An agent goes on from where the condition frames end, with other speeds, sizes or looks. Its random numbers belong to
(what is drawn, block, scene number, training seed) alone: they are the same in every cell of a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from physlaw.agents.frames import Maker, Training, after_condition, codec_of
from physlaw.config import CellConfig
from physlaw.data.ball_world import BallWorld
from physlaw.data.clips import RenderedClips
from physlaw.data.gpu_clips import GpuClips
from physlaw.data.released import ClipFile
from physlaw.data.world import World
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.evaluation.retrieval import NearestCase
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, Trajectory, coloured_trajectory, eval_scenes
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]

NOISE = 0.05  # of noisy_law: standard deviation of a speed's factor
_CHUNK = 1 << 16  # training scenes looked at together
_SMALLEST = 2.0**-53  # a uniform number of 0 has no normal one


class Knowledge:
    """What an agent may look at beside the condition frames: a cell's scenes, and its training set."""

    def __init__(self, cell: CellConfig, world: World, training: Training) -> None:
        assert isinstance(world, BallWorld)
        self.cell, self.scenario, self._training = cell, world.scenario, training
        self._scenes: dict[str, SceneSet] = {}

    def scenes(self, block: str) -> SceneSet:
        """The scenes of an evaluation block."""
        if block not in self._scenes:
            data = self.cell.data
            contact = laws.as_contact(data.contact)
            scenes = eval_scenes(self.scenario, block, data.seed, contact, data.placement)
            self._scenes[block] = replace(scenes, num_frames=data.num_frames)
        return self._scenes[block]

    @cached_property
    def training(self) -> SceneSet | ClipFile:
        """The scenes of the training set."""
        clips = self._training()
        if isinstance(clips, ClipFile):
            return clips
        assert isinstance(clips, RenderedClips | GpuClips)
        assert isinstance(clips.scenes, SceneSet)
        return clips.scenes

    @cached_property
    def nearest(self) -> NearestCase:
        """Finds the training scene whose condition frames are nearest."""
        return NearestCase(self.training, self.cell.data.num_cond_frames)

    def trained(self) -> Array:
        """(n, K) the training set's initial values."""
        count = len(self.training)
        chunks = np.array_split(np.arange(count), count // _CHUNK + 1)
        return np.concatenate([self.training.init(chunk) for chunk in chunks])

    @cached_property
    def trained_range(self) -> tuple[Array, Array]:
        """(K,), (K,) the least and the greatest of each initial value in the training set."""
        values = self.trained()
        return values.min(axis=0), values.max(axis=0)


@dataclass(frozen=True)
class Asked:
    """N clips that an agent is to continue."""

    known: Knowledge
    block: str
    numbers: Index

    @property
    def cell(self) -> CellConfig:
        return self.known.cell

    @property
    def scenario(self) -> Scenario:
        return self.scenes.scenario

    @property
    def scenes(self) -> SceneSet:
        return self.known.scenes(self.block)

    @cached_property
    def init(self) -> Array:
        """(N, K) the scenes' initial values."""
        return self.scenes.init(self.numbers)

    def uniforms(self, what: str, count: int = 1) -> Array:
        """(N, count) numbers uniform in [0, 1)."""
        return uniforms(stream_key("agent", what, self.block, self.cell.seed), self.numbers, count)

    def normals(self, what: str, count: int = 1) -> Array:
        """(N, count) standard normal numbers."""
        return np.asarray(ndtri(np.maximum(self.uniforms(what, count), _SMALLEST)))

    def with_speeds(self, speeds: Array) -> Array:
        """(N, balls) speeds -> (N, K) initial values with them."""
        init = self.init.copy()
        init[:, list(self.scenario.speed_factors)] = speeds
        return init

    def speed_noise(self, share: float) -> Array:
        """(N, K) initial values whose speeds have independent normal factors of mean 1 and that standard deviation."""
        speeds = self.scenario.speeds(self.init)
        return self.with_speeds(np.maximum(speeds * (1 + share * self.normals("speed", speeds.shape[1])), 0.0))

    def outside(self) -> NDArray[np.bool_]:
        """(N, balls) whether a speed lies outside the training set's."""
        low, high = (self.scenario.speeds(end[None])[0] for end in self.known.trained_range)
        speeds = self.scenario.speeds(self.init)
        return np.asarray((speeds < low - 1e-9) | (speeds > high + 1e-9))


def continued(asked: Asked, init: Array) -> Trajectory:
    """The law of other initial values, from where the condition frames end; scenes whose values are the true ones move
    exactly as they do. Balls that would overlap there, being larger now, are put apart first."""
    scenes, scenario, data = asked.scenes, asked.scenario, asked.cell.data
    true = scenes.positions(asked.numbers)
    at, start = true[:, data.num_cond_frames - 1], scenes.start(asked.numbers).copy()
    time = laws.steps_at_frame(data.num_cond_frames)[-1] * laws.DT_S
    start[..., 0] = at[..., 0] - scenario.velocities(init) * time
    if scenario.num_balls == 2:
        overlap = np.maximum(scenario.radii(init).sum(axis=1) - (at[:, 1, 0] - at[:, 0, 0]), 0.0)
        start[..., 0] += overlap[:, None] * np.array([-0.5, 0.5])
    moved = scenario.move(init, start, data.num_frames, scenes.contact)
    same = (init == asked.init).all(axis=1)[:, None, None, None]
    return coloured_trajectory(np.where(same, true, moved), scenario.radii(init), *scenario.looks(init))


def draw(asked: Asked, trajectory: Trajectory) -> Frames:
    """A trajectory's clips as the cell has them."""
    return render_clips(trajectory, asked.cell.data.resolution, asked.cell.data.method)


def from_frames(clips: Callable[[Asked], Frames]) -> Maker:
    """An agent from what it draws: (N, T, W, W, 3) whole clips; the condition frames are put in their place."""

    def make(cell: CellConfig, world: World, training: Training) -> Codec:
        known = Knowledge(cell, world, training)

        def generate(frames: Frames, block: str, numbers: Index) -> Frames:
            return after_condition(frames, clips(Asked(known, block, numbers)), cell.data.num_cond_frames)

        return codec_of(generate)

    return make


def from_values(values: Callable[[Asked], Array]) -> Maker:
    """An agent from the (N, K) initial values that it takes for the scenes' own."""
    return from_frames(lambda asked: draw(asked, continued(asked, values(asked))))


def law(asked: Asked) -> Array:
    """The true motion."""
    return asked.init


def noisy_law(asked: Asked) -> Array:
    """The law with noise of NOISE on every speed."""
    return asked.speed_noise(NOISE)


def clamp(asked: Asked) -> Array:
    """The law of initial values held to the training set's range."""
    return np.clip(asked.init, *asked.known.trained_range)


def nearest_case(asked: Asked) -> Frames:
    """The training clip whose condition frames are nearest."""
    numbers, _ = asked.known.nearest(asked.scenes, asked.numbers)
    return draw(asked, asked.known.training.trajectory(numbers, asked.cell.data.num_frames))


LAW, NOISY_LAW, CLAMP = from_values(law), from_values(noisy_law), from_values(clamp)
NEAREST_CASE = from_frames(nearest_case)
