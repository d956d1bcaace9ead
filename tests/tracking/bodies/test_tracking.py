"""Bodies are followed through a clip: seen, hidden, cut by the border, touching, gone, elsewhere, in pieces."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from known_scenes import SHAPES, WIDTH, maps_of, motion, scene

from physlaw.tracking.bodies.shapes import centre_poses, shapes_of
from physlaw.tracking.bodies.tracking import FALL, FIRST_FALL, LOST, dead_zone, track_bodies
from physlaw.worlds.bodies import RED, SIDE, Body, ball, bar, walls

pytestmark = pytest.mark.xdist_group("bodies")  # one process compiles what tracks them: a minute
Array = np.ndarray
FRAMES = 7
AWAY = -4.0 * SIDE


class Tracked(NamedTuple):
    """off: (T, D) px from where the bodies' centres of mass are, turn: (T, D) radians; the rest as track_bodies."""

    off: Array
    turn: Array
    poses: Array
    lacking: Array
    left: Array


def track(bodies: Sequence[Body], poses: Array, maps: Array | None = None, width: int = WIDTH) -> Tracked:
    """Follow the bodies of (T, B, 3) poses in their pictures, or in others."""
    shapes = shapes_of(bodies, [number for number, body in enumerate(bodies) if body.dynamic])
    maps = maps_of(bodies, poses, width) if maps is None else maps
    found, lacking, left = track_bodies(maps, shapes, poses[0])
    off = found - centre_poses(shapes, poses)
    return Tracked(np.hypot(off[..., 0], off[..., 1]), np.abs(off[..., 2]), found, lacking, left)


def falling(frames: int = FRAMES) -> Array:
    """(T,) px of height lost since the start."""
    return np.cumsum([0, *(FIRST_FALL + k * FALL for k in range(frames - 1))])


def line(start: Sequence[float], step: Sequence[float], fall: float = 0.0) -> Array:
    """(T, 3) poses a step apart, that fall as well."""
    path = np.array(start) + np.arange(FRAMES)[:, None] * np.array(step, dtype=float)
    path[:, 1] -= fall * falling()
    return path


def paths(*placed: tuple[Body, Array]) -> tuple[tuple[Body, ...], Array]:
    """Bodies and their (T, 3) paths -> a scene and its (T, B, 3) poses."""
    bodies, poses = scene(*((body, tuple(path[0])) for body, path in placed))
    out = np.repeat(poses[None], FRAMES, axis=0)
    for number, (_, path) in enumerate(placed):
        out[:, 4 + number] = path
    return bodies, out


KNOWN = (
    (SHAPES["red ball"], line((100, 460, 0), (20, 0, 0), 1)),
    (SHAPES["bar"], line((330, 440, 0.5), (-12, 0, 0.25), 1)),
    (SHAPES["jar"], line((250, 60, 0.3), (0, 0, 0))),
    (SHAPES["sticks"], line((420, 60, 0.2), (-8, 2, -0.1))),
)


@pytest.mark.parametrize(("width", "px", "radians"), [(64, 1.5, 0.03), (32, 3.0, 0.08)])
def test_bodies_of_a_known_scene_are_where_they_are(width: int, px: float, radians: float) -> None:
    tracked = track(*paths(*KNOWN), width=width)
    assert (tracked.off < px).all()
    assert (tracked.turn[:, 1:] < radians).all()
    assert (tracked.lacking < 0.15).all()
    assert (tracked.left < 60).all()


def test_blurred_pictures_are_followed_too() -> None:
    bodies, poses = paths(*KNOWN)
    maps = maps_of(bodies, poses)
    for axis in (2, 3):
        maps = (np.roll(maps, 1, axis) + 2 * maps + np.roll(maps, -1, axis)) / 4
    tracked = track(bodies, poses, maps)
    assert (tracked.off < SIDE / WIDTH).all()  # a pixel
    assert (tracked.lacking < 0.3).all()


def test_a_turn_goes_on_past_a_half_turn() -> None:
    """A bar looks the same after pi; of the angles that look alike, the one that goes on is taken."""
    tracked = track(*paths((SHAPES["bar"], line((256, 470, 0.1), (0, 0, 0.7), 1))))
    assert (tracked.turn < 0.03).all()
    assert tracked.poses[-1, 0, 2] == pytest.approx(0.1 + 6 * 0.7, abs=0.03)


def test_a_body_cut_by_the_border_is_followed() -> None:
    """It goes to where 10 px of it are beyond, and back."""
    x = np.array([90, 60, 30, 14, 30, 60, 90.0])
    cut = line((0, 250, 0), (0, 0, 0))
    cut[:, 0] = x
    tracked = track(*paths((SHAPES["ball"], cut), (SHAPES["sticks"], line((300, 250, 0.2), (5, 0, 0.1)))))
    assert (tracked.off[:, 0] < np.where(x > 24.5, 1.5, 5.5)).all()
    assert (tracked.lacking[:, 0] < np.where(x > 24.5, 0.1, 0.3)).all()
    assert (tracked.off[:, 1] < 1.5).all()


def test_a_body_hidden_behind_another_colour_is_there_and_found_again() -> None:
    """A small gray ball that a large red one passes, covers whole, and leaves."""
    bodies, poses = paths(
        (ball(15.5), line((256, 250, 0), (0, 0, 0))), (ball(30.5, RED), line((136, 250, 0), (40, 0, 0)))
    )
    maps = maps_of(bodies, poses)
    assert maps[3, 1].max() < 0.05  # nothing of it is seen
    tracked = track(bodies, poses, maps)
    hidden = (np.arange(FRAMES) == 3)[:, None] & [True, False]
    assert (tracked.off < np.where(hidden, 15, 2.5)).all()  # 15 px of room behind the large one
    assert (tracked.lacking < 0.2).all()
    assert (tracked.left < 60).all()


def test_a_body_that_leaves_the_picture_is_lost_and_no_other_is_taken_for_it() -> None:
    gone = line((40, 250, 0), (-25, 0, 0))
    tracked = track(*paths((SHAPES["ball"], gone), (ball(22.5), line((300, 250, 0), (5, 0, 0)))))
    assert (tracked.lacking[gone[:, 0] < -24.5, 0] > LOST).all()
    assert (tracked.off[:, 1] < 1.5).all()
    assert (tracked.lacking[:, 1] < 0.1).all()


def test_touching_bodies_of_one_colour_keep_their_names() -> None:
    """Two equal balls that meet and part again: in the middle they touch, and nothing says which is which."""
    x = np.array([0, 30, 60, 77, 60, 30, 0.0])
    one, two = line((100, 250, 0), (0, 0, 0)), line((303, 250, 0), (0, 0, 0))
    one[:, 0] += x
    two[:, 0] -= x
    tracked = track(*paths((SHAPES["ball"], one), (SHAPES["ball"], two)))
    assert (tracked.off < 2).all()
    assert (tracked.lacking < 0.1).all()


def test_a_stack_of_one_colour_that_slides_apart() -> None:
    """A bar and a smaller one flush upon it, and a ball in a jar."""
    tracked = track(
        *paths(
            (bar(120.0), line((200, 100, 0.3), (0, 0, 0))),
            (bar(70.0), line((200 - 10.24 * math.sin(0.3), 100 + 10.24 * math.cos(0.3), 0.3), (9, 2.78, 0))),
            (SHAPES["jar"], line((400, 100, 0), (-10, 0, 0))),
            (ball(18.5), line((400, 100 + 5.1 + 18.5, 0), (-10, 0, 0))),
        )
    )
    assert (tracked.off < 2.5).all()
    assert (tracked.lacking < 0.2).all()
    assert (tracked.left < 80).all()


@pytest.mark.parametrize("name", ["ball", "jar"])
def test_a_vanished_body_is_lost_until_it_is_back(name: str) -> None:
    path = line((120, 450, 0.4), (10, 0, 0.1), 1)
    bodies, poses = paths((SHAPES[name], path), (SHAPES["bar"], line((360, 300, 0.5), (-10, 0, 0.2))))
    drawn = poses.copy()
    drawn[2:4, 4, 0] = AWAY
    tracked = track(bodies, poses, maps_of(bodies, drawn))
    assert ((tracked.lacking[:, 0] > LOST) == [False, False, True, True, False, False, False]).all()
    seen = tracked.lacking[:, 0] <= LOST
    assert (tracked.off[seen, 0] < 2).all()
    assert (tracked.off[:, 1] < 1.5).all()
    assert (tracked.lacking[:, 1] < 0.1).all()


def test_a_body_that_jumps_is_found_where_it_is() -> None:
    path = line((100, 150, 0.4), (5, 0, 0))
    path[3:, :2] += 280, 200  # farther than any body moves in a frame
    tracked = track(*paths((SHAPES["jar"], path), (SHAPES["bar"], line((300, 100, 0.5), (0, 0, 0.2)))))
    assert (tracked.off < 2).all()
    assert (tracked.lacking < 0.15).all()


def test_a_split_body_is_missing_where_its_halves_are_not() -> None:
    """A bar of which the halves part; it is still one body to the tracker, which cannot explain both."""
    bodies, poses = paths(
        (bar(120.0), line((256, 250, 0.3), (0, 0, 0))), (SHAPES["ball"], line((100, 100, 0), (5, 0, 0)))
    )
    whole = maps_of(bodies, poses)
    edges, at_walls = walls()
    halves = (*edges, bar(60.0), bar(60.0), SHAPES["ball"])
    parted = np.array([[*at_walls, (196, 220, 0.6), (316, 285, -0.2), poses[k, 5]] for k in range(3, FRAMES)])
    maps = np.concatenate([whole[:3], maps_of(halves, parted)])
    tracked = track(bodies, poses, maps)
    assert (tracked.left[:3] < 60).all()
    assert (tracked.left[3:] > 600).all()  # of 1,200 px^2, half a bar lacks and half a bar is too much
    assert (tracked.lacking[:3, 0] < 0.1).all()
    assert (tracked.lacking[3:, 0] > 0.3).all()
    assert (tracked.off[:, 1] < 1.5).all()
    assert (tracked.lacking[:, 1] < 0.1).all()


def test_equal_bodies_that_pass_each_other_do_not_exchange_names() -> None:
    """Both in free fall, one behind the other's way: each goes on as it was going."""
    tracked = track(
        *paths(
            (SHAPES["sticks"], line((120, 460, 0.2), (30, 0, 0), 1)),
            (SHAPES["sticks"], line((330, 440, 0.2), (-30, 0, 0), 1)),
        )
    )
    assert (tracked.off < 3).all()


def test_the_dead_zone_grows_with_the_picture() -> None:
    """As an edge's 0.8 px of 512 are more of a smaller pixel."""
    assert [dead_zone(width) for width in (32, 64)] == pytest.approx([0.08, 0.13])


def test_a_clip_of_one_frame_is_its_first_poses() -> None:
    bodies, poses = scene((SHAPES["jar"], (200, 200, 0.5)))
    tracked = track(bodies, motion(poses, 4, np.array([[200, 200, 0.5]])))
    assert tracked.off.tolist() == [[0]]
    assert tracked.lacking[0, 0] < 0.1
