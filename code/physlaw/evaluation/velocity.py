"""Three named velocity errors of a clip, in world units per second.

`paper_code`: the released evaluator's number. `paper_text`: the paper's formula, averaged per frame, on the released
parser's positions. `corrected`: unbiased positions; time-mean (`corrected`) and per frame (`corrected_frame`); a
missing ball is counted, not placed. All use the frames from 3 on in which the ground-truth ball is wholly in view,
after the contact for collisions. Source: released data sections 7.3 and 7.4; paper section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.evaluation.track import Frames, track_balls, track_released
from physlaw.worlds.laws import FRAME_S, WORLD_SIZE
from physlaw.worlds.scenarios import Scenario

Array = NDArray[np.float64]

FIRST_FRAME = 3  # the first generated frame after three condition frames
CONTACT_JUMP = 0.1  # a change of ground-truth velocity above this marks the contact


@dataclass
class VelocityErrors:
    """Per-clip results; every array is (N,), NaN where nothing could be measured.

    missing: ball-frames that should be wholly in view and where no ball was found.
    velocity: (N, balls, 2) tracked time-mean velocity over the scored frames; true_velocity: the same of the truth.
    """

    paper_code: Array
    paper_text: Array
    corrected: Array
    corrected_frame: Array
    missing: NDArray[np.int64]
    velocity: Array
    true_velocity: Array


def valid_frames(scenario: Scenario, positions: Array, radii: Array, used_frames: int) -> NDArray[np.bool_]:
    """(N, T, balls, 2), (N, balls) -> (N, T): ground truth wholly in view, from frame 3 to used_frames - 1.

    One ball: inside on all four sides. Collision: only ball 1's left and ball 2's right side are asked, as released.
    """
    reach = radii[:, None]
    x, y = positions[..., 0], positions[..., 1]
    if scenario.num_balls == 2:
        inside = (x[..., 0] - reach[..., 0] >= 0) & (x[..., 1] + reach[..., 1] <= WORLD_SIZE)
    else:
        x_in, y_in = (((p - reach >= 0) & (p + reach <= WORLD_SIZE)).all(axis=-1) for p in (x, y))
        inside = np.asarray(x_in & y_in)
    inside[:, :FIRST_FRAME] = False
    inside[:, used_frames:] = False
    return np.asarray(inside)


def _differences(positions: Array) -> Array:
    """(frames, balls, 2) -> (frames - 1, balls, 2) velocities."""
    return np.diff(positions, axis=0) / FRAME_S


def _after_contact(true_velocity: Array) -> slice:
    """The differences after the one that straddles the contact; empty when there is no contact."""
    jumps = np.abs(np.diff(true_velocity[..., 0], axis=0)) > CONTACT_JUMP
    hits = np.flatnonzero(jumps.any(axis=-1))
    contact = int(hits[0]) + 1 if len(hits) else len(true_velocity) - 1
    return slice(contact + 1, None)


def _mean(values: Array, axis: int | None = None) -> Array:
    """nan-mean that gives NaN, silently, where there is nothing to average."""
    found = np.isfinite(values)
    count = found.sum(axis=axis)
    total = np.where(found, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def velocity_errors(
    scenario: Scenario,
    init: Array,
    positions: Array,
    frames: Frames,
    keep_last: bool = False,
    method: str = "area",
) -> VelocityErrors:
    """Score N clips against their ground truth.

    Args:
        init: (N, K); positions: (N, T, balls, 2) ground truth, world units.
        frames: (N, T', W, W, 3) uint8; frames beyond the shorter of T and T' are not used.
        keep_last: use the last frame too; the release drops it.
        method: how frames smaller than 256 were made, "area" or "bare".
    Raises:
        UserError: numbers of clips differ, or fewer than five frames are left.
    """
    if not len(init) == len(positions) == len(frames):
        raise UserError(f"{len(frames)} clips, {len(positions)} positions and {len(init)} init rows do not match")
    used = min(positions.shape[1], frames.shape[1]) - (not keep_last)
    if used < FIRST_FRAME + 2:
        raise UserError(f"need at least {FIRST_FRAME + 2} frames to measure a velocity, got {used}")
    balls = scenario.num_balls
    parsed, tracked = track_released(frames, balls), track_balls(frames, balls, method)
    valid = valid_frames(scenario, positions, scenario.radii(init), used)
    shape = (len(init), balls, 2)
    out = VelocityErrors(
        **{name: np.full(len(init), np.nan) for name in ("paper_code", "paper_text", "corrected", "corrected_frame")},
        missing=np.zeros(len(init), dtype=np.int64),
        velocity=np.full(shape, np.nan),
        true_velocity=np.full(shape, np.nan),
    )
    axes = slice(0, 2) if scenario.name == "parabola" else slice(0, 1)  # components that the errors look at
    for clip in range(len(init)):
        chosen = np.flatnonzero(valid[clip])
        out.missing[clip] = int(np.isnan(tracked[clip, chosen, :, 0]).sum())
        if len(chosen) < 2:
            continue
        v_true = _differences(positions[clip, chosen])
        v_parsed = _differences(parsed[clip, chosen])
        v_tracked = _differences(tracked[clip, chosen])
        if balls == 2:
            after = _after_contact(v_true)
            v_true, v_parsed, v_tracked = v_true[after], v_parsed[after], v_tracked[after]
            if not len(v_true):
                continue
            out.paper_code[clip] = np.abs(v_parsed.mean(axis=0) - v_true.mean(axis=0))[:, 0].mean()
        else:
            out.paper_code[clip] = abs(v_parsed[:, 0, 0].mean() - scenario.speeds(init)[clip, 0])
        out.paper_text[clip] = np.linalg.norm((v_parsed - v_true)[..., axes], axis=-1).mean()
        difference = (v_tracked - v_true)[..., axes]
        out.corrected[clip] = _mean(np.linalg.norm(_mean(difference, axis=0), axis=-1))
        out.corrected_frame[clip] = _mean(np.linalg.norm(difference, axis=-1))
        out.velocity[clip], out.true_velocity[clip] = _mean(v_tracked, axis=0), v_true.mean(axis=0)
    return out
