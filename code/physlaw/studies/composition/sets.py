"""The two-object worlds that ask whether events learnt apart are composed (paper, section 5.4 and A.5.3, Fig. 11, 14).

A training set shows two kinds of scenes in turn, each with its own event; the test set shows both events in a scene:

- composition_spatial: A, a blue square in uniform motion to the right and a red ball at rest; B, the red ball moves
  right and bounces off the wall, the square rests. Test: both move. They never touch each other.
- composition_temporal: A, a red and a blue ball collide away from the wall, which nothing reaches; B, one ball bounces
  off the wall and the other rests out of its way (red and blue move in turn). Test: the balls collide near the wall,
  then the blue one bounces off it.
- composition_temporal_plain: the same, but B shows the blue ball alone.

The wall, a short black bar near the right edge at the moving ball's height, stands in every scene of a study, so that
it does not tell which half a scene is from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from physlaw.data.clip_files import format_of, write_set
from physlaw.data.clips import RenderedClips
from physlaw.data.config import DataConfig
from physlaw.data.npz import Truth
from physlaw.data.world import Simulation, World
from physlaw.data.write import DrawnClips, Index, SimulateConfig
from physlaw.errors import UserError, unknown
from physlaw.studies.composition.proposals import bounce, collide, spatial
from physlaw.studies.composition.scenes import FACTORS, TRAIN_SIZES, Case, Composition, CompositionScenes
from physlaw.worlds.laws import steps_at_frame
from physlaw.worlds.objects import WALL
from physlaw.worlds.scenario import UNRELEASED

TRAINED, BOTH = "trained", "both"  # the test blocks
MOST_EVENTS = 2  # in a scene

_COLLISION = Case(partial(collide, bounce=False), ((0, 1),))
_BOUNCES = tuple(Case(partial(bounce, ball=ball, alone=False), ((ball, WALL),)) for ball in (0, 1))
_BOUNCE_ALONE = Case(partial(bounce, ball=1, alone=True), ((1, WALL),))
_BOTH = Case(partial(collide, bounce=True), ((0, 1), (1, WALL)))
_CASES = {
    "composition_spatial": (
        (
            Case(partial(spatial, red_moves=False, blue_moves=True), ()),
            Case(partial(spatial, red_moves=True, blue_moves=False), ((0, WALL),)),
        ),
        Case(partial(spatial, red_moves=True, blue_moves=True), ((0, WALL),)),
    ),
    "composition_temporal": ((_COLLISION, _BOUNCES[0], _COLLISION, _BOUNCES[1]), _BOTH),
    "composition_temporal_plain": ((_COLLISION, _BOUNCE_ALONE), _BOTH),
}
COMPOSITIONS = {name: Composition(name, train, test) for name, (train, test) in _CASES.items()}


def training_set(composition: Composition, size: str, seed: int, num_frames: int) -> CompositionScenes:
    """The training set of a named size.

    Raises:
        UserError: unknown size (lists the valid ones).
    """
    if size not in TRAIN_SIZES:
        raise unknown(f"training size of scenario {composition.name}", size, TRAIN_SIZES)
    return CompositionScenes(composition, f"train/{size}", seed, num_frames)


def scored_sets(composition: Composition, seed: int, num_frames: int) -> dict[str, CompositionScenes]:
    """The scenes that are scored, by block. Those of the trained kinds have a data seed of their own: training never
    saw them."""
    return {
        TRAINED: CompositionScenes(composition, "train/3k", seed + 1, num_frames),
        BOTH: CompositionScenes(composition, "eval/both", seed, num_frames),
    }


class CompositionClips(DrawnClips[CompositionScenes]):
    """A set of composed scenes as a ClipSet."""

    def truth(self, index: Index) -> Truth:
        """positions (N, T, 2, 2) of red and blue; init, whose columns the card names; contacts (N, 2, 3) within the
        clip: step, object, object (0 red, 1 blue, -1 the wall), step 0 where there are fewer."""
        contacts = np.zeros((len(index), MOST_EVENTS, 3), dtype=np.int64)
        last = steps_at_frame(self.num_frames)[-1]
        for row, found in zip(contacts, self.scenes.contacts(index), strict=True):
            shown = [contact for contact in found if contact[0] < last]
            row[: len(shown)] = np.reshape(shown, (-1, 3))
        return super().truth(index) | {"contacts": contacts}

    def described(self, truth: Truth) -> dict[str, list[Any]]:
        factors = dict(zip(FACTORS, truth["init"].T.tolist(), strict=True))
        return {"scenario": [self.scenes.name] * len(truth["init"]), **factors}

    def card(self, written: int) -> dict[str, Any]:
        return {
            "name": f"{self.scenes.name} {self.scenes.split}",
            "law": [
                "uniform motion between contacts; contacts of objects, and with the wall, are elastic and frictionless",
                "steps of 0.01 s; frame k shows the state 10 k + 1 steps after the start",
            ],
            "units": "world units (the picture is 10 wide, origin bottom-left, y up) and seconds",
            "factors": list(FACTORS),
            "objects": f"0 red, 1 blue, {WALL} the wall; shapes 0 circle, 1 square",
            "scenes": {"in_set": len(self.scenes), "written": written},
            "frames_per_clip": self.num_frames,
            "seconds_between_frames": 0.1,
        }


def simulate(composition: Composition, config: SimulateConfig) -> tuple[Path, int]:
    """Write clips of a training set or of a test block. Returns and raises as write_set."""
    format_of(config)
    for key, value, valid in (
        ("contact", config.contact, "elastic"),
        ("placement", config.placement, UNRELEASED["data.placement"]),
    ):
        if value != valid:
            raise UserError(f"scenario={composition.name} needs {key}={valid}, got {value!r}")
    tests = scored_sets(composition, config.seed, config.num_frames)
    if config.split not in ("train", *tests):
        raise unknown(f"split of scenario {composition.name}", config.split, ("train", *tests))
    scenes = tests.get(config.split)
    if scenes is None:
        scenes = training_set(composition, config.size, config.seed, config.num_frames)
    return write_set(CompositionClips(scenes), config)


@dataclass(frozen=True)
class CompositionWorld:
    """See World."""

    composition: Composition
    picture: str = "red_blue_black"
    flips: bool = False
    needs: Mapping[str, Any] = field(
        default_factory=lambda: {
            "model.modality": "vision",
            "data.renderer": "cpu",
            "data.flips": False,
            "data.clips": 0,
            **UNRELEASED,
        }
    )

    @property
    def name(self) -> str:
        return self.composition.name

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        return (Simulation(SimulateConfig, partial(simulate, self.composition)),)

    def check_clips(self, resolution: int, num_frames: int) -> None:
        """Every side and length will do."""

    def training_clips(self, size: str, data: DataConfig) -> RenderedClips[CompositionScenes]:
        scenes = training_set(self.composition, size, data.seed, data.num_frames)
        return RenderedClips(scenes, data.resolution, data.method)


SCENARIOS: dict[str, World] = {name: CompositionWorld(known) for name, known in COMPOSITIONS.items()}
