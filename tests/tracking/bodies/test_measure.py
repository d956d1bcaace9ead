"""What a clip of known bodies measures: areas, parts, poses, energy, and what about them is impossible."""

import math

import numpy as np
import pytest
from known_scenes import SHAPES, motion, scene

from physlaw.errors import UserError
from physlaw.render.bodies import render_bodies
from physlaw.tracking.bodies.measure import (
    ObjectMeasures,
    measure_clips,
    measure_objects,
    mechanical_energy,
    pose_errors,
)
from physlaw.tracking.bodies.shapes import centre_poses, shapes_of
from physlaw.tracking.bodies.tracking import FALL, FIRST_FALL
from physlaw.worlds.bodies import BLACK, SIDE, Body, ball, bar, pack
from physlaw.worlds.phyre.scenes import out_of_template_videos

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
Array = np.ndarray
FRAMES = 6
SHELF = bar(150.0, colour=BLACK, dynamic=False)


def known_clip() -> tuple[tuple[Body, ...], Array]:
    """A falling red ball, a turning jar and a black shelf that is in nobody's way, and the (T, B, 3) poses."""
    bodies, poses = scene((SHELF, (120, 60, 0.2)), (SHAPES["red ball"], (0, 0, 0)), (SHAPES["jar"], (0, 0, 0)))
    fall = np.cumsum([0, *(FIRST_FALL + k * FALL for k in range(FRAMES - 1))])
    out = motion(poses, 5, np.stack([200 + 0 * fall, 460 - fall, 0 * fall], axis=1))
    shapes = shapes_of(bodies, [6])
    out[:, 6, 2] = 0.4 + 0.15 * np.arange(FRAMES)
    out[:, 6, :2] = [350, 360]
    out[:, 6, :2] += [350, 360] - centre_poses(shapes, out)[:, 0, :2]  # its centre of mass falls
    out[:, 6, 1] -= fall
    return bodies, out


def measure(bodies: tuple[Body, ...], poses: Array, drawn: Array | None = None, width: int = 64) -> ObjectMeasures:
    return measure_objects(render_bodies(pack(bodies), poses if drawn is None else drawn, width), bodies, poses[0])


@pytest.mark.parametrize("width", [64, 256])
def test_a_lawful_clip_measures_as_it_is(width: int) -> None:
    bodies, poses = known_clip()
    found = measure(bodies, poses, width=width)
    red, jar = math.pi * 20.5**2, shapes_of(bodies, [6]).areas[0]
    assert found.bodies.tolist() == [5, 6]
    assert found.full_areas[:2] == pytest.approx([red, jar])
    assert found.areas == pytest.approx(np.tile([red, jar, 150 * 10.24], (FRAMES, 1)), rel=0.04)
    assert (found.parts == 1).all()
    assert found.first_counts.tolist() == [1, 1, 1]
    assert found.poses[..., :2] == pytest.approx(poses[:, 5:, :2], abs=2)
    assert found.poses[:, 1, 2] == pytest.approx(poses[:, 6, 2], abs=0.03)
    assert (found.found > 0.9).all()
    assert (found.unexplained < 60).all()
    assert (found.static_change < 40).all()
    assert (found.depth == 0).all()
    assert np.abs(found.pushes).max() < 6
    assert found.height[0] == pytest.approx(found.first_height, abs=1)
    assert (np.diff(found.height) < 0).all()
    assert abs(found.energy_gain) < 6


def test_height_and_energy_are_of_the_centres_of_mass() -> None:
    bodies, poses = known_clip()
    shapes = shapes_of(bodies, [5, 6])
    centres = centre_poses(shapes, poses)
    share = shapes.masses / shapes.masses.sum()
    found = measure(bodies, poses)
    assert found.first_energy == pytest.approx(centres[0, :, 1] @ share)
    assert found.height == pytest.approx(
        centres[..., 1] @ (shapes.areas / shapes.areas.sum()), abs=3
    )  # jars' pieces overlap
    energy = mechanical_energy(shapes, centres)
    assert np.diff(energy) == pytest.approx(np.zeros(FRAMES - 2), abs=1e-9)  # in free flight it stays
    spin = (shapes.inertias[1] / shapes.masses[1]) * 0.15**2 / (2 * FALL) * share[1]
    assert energy[1] == pytest.approx(found.first_energy + spin, abs=0.2)
    up = centres[::-1].copy()
    up[..., 1] += 2 * np.arange(FRAMES)[:, None] ** 2  # faster and faster upwards
    assert (np.diff(mechanical_energy(shapes, up)) > 1).all()


def test_a_vanished_body_is_not_found_and_has_no_pose() -> None:
    bodies, poses = known_clip()
    drawn = poses.copy()
    drawn[2:4, 6, 0] = -4 * SIDE
    found = measure(bodies, poses, drawn)
    assert np.isnan(found.poses[:, 1, 0]).tolist() == [False, False, True, True, False, False]
    assert np.isfinite(found.poses[:, 0]).all()
    assert (found.areas[2:4, 1] < 30).all()
    assert found.parts[:, 1].tolist() == [1, 1, 0, 0, 1, 1]
    assert (found.found[2:4, 1] < 0.1).all()
    assert np.isnan(found.energy).tolist() == [False, True, True, True, False]
    assert np.isfinite(found.energy_gain)
    assert np.isnan(found.pushes[2:4]).all()  # what is not seen may push


def test_black_that_goes_or_comes_is_a_change_of_what_stands() -> None:
    bodies, poses = known_clip()
    drawn = poses.copy()
    drawn[3:, 4, :2] = 120, 160
    change = measure(bodies, poses, drawn).static_change
    assert (change[:3] < 40).all()
    assert change[3:] == pytest.approx(2 * 150 * 10.24, rel=0.25)


def test_a_body_in_front_of_black_changes_nothing_that_stands() -> None:
    bodies, poses = known_clip()
    hides = poses.copy()
    hides[:, 5] = [120, 60, 0]
    assert (measure(bodies, hides).static_change < 80).all()


def test_a_body_in_a_wall_and_one_in_another_are_as_deep_as_they_are() -> None:
    bodies, poses = scene((ball(30.5), (150, 250, 0)), (ball(20.5), (300, 250, 0)))
    into = motion(poses, 5, np.array([[x, 250.0] for x in (300, 270, 240, 205, 186)]))
    depth = measure(bodies, into).depth
    assert depth[:4] == pytest.approx(0, abs=2)
    assert depth[4] == pytest.approx(15, abs=5)


@pytest.mark.slow
def test_objects_of_simulated_clips_are_where_the_simulator_has_them() -> None:
    videos = out_of_template_videos()
    for number in (0, 333, 777):
        bodies, poses = videos.motion(number, 16)
        found = measure_objects(render_bodies(pack(bodies), poses, 64), bodies, poses[0])
        errors = pose_errors(found.poses, poses, bodies)
        assert errors.matched > 0.99
        assert np.nanmean(errors.centre_px) < 3  # of 512; a pixel is 8


def test_pose_errors_know_turns_that_change_nothing() -> None:
    bodies, poses = scene((SHAPES["bar"], (100, 200, 0)), (SHAPES["jar"], (300, 200, 0)), (SHAPES["ball"], (9, 9, 0)))
    true = np.repeat(poses[None], 4, axis=0)
    found = true[:, 4:].copy()
    found[1, :, 2] += math.pi
    found[2, :, :2] += 3, 4
    found[2, :, 2] += 0.1 - 2 * math.pi
    found[3, 0] = np.nan
    errors = pose_errors(found, true, bodies)
    assert errors.angle[:3, 0] == pytest.approx([0, 0, 0.1])
    assert errors.angle[:3, 1] == pytest.approx([0, math.pi, 0.1])
    assert np.isnan(errors.angle[:, 2]).all()
    assert errors.centre_px[2, [0, 2]] == pytest.approx([5, 5])
    assert errors.centre_share[2, 0] == pytest.approx(5 / SIDE)
    assert errors.centre_px[1, 1] == pytest.approx(2 * shapes_of(bodies, [5]).centres[0, 1])  # it turns about its base
    assert np.isnan(errors.centre_px[3, 0])
    assert errors.matched == pytest.approx(11 / 12)


def test_wrong_input_is_named() -> None:
    bodies, poses = known_clip()
    frames = render_bodies(pack(bodies), poses, 64)
    with pytest.raises(UserError, match=r"must be \(7 bodies, 3\) and finite, got \(6, 3\)"):
        measure_objects(frames, bodies, poses[0, :6])
    with pytest.raises(UserError, match="finite"):
        measure_objects(frames, bodies, np.full((7, 3), np.nan))
    with pytest.raises(UserError, match="dynamic body to be measured, got none"):
        measure_objects(frames, bodies[:5], poses[0, :5])
    with pytest.raises(UserError, match="1 clips and 0 scenes"):
        measure_clips(frames[None], [])
    with pytest.raises(UserError, match=r"got \(6, 1, 3\) and \(6, 7, 3\)"):
        pose_errors(poses[:, :1], poses, bodies)
