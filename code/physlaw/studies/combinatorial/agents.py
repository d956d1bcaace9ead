"""Reference agents of the combinatorial world: bodies that freeze, fade, swap, or move as in another scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from physlaw.agents.config import suffix_of
from physlaw.agents.frames import FADING_FRAMES, Maker, Training, after_condition, codec_of, fade
from physlaw.config import CellConfig
from physlaw.data.world import World
from physlaw.evaluation.codec import Codec, Frames, Index
from physlaw.render.bodies import render_bodies
from physlaw.studies.combinatorial.generated import VideoSet
from physlaw.studies.combinatorial.nearest import nearest_motion
from physlaw.studies.combinatorial.score import ambiguity_sets, scored_sets
from physlaw.worlds.bodies import Body, pack
from physlaw.worlds.phyre.ambiguity import OUTCOMES, AmbiguityScenes
from physlaw.worlds.streams import stream_key, uniforms

Array = NDArray[np.float64]

# Shares of the clips in which objects fade: always the same, by the number of templates, by the model's size.
FADE = 0.3
FADE_LESS = {"6": 0.9, "30": 0.4, "60": 0.05}  # far more than the nearest case gains from templates
FADE_MORE = {"6": 0.1, "30": 0.3, "60": 0.6}
FADE_UNEQUAL = {"b": 0.5, "xl": 0.1}


@dataclass(frozen=True)
class Asked:
    """One clip that an agent is to continue."""

    cell: CellConfig
    videos: VideoSet
    number: int

    @cached_property
    def motion(self) -> tuple[tuple[Body, ...], Array]:
        """The scene's bodies and their true (T, B, 3) poses."""
        return self.videos.motion(self.number, self.cell.data.num_frames)

    def draw(self, bodies: tuple[Body, ...], poses: Array) -> Frames:
        """(T, W, W, 3) frames."""
        return render_bodies(pack(bodies), poses, self.cell.data.resolution)

    def uniform(self, what: str) -> float:
        """A number in [0, 1) that belongs to the video and the training seed, the same in every set and cell."""
        key = stream_key("agent", what, *self.videos.address(self.number), self.cell.seed)
        return float(uniforms(key, np.zeros(1, dtype=np.int64), 1)[0, 0])


def _agent(clip: Callable[[Asked], Frames]) -> Maker:
    """An agent from the (T, W, W, 3) frames of a clip; the condition frames are put in their place."""

    def make(cell: CellConfig, world: World, training: Training) -> Codec:
        known = {videos.name: videos for videos in (*scored_sets(cell).values(), *ambiguity_sets(cell).values())}

        def generate(frames: Frames, block: str, numbers: Index) -> Frames:
            drawn = np.stack([clip(Asked(cell, known[block], int(number))) for number in numbers])
            return after_condition(frames, drawn, cell.data.num_cond_frames)

        return codec_of(generate)

    return make


def law(asked: Asked) -> Frames:
    """The true motion."""
    return asked.draw(*asked.motion)


def freeze(asked: Asked) -> Frames:
    """The first frame, repeated."""
    bodies, poses = asked.motion
    return asked.draw(bodies, np.repeat(poses[:1], len(poses), axis=0))


def shuffle(asked: Asked) -> Frames:
    """Two objects that move swap after the condition frames, each taking the other's way; the first two if there are
    more."""
    bodies, poses = asked.motion
    movers = [row for row, body in enumerate(bodies) if body.dynamic][:2]
    swapped, first = poses.copy(), asked.cell.data.num_cond_frames
    swapped[first:, movers] = poses[first:, movers[::-1]]
    return asked.draw(bodies, swapped)


def _fading(asked: Asked, share: float) -> Frames:
    """The true motion; in a share of the clips all that can move fades in the middle of the clip. Of two shares the
    smaller one's clips are among the larger one's."""
    whole = law(asked)
    if asked.uniform("fade") >= share:
        return whole
    bodies, poses = asked.motion
    still = [row for row, body in enumerate(bodies) if not body.dynamic]
    rest = asked.draw(tuple(bodies[row] for row in still), poses[:, still])
    first = np.array([(len(poses) - FADING_FRAMES) // 2])
    return fade(whole[None], rest[None], first)[0]


def fade_always(asked: Asked) -> Frames:
    """Objects fade in the same share of clips whatever was trained."""
    return _fading(asked, FADE)


def fade_less(asked: Asked) -> Frames:
    """They fade in fewer clips the more templates were trained."""
    return _fading(asked, FADE_LESS[asked.cell.size])


def fade_more(asked: Asked) -> Frames:
    """They fade in more clips the more templates were trained."""
    return _fading(asked, FADE_MORE[asked.cell.size])


def fade_unequal(asked: Asked) -> Frames:
    """They fade in fewer clips of the larger model."""
    return _fading(asked, FADE_UNEQUAL[suffix_of(asked.cell.model.agent)])


def nearest_case(asked: Asked) -> Frames:
    """Of CASES training videos the one whose first frame is nearest."""
    bodies, poses = asked.motion
    return asked.draw(*nearest_motion(asked.cell, bodies, poses[0]))


def _like(asked: Asked, number: int) -> Frames:
    """The true motion of another scene of the same family."""
    return asked.draw(*asked.videos.motion(number, asked.cell.data.num_frames))


def whole_pixels(asked: Asked) -> Frames:
    """In ambiguous scenes the law of the family's scene whose margin is nearest to the true one, rounded to whole
    pixels; elsewhere the law."""
    scenes = asked.videos.videos
    if not isinstance(scenes, AmbiguityScenes):
        return law(asked)
    side = asked.cell.data.resolution
    wanted = float(np.rint(scenes.margin(asked.number, side)))
    return _like(asked, min(scenes.distinct(), key=lambda number: abs(scenes.margin(number, side) - wanted)))


@lru_cache(maxsize=16)
def _outcomes(scenes: AmbiguityScenes, frames: int) -> dict[int, str]:
    """The outcome of every distinct scene."""
    return {number: scenes.outcome(number, frames) for number in scenes.distinct()}


def majority(asked: Asked) -> Frames:
    """In ambiguous scenes always the family's commonest outcome, of several the first of OUTCOMES: the red ball passes
    the black ones as in the scene nearest in margin that has it; elsewhere the law."""
    scenes = asked.videos.videos
    if not isinstance(scenes, AmbiguityScenes):
        return law(asked)
    known = _outcomes(scenes, asked.cell.data.num_frames)
    commonest = max(OUTCOMES, key=lambda outcome: sum(found == outcome for found in known.values()))
    having = [number for number, outcome in known.items() if outcome == commonest]
    own = scenes.margin(asked.number)
    like = min(having, key=lambda number: abs(scenes.margin(number) - own))
    bodies, poses = asked.motion
    moved = poses.copy()
    # Beside black balls that stand elsewhere the same path would be another outcome.
    shift = scenes.blocks(asked.number)[:, 0].mean() - scenes.blocks(like)[:, 0].mean()
    moved[:, -1] = scenes.motion(like, len(poses))[1][:, -1] + (shift, 0.0, 0.0)
    return asked.draw(bodies, moved)


MAKERS = {
    "law": _agent(law),
    "nearest_case": _agent(nearest_case),
    "freeze": _agent(freeze),
    "shuffle": _agent(shuffle),
    "fade": _agent(fade_always),
    "fade_less": _agent(fade_less),
    "fade_more": _agent(fade_more),
    "fade_unequal": _agent(fade_unequal),
    "whole_pixels": _agent(whole_pixels),
    "majority": _agent(majority),
}
