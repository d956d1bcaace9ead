"""The random supplies that tokenizers train on: every look of every study, and no law."""

import numpy as np
import pytest

from physlaw.data.random_bodies import COLOURS, KINDS, MAX_THINGS, BodyScene, RandomBodyClips, RandomScenes
from physlaw.data.random_objects import MAX_OBJECTS, WALL_THICKNESS, WALL_TILES, RandomObjectClips
from physlaw.errors import UserError
from physlaw.render.averaging import area_average
from physlaw.render.dense import render_dense
from physlaw.worlds.bodies import BAR, BLACK, GRAY, GREEN, PURPLE, RED, SIDE, Circle, Polygon
from physlaw.worlds.laws import WORLD_SIZE
from physlaw.worlds.scenes import Trajectory

Source = type[RandomObjectClips] | type[RandomBodyClips] | type[RandomScenes]

SUPPLIES = pytest.mark.parametrize("supply", [RandomObjectClips, RandomBodyClips, RandomScenes])


@pytest.fixture(scope="module")
def body_scenes() -> list[BodyScene]:
    return RandomBodyClips(32, 32).scenes(np.arange(500))


def walled() -> tuple[np.ndarray, Trajectory]:
    """The numbers of the clips with a wall, and the trajectories of all."""
    trajectory = RandomObjectClips(64, 8).trajectory(np.arange(400))
    return np.flatnonzero(trajectory.radii[:, MAX_OBJECTS] > 0), trajectory


@SUPPLIES
def test_a_random_clip_depends_on_seed_and_number_alone(supply: Source) -> None:
    source = supply(32, 5, seed=3)
    index = np.array([7, 1 << 39, 7, 0, 12])
    found = source.clips(index)
    assert found.shape == (5, 5, 32, 32, 3)
    assert np.array_equal(source.clips(index[::-1]), found[::-1])
    assert np.array_equal(np.concatenate([supply(32, 5, 3).clips(index[k : k + 1]) for k in range(5)]), found)
    assert np.array_equal(found[0], found[2])
    assert len({clip.tobytes() for clip in found}) == 4
    assert not np.array_equal(supply(32, 5, seed=4).clips(index), found)


@SUPPLIES
@pytest.mark.parametrize("width", [16, 32, 64, 128, 256])
def test_frames_are_bytes_on_white_at_every_resolution(supply: Source, width: int) -> None:
    clips = supply(width, 4).clips(np.arange(8))
    assert clips.shape == (8, 4, width, width, 3)
    assert clips.dtype == np.uint8
    white = (clips == 255).all(axis=-1).mean(axis=(1, 2, 3))
    assert white.mean() > 0.5
    assert white.min() < 1


@SUPPLIES
def test_a_supply_has_the_length_it_was_given_and_refuses_one_frame(supply: Source) -> None:
    assert len(supply(16, 2, count=100)) == 100
    assert supply(16, 2, count=100).clips(np.array([99])).shape == (1, 2, 16, 16, 3)
    assert supply(16, 2).clips(np.arange(0)).shape == (0, 2, 16, 16, 3)
    with pytest.raises(UserError, match="at least 2"):
        supply(16, 1)


def test_bodies_have_no_picture_at_a_resolution_that_does_not_divide_the_scene() -> None:
    with pytest.raises(UserError, match="must divide"):
        RandomBodyClips(100, 2).clips(np.arange(1))


def test_walls_stand_in_three_of_ten_clips_and_are_thin_upright_and_without_gaps() -> None:
    numbers, trajectory = walled()
    assert 0.22 < len(numbers) / 400 < 0.38
    for number in numbers:
        present = trajectory.radii[number, MAX_OBJECTS:] > 0
        thickness = 2 * trajectory.radii[number, MAX_OBJECTS]
        column = trajectory.positions[number, :, MAX_OBJECTS:][:, present]
        assert WALL_TILES[0] <= present.sum() <= WALL_TILES[1]
        assert WALL_THICKNESS[0] <= thickness <= WALL_THICKNESS[1]
        assert (column[..., 0] == column[:, :1, 0]).all()
        steps = np.diff(column[..., 1], axis=1)
        assert ((steps < thickness) & (steps > 0.99 * thickness)).all()
    assert not trajectory.colours[:, MAX_OBJECTS:].any()
    x = trajectory.positions[numbers, :, MAX_OBJECTS, 0]
    assert x.min() < 0.1 * WORLD_SIZE
    assert x.max() > 0.9 * WORLD_SIZE


@pytest.mark.parametrize("width", [64, 256])
def test_a_wall_is_painted_as_the_area_average_of_a_rectangle(width: int) -> None:
    numbers, trajectory = walled()
    axis = np.arange(256) / 255 * WORLD_SIZE
    for number in numbers[:4]:
        tiles = trajectory.radii[number, MAX_OBJECTS:] > 0
        half = trajectory.radii[number, MAX_OBJECTS]
        column = trajectory.positions[number, 0, MAX_OBJECTS:][tiles]
        objects = Trajectory(
            trajectory.positions[number : number + 1, :1, :MAX_OBJECTS],
            trajectory.radii[number : number + 1, :MAX_OBJECTS],
            trajectory.colours[number : number + 1, :MAX_OBJECTS],
            trajectory.shapes[number : number + 1, :MAX_OBJECTS],
        )
        picture = render_dense(objects, 256)[0, 0, ::-1]
        rows = (axis >= column[0, 1] - half) & (axis <= column[-1, 1] + half)
        columns = np.abs(axis - column[0, 0]) <= half
        picture[np.ix_(rows, columns)] = 0
        wanted = area_average(picture[::-1], width)
        assert np.array_equal(RandomObjectClips(width, 8).clips(np.array([number]))[0, 0], wanted)


def test_walls_rest_or_move_like_any_object() -> None:
    numbers, trajectory = walled()
    wall = trajectory.positions[numbers, :, MAX_OBJECTS]
    assert 0.15 < (wall == wall[:, :1]).all(axis=(1, 2)).mean() < 0.5


def test_objects_lie_wholly_and_partly_in_the_picture() -> None:
    _, trajectory = walled()
    there = trajectory.radii[:, :MAX_OBJECTS] > 0
    middle = trajectory.positions[:, :, :MAX_OBJECTS].transpose(0, 2, 1, 3)[there]
    radii = trajectory.radii[:, :MAX_OBJECTS][there][:, None, None]
    away = np.abs(middle - WORLD_SIZE / 2)
    whole = (away + radii <= WORLD_SIZE / 2).all(axis=2)
    partly = ~whole & (away - radii < WORLD_SIZE / 2).all(axis=2)
    assert whole.mean() > 0.3
    assert partly.mean() > 0.2
    assert (whole.any(axis=1) & partly.any(axis=1)).mean() > 0.1  # some cross the border


def test_every_kind_of_body_occurs_and_groups_have_the_releases_numbers(body_scenes: list[BodyScene]) -> None:
    sizes: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for scene in body_scenes:
        assert 1 <= len(np.unique(scene.things)) <= MAX_THINGS
        for thing in np.unique(scene.things):
            members = np.flatnonzero(scene.things == thing)
            sizes[scene.kinds[members[0]]].append(len(members))
            assert len({(scene.kinds[k], scene.bodies[k].colour) for k in members}) == 1
    assert {len(np.unique(scene.things)) for scene in body_scenes} == set(range(1, MAX_THINGS + 1))
    assert min(len(found) for found in sizes.values()) > 150
    assert set(sizes.pop("static_ball")) == {3, 4, 5, 6, 7}
    assert set(sizes.pop("dynamic_standing_bars")) == {1, 2, 3, 4}
    assert {count for found in sizes.values() for count in found} == {1}


def test_sizes_cover_the_releases_ranges(body_scenes: list[BodyScene]) -> None:
    diameters: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for scene in body_scenes:
        for kind, body in zip(scene.kinds, scene.bodies, strict=True):
            diameters[kind].append(body.diameter)
    released = {
        "dynamic_ball_1": (31, 61),
        "dynamic_ball_2": (31, 61),
        "static_ball": (21, 21),
        "dynamic_bar": (0.15 * SIDE, 0.5 * SIDE),
        "dynamic_standing_bars": (0.2 * SIDE + 1, 0.35 * SIDE),
        "static_bar": (0.2 * SIDE, 0.5 * SIDE),
        "dynamic_standingsticks": (0.3 * SIDE, 0.6 * SIDE),
        "red_ball": (2 * 8, 2 * 63),
        "floor_bar": (SIDE, SIDE + 1),
    }
    for kind, (low, high) in released.items():
        assert min(diameters[kind]) <= low, kind
        assert max(diameters[kind]) >= high, kind
    heights = [
        piece.vertices[0][1] - piece.vertices[1][1]
        for scene in body_scenes
        for kind, body in zip(scene.kinds, scene.bodies, strict=True)
        if kind == "dynamic_jar"
        for piece in body.pieces[1:2]
        if isinstance(piece, Polygon)
    ]
    assert min(heights) < 0.08 * SIDE
    assert max(heights) > 0.3 * SIDE


def test_every_palette_colour_occurs_on_balls_and_bars(body_scenes: list[BodyScene]) -> None:
    bodies = [body for scene in body_scenes for body in scene.bodies]
    for colour in COLOURS:
        assert sum(body.colour == colour and isinstance(body.pieces[0], Circle) for body in bodies) > 40
        assert sum(body.colour == colour and body.shape == BAR for body in bodies) > 20
    assert {body.colour for body in bodies} == {GRAY, BLACK, RED, GREEN, PURPLE}


def test_bodies_know_no_law_and_some_of_every_kind_and_colour_rest(body_scenes: list[BodyScene]) -> None:
    rest: list[bool] = []
    looks: list[tuple[str, int]] = []
    forces = []
    for scene in body_scenes:
        _, firsts = np.unique(scene.things, return_index=True)
        speed = np.diff(scene.poses, axis=0)
        still = (speed == 0).all(axis=(0, 2))
        forces.append(np.diff(speed[:, ~still, :2], axis=0))
        rest += still[firsts].tolist()
        looks += [(scene.kinds[k], scene.bodies[k].colour) for k in firsts]
    force = np.concatenate(forces, axis=1)  # px / frame^2
    assert (np.abs(force).max(axis=2) > 1e-3).mean() > 0.999  # nothing moves uniformly
    assert (np.ptp(force, axis=0) > 0.1).all()  # nor under a constant force
    assert np.abs(force.mean(axis=(0, 1))).max() < 0.03 * np.abs(force).mean()  # nor has a direction a preference
    assert 0.3 < np.mean(rest) < 0.4
    for kind in KINDS:
        assert 0.2 < np.mean([r for r, look in zip(rest, looks, strict=True) if look[0] == kind]) < 0.5
    for colour in COLOURS:
        assert 0.2 < np.mean([r for r, look in zip(rest, looks, strict=True) if look[1] == colour]) < 0.5


def test_bodies_of_a_thing_move_as_one(body_scenes: list[BodyScene]) -> None:
    for scene in body_scenes[:50]:
        for thing in np.unique(scene.things):
            poses = scene.poses[:, scene.things == thing]
            gaps = np.linalg.norm(poses[:, :, :2] - poses[:, :1, :2], axis=2)
            assert np.allclose(gaps, gaps[0], atol=1e-9)
            assert np.allclose(np.diff(poses[..., 2], axis=0), np.diff(poses[:, :1, 2], axis=0), atol=1e-9)


def test_the_mix_is_half_objects_and_half_bodies() -> None:
    mix = RandomScenes(32, 3, seed=1)
    index = np.arange(1000)
    has_bodies = mix.has_bodies(index)
    assert 0.45 < has_bodies.mean() < 0.55
    assert np.array_equal(mix.has_bodies(index[::-1]), has_bodies[::-1])
    found = mix.clips(index[:20])
    assert np.array_equal(found[has_bodies[:20]], RandomBodyClips(32, 3, 1).clips(index[:20][has_bodies[:20]]))
    assert np.array_equal(found[~has_bodies[:20]], RandomObjectClips(32, 3, 1).clips(index[:20][~has_bodies[:20]]))
