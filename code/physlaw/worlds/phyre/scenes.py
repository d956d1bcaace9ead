"""Scenes of a template, and numbered sets of videos: template, scene and trial.

Scene i of a template and its trial j depend on (data seed, template, i) and (data seed, template, i, j) alone. Sets
number their videos in the release's order: template, then scene, then trial. Nothing is stored but the scenes last
used.
Source: released combinatorial data, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown
from physlaw.worlds.bodies import Body, walls
from physlaw.worlds.phyre.objects import SAMPLERS
from physlaw.worlds.phyre.random_numbers import Draws
from physlaw.worlds.phyre.red_ball import Action, ActionSampler, red_ball
from physlaw.worlds.phyre.simulate import simulate
from physlaw.worlds.phyre.templates import SETS, object_ids, template_set
from physlaw.worlds.scenes import NUM_FRAMES
from physlaw.worlds.streams import stream_key

Array = NDArray[np.float64]

SCENES_PER_TEMPLATE = 100
TRIALS_PER_SCENE = 1000  # the release's, which name a set's size: 60 templates are "6M"
TRAIN_TRIALS = range(990)
EVAL_TRIAL = 990  # of the scenes of the training set
HELD_OUT_TRIAL = 0
_CACHED_SCENES = 128
_WALLS, _WALL_POSES = walls()


class Address(NamedTuple):
    """Which video: a template's number, a scene of it, a trial (a red ball) in it."""

    template: int
    scene: int
    trial: int


@dataclass(frozen=True)
class Scene:
    """bodies: the walls, then the objects by id. poses: (B, 3) px, px, radians. sampler: draws red balls."""

    bodies: tuple[Body, ...]
    poses: Array
    sampler: ActionSampler


@lru_cache(maxsize=_CACHED_SCENES)
def sample_scene(template: int, scene: int, seed: int = 0) -> Scene:
    """Scene number `scene` of a template, without a red ball.

    Raises:
        UserError: no such template, or a negative scene.
    """
    if scene < 0:
        raise UserError(f"a scene's number must not be negative, got {scene}")
    draws = Draws(stream_key("phyre/scene", seed, template), scene)
    placed = [item for object_id in object_ids(template) for item in SAMPLERS[object_id](draws)]
    bodies = (*_WALLS, *(body for body, _ in placed))
    poses = np.concatenate([_WALL_POSES, np.array([pose for _, pose in placed])])
    poses.flags.writeable = False  # it is shared by all who ask for this scene
    return Scene(bodies, poses, ActionSampler(bodies, poses))


def sample_action(template: int, scene: int, trial: int, seed: int = 0) -> Action:
    """The red ball of a trial, as an action.

    Raises:
        UserError: no such template, or a negative scene or trial.
    """
    if trial < 0:
        raise UserError(f"a trial's number must not be negative, got {trial}")
    key = stream_key("phyre/trial", seed, template, scene)
    return sample_scene(template, scene, seed).sampler.draw(Draws(key, trial))


@dataclass(frozen=True)
class PhyreScenes:
    """A numbered set of videos: every trial of every scene of every template. `seed` is the data seed."""

    templates: tuple[int, ...]
    trials: Sequence[int]
    scenes_per_template: int = SCENES_PER_TEMPLATE
    seed: int = 0

    def __post_init__(self) -> None:
        for template in self.templates:
            object_ids(template)
        if self.scenes_per_template < 1 or not self.templates or not self.trials or min(self.trials) < 0:
            raise UserError(
                f"a set needs templates, scenes and trials from 0 on, got {len(self.templates)} templates, "
                f"{self.scenes_per_template} scenes each, trials {self.trials}"
            )

    def __len__(self) -> int:
        return len(self.templates) * self.scenes_per_template * len(self.trials)

    def address(self, number: int) -> Address:
        """A video's number -> its template, scene and trial.

        Raises:
            UserError: the set has no such number.
        """
        if not 0 <= number < len(self):
            raise UserError(f"video {number} is not in the set; valid: 0 to {len(self) - 1}")
        scene, trial = divmod(int(number), len(self.trials))
        template, scene = divmod(scene, self.scenes_per_template)
        return Address(self.templates[template], scene, self.trials[trial])

    def number(self, address: Address) -> int:
        """The other way round.

        Raises:
            UserError: the set has no such video.
        """
        template, scene, trial = address
        if template not in self.templates or trial not in self.trials or not 0 <= scene < self.scenes_per_template:
            raise UserError(f"the set has no template {template}, scene {scene}, trial {trial}")
        row = self.templates.index(template) * self.scenes_per_template + scene
        return row * len(self.trials) + self.trials.index(trial)

    def key(self, number: int) -> str:
        """The release's name of the scene that a video shows, e.g. "10000:007"."""
        template, scene, _ = self.address(number)
        return f"{template}:{scene:03d}"

    def action(self, number: int) -> Action:
        """A video's red ball as (ax, ay, ar)."""
        return sample_action(*self.address(number), self.seed)

    def start(self, number: int) -> tuple[tuple[Body, ...], Array]:
        """A video's bodies (walls, objects, red ball) and their (B, 3) poses at the start."""
        template, scene, _ = self.address(number)
        known = sample_scene(template, scene, self.seed)
        body, pose = red_ball(self.action(number))
        return (*known.bodies, body), np.concatenate([known.poses, pose[None]])

    def motion(self, number: int, frames: int = NUM_FRAMES) -> tuple[tuple[Body, ...], Array]:
        """A video's bodies and their (frames, B, 3) poses."""
        bodies, poses = self.start(number)
        return bodies, simulate(bodies, poses, frames)


def training_videos(name: str, seed: int = 0) -> PhyreScenes:
    """The training part of a set of templates: "6", "30" or "60"; 99 000 videos per template.

    Raises:
        UserError: unknown set (lists the valid ones).
    """
    _check_trained(name)
    return PhyreScenes(template_set(name), TRAIN_TRIALS, seed=seed)


def in_template_videos(name: str, seed: int = 0) -> PhyreScenes:
    """One new red ball in every scene of a training set. Raises UserError as training_videos."""
    _check_trained(name)
    return PhyreScenes(template_set(name), range(EVAL_TRIAL, EVAL_TRIAL + 1), seed=seed)


def out_of_template_videos(seed: int = 0) -> PhyreScenes:
    """New scenes of the ten templates that no training set has."""
    return PhyreScenes(template_set("held_out"), range(HELD_OUT_TRIAL, HELD_OUT_TRIAL + 1), seed=seed)


def _check_trained(name: str) -> None:
    trained = [known for known in SETS if known != "held_out"]
    if name not in trained:
        raise unknown("training set of templates", name, trained)
