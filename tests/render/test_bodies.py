import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physlaw.errors import UserError
from physlaw.render.bodies import index_pictures, render_bodies
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.bodies import (
    BAR,
    BLACK,
    GRAY,
    PURPLE,
    RED,
    SIDE,
    WHITE,
    Body,
    Circle,
    Polygon,
    ball,
    bar,
    jar,
    pack,
    read_bodies,
    sticks,
    walls,
)


def dense(bodies: tuple[Body, ...], poses: np.ndarray) -> np.ndarray:
    """The rule, pixel by pixel: (T, 512, 512) palette indices, row 0 on top."""
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, SIDE - 0.5 - np.arange(SIDE))
    pictures = np.zeros((len(poses), SIDE, SIDE), np.uint8)
    for picture, pose in zip(pictures, poses, strict=True):
        for body, (px, py, angle) in zip(bodies, pose, strict=True):
            cos, sin = np.cos(angle), np.sin(angle)
            for piece in body.pieces:
                if isinstance(piece, Circle):
                    inside = (x - px) ** 2 + (y - py) ** 2 <= piece.radius**2
                else:
                    corners = [(px + (cos * a - sin * b), py + (sin * a + cos * b)) for a, b in piece.vertices]
                    inside = np.ones((SIDE, SIDE), bool)
                    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
                        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
                picture[inside] = body.colour
    return pictures


def averaged(pictures: np.ndarray, width: int) -> np.ndarray:
    """Means of whole blocks of the palette picture, rounded half up."""
    factor = SIDE // width
    blocks = PALETTE[pictures].reshape(len(pictures), width, factor, width, factor, 3)
    return np.floor(blocks.mean(axis=(2, 4)) + 0.5).astype(np.uint8)


def crowd() -> tuple[tuple[Body, ...], np.ndarray]:
    """Every kind of body in 12 frames: some move, one only once, a static one lies over moving ones."""
    generator = np.random.default_rng(5)
    movers = (ball(25.5), bar(150.0), bar(102.4), jar(0.25), sticks(0.5))
    bodies = (*walls()[0], *movers, bar(200.0, colour=BLACK, dynamic=False), ball(17.0, RED))
    poses = np.empty((12, len(bodies), 3))
    poses[:, :4] = walls()[1]
    poses[:, 4:] = generator.uniform((120, 120, -3), (390, 390, 3), (len(bodies) - 4, 3))
    poses[:, 4:8] += np.cumsum(generator.normal(0, (5, 5, 0.1), (12, 4, 3)), axis=0)
    poses[6:, 8, 0] += 300  # leaves the picture in one go
    poses[:, 10] += np.cumsum(generator.normal(0, (60, 60, 1), (12, 3)), axis=0)
    return bodies, poses


@pytest.fixture(params=["s0", "s1", "s2"])
def released_scene(request: pytest.FixtureRequest) -> tuple[tuple[Body, ...], np.ndarray, np.ndarray]:
    """Bodies, poses of the 50 stored frames and index pictures (row 0 at the bottom) of a released scene."""
    folder = os.environ.get("PHYSLAW_FIXTURES")
    path = Path(folder or "") / "released_phyre.npz"
    if not folder or not path.is_file():
        pytest.skip(f"released samples absent: set PHYSLAW_FIXTURES to the folder of {path.name}")
    with np.load(path, allow_pickle=False) as archive:
        bodies, _ = read_bodies(str(archive[f"{request.param}_bodies_json"]))
        return bodies, archive[f"{request.param}_step_pose"][::20], archive[f"{request.param}_frames_index"]


def test_released_frames_are_reproduced_from_their_poses(
    released_scene: tuple[tuple[Body, ...], np.ndarray, np.ndarray],
) -> None:
    bodies, poses, pictures = released_scene
    painted = index_pictures(pack(bodies), poses)[:, ::-1]
    assert (painted != pictures).sum(axis=(1, 2)).max() <= 5


polygons = st.sampled_from(
    [
        Polygon(((-20, -10), (31, -14.5), (8, 40))),
        Polygon(((0, -9), (9, -3), (5.5, 7), (-5.5, 7), (-9, -3))),
        Polygon(((-0.3, -0.3), (0.3, -0.3), (0.0, 0.3))),
        Polygon(((-600, -0.5), (600, -0.5), (600, 0.5), (-600, 0.5))),
        Polygon(((-300, 0), (300, 0), (0, 0.001))),
    ]
)
kinds = st.one_of(
    st.sampled_from([0.2, 0.5, 1.0, 4.5, 10.5, 30.5, 100.0, 700.0]).map(ball),
    st.builds(bar, st.floats(1, 400), st.sampled_from([1e-4, 0.3, 1.0, 10.0, 10.24])),
    st.builds(jar, st.floats(0.08, 0.3)),
    st.builds(sticks, st.floats(0.3, 0.6)),
    polygons.map(lambda polygon: Body((polygon, Circle(3.0)), GRAY, True, BAR, 1.0)),
)
angles = st.one_of(st.floats(-4, 4), st.sampled_from([k * math.pi / 4 for k in range(-2, 5)]))


@st.composite
def clips(draw: st.DrawFn) -> tuple[tuple[Body, ...], np.ndarray]:
    """One to six bodies of any kind, in and out of the picture, often on pixel centres, at rest or not."""
    drawn = draw(st.lists(st.tuples(kinds, st.sampled_from([RED, GRAY, BLACK, PURPLE, WHITE])), min_size=1, max_size=6))
    bodies = tuple(Body(body.pieces, colour, True, body.shape, body.diameter) for body, colour in drawn)
    poses = np.empty((draw(st.integers(1, 4)), len(bodies), 3))
    places = st.one_of(st.floats(-80, 600), st.floats(230, 290), st.integers(-20, 1044).map(lambda half: half / 2))
    moves = st.sampled_from(["rest", "drift", "jump"])
    for k in range(len(bodies)):
        for frame in range(len(poses)):
            move = draw(moves) if frame else "jump"
            poses[frame, k] = (draw(places), draw(places), draw(angles)) if move == "jump" else poses[frame - 1, k]
            poses[frame, k] += draw(st.tuples(*[st.floats(-1, 1)] * 3)) if move == "drift" else 0
    return bodies, poses


@settings(max_examples=60, deadline=None)
@given(clips())
def test_the_fast_painter_gives_the_bytes_of_the_rule(clip: tuple[tuple[Body, ...], np.ndarray]) -> None:
    bodies, poses = clip
    pictures = dense(bodies, poses)
    assert np.array_equal(index_pictures(pack(bodies), poses), pictures)
    for width in (256, 32):
        assert np.array_equal(render_bodies(pack(bodies), poses, width), averaged(pictures, width)), width


def test_edges_through_pixel_centres_are_decided_by_the_rule() -> None:
    side = 20 * math.sqrt(2)
    bodies = (bar(2 * side, side), bar(3 * side, side / 2, RED), bar(side, side / 20, BLACK))
    poses = np.empty((24, 3, 3))
    poses[..., :2] = np.random.default_rng(7).integers(200, 400, (24, 3, 2)) / 2
    poses[..., 2] = np.arange(24 * 3).reshape(24, 3) * math.pi / 4
    assert np.array_equal(index_pictures(pack(bodies), poses), dense(bodies, poses))


def test_every_size_is_the_average_of_the_palette_picture() -> None:
    bodies, poses = crowd()
    pictures = dense(bodies, poses)
    assert np.array_equal(index_pictures(pack(bodies), poses), pictures)
    assert set(np.unique(pictures)) == {WHITE, RED, GRAY, BLACK}
    for width in (512, 256, 128, 64, 32, 16):
        assert np.array_equal(render_bodies(pack(bodies), poses, width), averaged(pictures, width)), width


def test_a_frame_does_not_depend_on_the_frames_before_it_nor_on_given_memory() -> None:
    bodies, poses = crowd()
    whole = render_bodies(pack(bodies), poses, 128)
    out = np.zeros((1, 128, 128, 3), np.uint8)
    for frame in (11, 0, 7):
        assert render_bodies(pack(bodies), poses[frame : frame + 1], 128, out=out) is out
        assert np.array_equal(out[0], whole[frame])
    with pytest.raises(ValueError, match="C-contiguous"):
        render_bodies(pack(bodies), poses, 128, out=out)


def test_row_0_is_the_top_and_the_last_body_lies_on_top() -> None:
    bodies = pack((ball(10.0, RED), ball(5.0, BLACK)))
    picture = index_pictures(bodies, np.array([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]))[0]
    assert picture[-1, :11].tolist() == [BLACK] * 5 + [RED] * 5 + [WHITE]
    assert not picture[:500].any()


def test_walls_bodies_far_away_and_empty_scenes_leave_the_picture_white() -> None:
    bodies, poses = walls()
    far = np.array([[1e300, -1e300, 2.0], [256.0, 1e9, 1e5]])
    clip = np.repeat(np.concatenate([poses, far])[None], 2, axis=0)
    assert not index_pictures(pack((*bodies, jar(0.3), ball(60.0))), clip).any()
    assert render_bodies(pack(()), np.zeros((3, 0, 3)), 64).min() == 255
    assert render_bodies(pack(bodies), np.zeros((0, 4, 3)), 64).shape == (0, 64, 64, 3)


def test_bad_poses_and_sizes_are_named() -> None:
    bodies, poses = crowd()
    for resolution, message in ((100, "divide 512, got 100"), (8, "16 to 512"), (1024, "16 to 512")):
        with pytest.raises(UserError, match=message):
            render_bodies(pack(bodies), poses, resolution)
    with pytest.raises(UserError, match=r"\(frames, 11 bodies, 3\), got \(12, 10, 3\)"):
        index_pictures(pack(bodies), poses[:, 1:])
    poses[3, 5, 2] = np.nan
    with pytest.raises(UserError, match="frame 3: the pose of body 5"):
        render_bodies(pack(bodies), poses, 64)
    with pytest.raises(UserError, match="at most 255 bodies, got 256"):
        index_pictures(pack([ball(1.0)] * 256), np.zeros((1, 256, 3)))
