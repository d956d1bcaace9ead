"""The floor of answers that are videos: what the evaluator errs by on true clips that went through such a video.

It is measured on some clips of each group: encoding costs many times what measuring does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from physlaw.errors import UserError
from physlaw.evaluation.codec import Frames
from physlaw.evaluation.velocity import velocity_errors
from physlaw.exam.answers import Answers
from physlaw.exam.frames import resized
from physlaw.exam.paper import Paper, Part
from physlaw.exam.video import CONTAINERS, encode, read_video
from physlaw.render.discs import render_clips
from physlaw.studies import registry
from physlaw.worlds.laws import FRAME_S, WORLD_SIZE

CLIPS = 32  # of each group, spread evenly over its blocks
LARGEST_SIDE = 1024  # at which true clips are encoded; of larger answers the floor is lower
GROUPS = ("id", "ood")


def video_floors(
    paper: Paper, answers: Answers, fit: str, scenarios: set[str]
) -> dict[tuple[str, str], tuple[float, int]]:
    """(scenario, group) -> mean velocity error of true clips, world units / s, and of how many. Empty where the
    answers are no videos, or the study measures no velocities."""
    known = registry.scenarios()
    if not answers.suffixes & set(CONTAINERS) or "colour" in known[next(iter(scenarios))].factors:
        return {}
    side, found = _side(answers, fit, paper.judged_side), {}
    for scenario in sorted(scenarios):
        for group in GROUPS:
            parts = [part for part in paper.parts if part.scenario == scenario and _group(paper, part) == group]
            measured = [_errors(paper, part, side, -(-CLIPS // len(parts))) for part in parts]
            errors = np.concatenate([np.empty(0), *measured])
            if np.isfinite(errors).any():
                found[scenario, group] = float(np.nanmean(errors)), int(np.isfinite(errors).sum())
    return found


def _group(paper: Paper, part: Part) -> str:
    blocks = paper.scenario(part.scenario).eval_blocks(paper.cells[part.scenario].eval.blocks)
    return GROUPS[blocks[part.block].level > 0]


def _errors(paper: Paper, part: Part, side: int, clips: int) -> np.ndarray:
    scenario, scenes = paper.scenario(part.scenario), paper.scenes(part.scenario, part.block)
    numbers = part.numbers[:clips]
    large = scenario.radii(scenes.init(numbers)).min(axis=1) * paper.judged_side / WORLD_SIZE >= 1
    numbers = numbers[large]  # smaller balls are in no group
    if not len(numbers):
        return np.empty(0)
    truth = render_clips(scenes.trajectory(numbers), paper.judged_side)
    seen = np.stack([through_video(clip, side) for clip in truth])
    return velocity_errors(scenario, scenes.init(numbers), scenes.positions(numbers), seen).corrected


def _side(answers: Answers, fit: str, default: int) -> int:
    """Of the first video that can be read."""
    for load in answers.found.values():
        try:
            return min(load(0, fit).side, LARGEST_SIDE)
        except UserError:
            continue
    return default


def through_video(frames: Frames, side: int) -> Frames:
    """(T, W, W, 3) uint8, encoded at that side and decoded."""
    content = encode(resized(frames, side, "crop"), 1 / FRAME_S)
    width = frames.shape[1]
    return read_video(Path("truth.mp4"), lambda one: resized(one[:, :side, :side], width, "crop"), content)[0]
