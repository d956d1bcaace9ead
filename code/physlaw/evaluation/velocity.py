"""Named errors of a clip, in world units and seconds.

`paper_code`: the released evaluator's velocity error. `paper_text`: the paper's formula, averaged per frame, on the
released parser's positions. `corrected`: unbiased positions; time-mean (`corrected`) and per frame
(`corrected_frame`); a missing ball is counted, not placed. The other `paper_` quantities are what the released
evaluator records beside its velocity error. All use the frames from 3 on in which the ground-truth ball is wholly in
view, after the contact for collisions. Source: released data sections 7.3 and 7.4; paper section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError
from physlaw.metric import COUNT, LOWER, Metric
from physlaw.tracking.balls import Frames, track
from physlaw.worlds.laws import FRAME_S, WORLD_SIZE
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import FIRST_FRAME

Array = NDArray[np.float64]

CONTACT_JUMP = 0.1  # a change of ground-truth velocity above this marks the contact


# What rows of clips tell of VelocityErrors, world units / s.
PAPER_CODE = Metric("paper_code", "error as released", better=LOWER)
PAPER_TEXT = Metric("paper_text", "error by the paper's formula", better=LOWER)
CORRECTED = Metric("corrected", "velocity error", better=LOWER)
CORRECTED_FRAME = Metric("corrected_frame", "velocity error per frame", better=LOWER)
MISSING = Metric("missing", "frames missing", 0, LOWER, COUNT)
METRICS = (PAPER_CODE, PAPER_TEXT, CORRECTED, CORRECTED_FRAME, MISSING)
ENOUGH_SEEN = 0.75  # of the valid frames; a ball seen in less has vanished, and its clip is not measured


@dataclass
class VelocityErrors:
    """Per-clip results; every array is (N,), NaN where nothing could be measured.

    paper_code_before: paper_code over the frames before the contact (collisions). paper_frame_x, _y: mean over frames
    of abs(v - v_hat) (collisions: after the contact). paper_position_x, _y: mean abs position error over the same
    frames. paper_delta_r: largest less smallest parsed radius (collisions: of the first 5 valid frames, the larger of
    two balls). paper_momentum, paper_energy: mean over valid frames of how far the two balls' sum of m v, or of
    m v^2 / 2, with m = r^2, is from its value at the start.
    missing: ball-frames that should be wholly in view and where no ball was found.
    seen: share of the frames in which the ball should be wholly in view and was found; of two balls, the smaller.
    corrected_imputed: corrected with a missing ball standing still where it was last seen, and with what is true where
    it never was.
    velocity: (N, balls, 2) tracked time-mean velocity over the scored frames; true_velocity: the same of the truth.
    tracks: (N, T, balls, 2) tracked positions, NaN where no ball is; radii: (N, T, balls), the released parser's. None
    in joined results, whose clips may differ in length.
    """

    paper_code: Array
    paper_text: Array
    corrected: Array
    corrected_frame: Array
    paper_code_before: Array
    paper_frame_x: Array
    paper_frame_y: Array
    paper_position_x: Array
    paper_position_y: Array
    paper_delta_r: Array
    paper_momentum: Array
    paper_energy: Array
    missing: NDArray[np.int64]
    seen: Array
    corrected_imputed: Array
    velocity: Array
    true_velocity: Array
    tracks: Array | None = None
    radii: Array | None = None


# Every scalar error of the release and of ours, in the order of reports.
_OTHERS = ("missing", "seen", "corrected_imputed", "velocity", "true_velocity", "tracks", "radii")
ERROR_NAMES = tuple(item.name for item in fields(VelocityErrors) if item.name not in _OTHERS)


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


def _last_seen(tracked: Array, true: Array) -> Array:
    """(T, balls, 2) positions, NaN where no ball is -> with the last known one there; before the first, the true one of
    the first frame, which condition frames show."""
    filled = tracked.copy()
    filled[0] = np.where(np.isnan(filled[0]), true[0], filled[0])
    last = np.maximum.accumulate(np.where(np.isnan(filled[..., 0]), 0, np.arange(len(filled))[:, None]), axis=0)
    return np.take_along_axis(filled, np.repeat(last[..., None], 2, axis=-1), axis=0)


def _contact(true_velocity: Array) -> int:
    """Index c of the difference that straddles the contact, or of the last one: before is [:c], after is [c + 1:]."""
    jumps = np.abs(np.diff(true_velocity[..., 0], axis=0)) > CONTACT_JUMP
    hits = np.flatnonzero(jumps.any(axis=-1))
    return int(hits[0]) + 1 if len(hits) else len(true_velocity) - 1


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
    used = min(positions.shape[1] - (not keep_last), frames.shape[1])
    if used < FIRST_FRAME + 2:
        raise UserError(f"need at least {FIRST_FRAME + 2} frames to measure a velocity, got {used}")
    balls, speeds, mass = scenario.num_balls, scenario.speeds(init), scenario.radii(init) ** 2
    tracks = track(frames, balls, method)
    valid = valid_frames(scenario, positions, scenario.radii(init), used)
    shape = (len(init), balls, 2)
    out = VelocityErrors(
        **{name: np.full(len(init), np.nan) for name in ERROR_NAMES},
        missing=np.zeros(len(init), dtype=np.int64),
        seen=np.full(len(init), np.nan),
        corrected_imputed=np.full(len(init), np.nan),
        tracks=tracks.balls,
        radii=tracks.parsed_radius,
        velocity=np.full(shape, np.nan),
        true_velocity=np.full(shape, np.nan),
    )
    axes = slice(0, scenario.error_axes)
    for clip in range(len(init)):
        chosen = np.flatnonzero(valid[clip])
        lost = np.isnan(tracks.balls[clip, chosen, :, 0])
        out.missing[clip] = int(lost.sum())
        out.seen[clip] = 1 - lost.mean(axis=0).max() if len(chosen) else np.nan
        if len(chosen) < 2:
            continue
        p_true, p_parsed = positions[clip, chosen], tracks.parsed[clip, chosen]
        radius = tracks.parsed_radius[clip, chosen[:5] if balls == 2 else chosen]
        out.paper_delta_r[clip] = np.ptp(radius, axis=0).max()
        held = _last_seen(tracks.balls[clip], positions[clip])[chosen]
        v_true, v_parsed, v_tracked = (_differences(p) for p in (p_true, p_parsed, tracks.balls[clip, chosen]))
        v_held = _differences(held)
        if balls == 2:
            signed = scenario.velocities(init)[clip]
            momentum = (mass[clip] * v_parsed[..., 0]).sum(axis=-1) - (mass[clip] * signed).sum()
            energy = (mass[clip] * (v_parsed[..., 0] ** 2 - signed**2)).sum(axis=-1) / 2
            out.paper_momentum[clip], out.paper_energy[clip] = np.abs(momentum).mean(), np.abs(energy).mean()
            contact = _contact(v_true)
            if contact > 0:
                before = v_parsed[:contact].mean(axis=0) - v_true[:contact].mean(axis=0)
                out.paper_code_before[clip] = np.abs(before)[:, 0].mean()
            p_true, p_parsed = p_true[contact + 1 :], p_parsed[contact + 1 :]
            v_true, v_parsed, v_tracked, v_held = (v[contact + 1 :] for v in (v_true, v_parsed, v_tracked, v_held))
            if not len(v_true):
                continue
            out.paper_code[clip] = np.abs(v_parsed.mean(axis=0) - v_true.mean(axis=0))[:, 0].mean()
        else:
            out.paper_code[clip] = abs(v_parsed[:, 0, 0].mean() - speeds[clip, 0])
        off = np.abs(p_parsed - p_true).mean(axis=(0, 1))
        out.paper_position_x[clip], out.paper_position_y[clip] = off
        difference = (v_parsed - v_true)[..., axes]
        out.paper_frame_x[clip], out.paper_frame_y[clip] = np.abs(v_parsed - v_true).mean(axis=(0, 1))
        out.paper_text[clip] = np.linalg.norm(difference, axis=-1).mean()
        difference = (v_tracked - v_true)[..., axes]
        out.corrected[clip] = _mean(np.linalg.norm(_mean(difference, axis=0), axis=-1))
        out.corrected_imputed[clip] = np.linalg.norm((v_held - v_true)[..., axes].mean(axis=0), axis=-1).mean()
        out.corrected_frame[clip] = _mean(np.linalg.norm(difference, axis=-1))
        out.velocity[clip], out.true_velocity[clip] = _mean(v_tracked, axis=0), v_true.mean(axis=0)
    return out
