import numpy as np
import pytest
from engine import simulate_engine
from hypothesis import given, settings
from hypothesis import strategies as st

from physlaw.errors import UserError
from physlaw.worlds import laws
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes

TIE_BOUND = 0.13  # a float32 one-step contact tie moves a ball by at most this
SLOW = 0.01  # the released engine stops slower bodies


def start_from_draws(name: str, init: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The recorded placement draws (low, high, value) as start positions."""
    units = np.zeros((1, SCENARIOS[name].num_draws))
    taken = draws[~np.isnan(draws[:, 0])]
    spread = taken[:, 1] - taken[:, 0]
    unit = np.where(spread > 0, (taken[:, 2] - taken[:, 0]) / np.where(spread > 0, spread, 1), 0.0)
    units[0, units.shape[1] - len(unit) :] = unit  # optional draws come first
    return SCENARIOS[name].place(init[None], units).start


def test_released_positions_follow_from_the_draws(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    scenario = SCENARIOS[name]
    positions = arrays["positions"].reshape(*arrays["positions"].shape[:2], -1, 2)
    ties = slow = 0
    for init, truth, draws in zip(arrays["init"], positions, arrays["uniform_draws_low_high_value"], strict=True):
        start = start_from_draws(name, init, draws)
        error = np.abs(scenario.move(init[None], start, len(truth), contact="released")[0] - truth).max()
        if error > 1e-3:
            is_slow = scenario.speeds(init[None]).min() < SLOW
            slow, ties = slow + is_slow, ties + (not is_slow)
            assert name == "collision" or is_slow
            assert error <= TIE_BOUND
    assert ties + slow <= 1, f"{ties} contact ties and {slow} slow bodies among {len(positions)}"


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("contact", laws.CONTACTS)
def test_engine_agrees_with_the_closed_form(name: str, contact: laws.Contact) -> None:
    scenes = training_scenes(SCENARIOS[name], "3k")
    for number in range(0, len(scenes), 200):
        index = np.array([number])
        init, start = scenes.init(index), scenes.start(index)
        if contact == "released" and name == "collision":
            init[:, 2:] *= 0.12  # below the inelastic closing speed
        positions, velocities = simulate_engine(scenes.scenario, init[0], start[0], 32, contact)
        assert np.abs(positions - scenes.scenario.move(init, start, 32, contact)[0]).max() < 1e-9
        if name == "collision" and contact == "elastic":
            mass = scenes.scenario.radii(init)[0] ** 2
            momentum, energy = (velocities[..., 0] * mass).sum(1), (velocities[..., 0] ** 2 * mass).sum(1)
            assert np.ptp(momentum) <= 1e-9 * np.abs(mass * velocities[0, :, 0]).sum()
            assert np.ptp(energy) <= 1e-9 * energy[0]


@given(
    st.tuples(st.floats(0, 6), st.floats(0, 6)),
    st.tuples(st.floats(0.3, 2), st.floats(0.3, 2)),
)
@settings(max_examples=200, deadline=None)
def test_elastic_impact_keeps_momentum_and_energy(speeds: tuple[float, float], radii: tuple[float, float]) -> None:
    before, mass = np.array([[speeds[0], -speeds[1]]]), np.array([radii]) ** 2
    after = laws.impact(before, mass)
    scale = (mass * np.abs(before)).sum() + 1e-12
    assert abs((mass * (after - before)).sum()) <= 1e-12 * scale
    assert abs((mass * (after**2 - before**2)).sum()) <= 1e-11 * ((mass * before**2).sum() + 1e-12)


def test_equal_masses_exchange_and_slow_released_contacts_stick() -> None:
    assert np.allclose(laws.impact(np.array([[2.0, -1.0]]), np.ones((1, 2))), [[-1, 2]])
    slow, fast = np.array([1.0]), np.array([1.01])
    assert laws.restitution(slow, "released")[0] == 0
    assert laws.restitution(fast, "released")[0] == 1
    assert laws.restitution(slow, "elastic")[0] == 1


def test_parabola_falls_as_the_engine_integrates() -> None:
    path = laws.parabola(np.array([[1.0, 9.0]]), np.array([[2.0, 0.0]]), 32)[0]
    assert path[0].tolist() == pytest.approx([1.02, 9 - 2.5e-4])
    steps = 311
    assert path[-1].tolist() == pytest.approx([1 + 2 * 3.11, 9 - 2.5e-4 * steps * (steps + 1) / 2])


def test_discs_do_not_meet_at_rest_and_bad_masses_are_named() -> None:
    assert np.isinf(laws.contact_step(np.array([1.0]), np.array([0.0])))[0]
    with pytest.raises(ValueError, match="row 1"):
        laws.impact(np.ones((2, 2)), np.array([[1.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(UserError, match="elastic, released"):
        laws.restitution(np.ones(1), "bouncy")  # type: ignore[arg-type]
