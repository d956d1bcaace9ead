import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physlaw.errors import UserError
from physlaw.render.dense import RING_HOLE
from physlaw.worlds import laws
from physlaw.worlds.appearance import CIRCLE, RING, SQUARE
from physlaw.worlds.objects import HOLE, WALL, ObjectScene, Wall, drawn_area, simulate_objects

speeds = st.floats(1.0, 4.0)
sizes = st.floats(0.5, 1.2)


def pair(shapes: tuple[int, int], radii: tuple[float, float], start: list, velocity: list, *walls: Wall) -> ObjectScene:
    return ObjectScene(shapes, radii, np.array(start), np.array(velocity), walls)


def mass_of(scene: ObjectScene) -> np.ndarray:
    return np.array([drawn_area(shape, radius) for shape, radius in zip(scene.shapes, scene.radii, strict=True)])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(sizes, sizes, speeds, speeds, st.floats(0.5, 3.0))
def test_discs_collide_as_the_closed_form_says(r1: float, r2: float, v1: float, v2: float, gap: float) -> None:
    scene = pair((CIRCLE, CIRCLE), (r1, r2), [[2, 5], [2 + r1 + r2 + gap, 5]], [[v1, 0], [-v2, 0]])
    motion = simulate_objects(scene, 32)
    start, velocity = scene.start[None], scene.velocity[None, :, 0]
    before = gap / ((v1 + v2) * laws.DT_S)
    if abs(before - round(before)) > 1e-6:  # else rounding decides which step the contact falls into
        expected = laws.collision(start, velocity, np.array([[r1, r2]]), 32)[0]
        assert np.abs(motion.positions - expected).max() < 1e-9
        assert motion.contacts == [(int(before) + 1, 0, 1)] * (before < 310)


@pytest.mark.parametrize("shape", [CIRCLE, SQUARE, RING])
def test_what_meets_nothing_moves_uniformly(shape: int) -> None:
    scene = pair((shape, shape), (0.7, 0.9), [[1, 2], [3, 7]], [[2.5, 0.5], [0, 0]])
    motion = simulate_objects(scene, 32)
    assert np.abs(motion.positions - laws.uniform_motion(scene.start, scene.velocity, 32).swapaxes(0, 1)).max() < 1e-12
    assert motion.contacts == []
    assert (motion.positions[:, 1] == scene.start[1]).all()  # at rest


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.sampled_from([CIRCLE, SQUARE, RING]),
    st.sampled_from([CIRCLE, SQUARE, RING]),
    sizes,
    sizes,
    speeds,
    st.floats(-1.5, 1.5),
)
def test_momentum_and_energy_are_kept(a: int, b: int, r1: float, r2: float, v: float, offset: float) -> None:
    """Off-centre hits too; a square never turns."""
    scene = pair((a, b), (r1, r2), [[2, 5], [5.5, 5 + offset]], [[v, 0], [-1, 0]])
    motion = simulate_objects(scene, 32)
    mass = mass_of(scene)[None, :, None]
    momentum, energy = (mass * motion.velocities).sum(axis=1), (mass * motion.velocities**2).sum(axis=(1, 2))
    assert np.abs(momentum - momentum[0]).max() < 1e-9
    assert np.abs(energy / energy[0] - 1).max() < 1e-9
    squares = np.array([a, b]) == SQUARE
    assert (motion.angles[:, squares] == 0).all()
    assert np.abs(motion.angles).max() < 1e-9  # no friction: discs turn by rounding alone
    grazing = abs(offset) > 0.95 * (r1 + r2)  # the push is upright, as small as rounding
    assert grazing or not motion.contacts or np.ptp(motion.velocities[:, 0, 0]) > 0


def test_an_off_centre_hit_turns_paths_and_no_square() -> None:
    scene = pair((SQUARE, CIRCLE), (0.8, 0.8), [[2, 5], [5, 6.3]], [[3, 0], [0, 0]])
    motion = simulate_objects(scene, 32)
    assert motion.contacts
    assert abs(motion.velocities[-1, 1, 1]) > 0.1
    assert (motion.angles[:, 0] == 0).all()


@pytest.mark.parametrize("shape", [CIRCLE, SQUARE, RING])
@pytest.mark.parametrize("v", [1.0, 2.3, 4.0])
def test_objects_come_back_from_a_wall_at_the_same_speed(shape: int, v: float) -> None:
    wall = Wall(9.2, 5.0, 0.15, 0.6)
    scene = pair((shape, CIRCLE), (0.7, 0.0), [[9.05 - 0.7 - v * 1.504, 5], [0, 0]], [[v, 0], [0, 0]], wall)
    motion = simulate_objects(scene, 32)
    assert motion.contacts == [(151, 0, WALL)]
    assert np.abs(np.abs(motion.velocities[:, 0, 0]) - v).max() < 1e-12
    assert motion.velocities[-1, 0, 0] == pytest.approx(-v)
    steps = laws.steps_at_frame(32)
    x = scene.start[0, 0] + v * laws.DT_S * (np.minimum(steps, 151) - np.maximum(steps - 151, 0))
    assert np.abs(motion.positions[:, 0, 0] - x).max() < 1e-9
    assert np.ptp(motion.positions[:, 0, 1]) < 1e-12


def test_contacts_are_listed_in_the_order_of_time() -> None:
    wall = Wall(9.2, 5.0, 0.15, 0.6)
    scene = pair((CIRCLE, CIRCLE), (0.7, 0.7), [[2, 5], [6, 5]], [[3, 0], [-1, 0]], wall)
    contacts = simulate_objects(scene, 32).contacts
    assert [(a, b) for _, a, b in contacts] == [(0, 1), (1, WALL)]
    assert contacts[0][0] < contacts[1][0]


def test_masses_are_the_drawn_areas() -> None:
    assert HOLE == RING_HOLE  # as the renderer draws rings
    assert drawn_area(CIRCLE, 2.0) == pytest.approx(4 * np.pi)
    assert drawn_area(SQUARE, 2.0) == 16
    assert drawn_area(RING, 2.0) == pytest.approx(4 * np.pi * (1 - 0.36))
    scene = pair((SQUARE, RING), (0.5, 1.0), [[2, 5], [5, 5]], [[3, 0], [0, 0]])
    after = laws.impact(np.array([[3.0, 0.0]]), np.array([[1.0, np.pi * 0.64]]))[0]
    assert simulate_objects(scene, 32).velocities[-1, :, 0] == pytest.approx(after)


def test_an_object_of_radius_zero_takes_no_part() -> None:
    scene = pair((CIRCLE, CIRCLE), (0.7, 0.0), [[2, 5], [5, 5]], [[3, 0], [-1, 0]])
    motion = simulate_objects(scene, 32)
    assert motion.contacts == []
    assert (motion.positions[:, 1] == [5, 5]).all()


def test_bad_scenes_are_refused() -> None:
    two = np.zeros((2, 2))
    with pytest.raises(UserError, match="2 shapes need 2 radii"):
        ObjectScene((CIRCLE, CIRCLE), (1.0,), two, two)
    with pytest.raises(UserError, match="unknown shape 7; valid"):
        ObjectScene((CIRCLE, 7), (1.0, 1.0), two, two)
    with pytest.raises(UserError, match=r"got -1\.0"):
        ObjectScene((CIRCLE, CIRCLE), (1.0, -1.0), two, two)
    with pytest.raises(UserError, match="must be finite"):
        ObjectScene((CIRCLE, CIRCLE), (1.0, 1.0), two + np.nan, two)
    with pytest.raises(UserError, match="positive half sides"):
        ObjectScene((CIRCLE, CIRCLE), (1.0, 1.0), two, two, (Wall(1, 1, 0, 1),))
    with pytest.raises(UserError, match="at least 1, got 0"):
        simulate_objects(ObjectScene((CIRCLE, CIRCLE), (1.0, 1.0), two, two), 0)
