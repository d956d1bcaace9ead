"""Start positions: ours and the release's, against released samples and the engine's rules."""

import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.worlds.placement import FRAMES_BEFORE_CONTACT
from physlaw.worlds.released_order import TRIES, released_training_order
from physlaw.worlds.scenarios import COLLISION, SCENARIOS
from physlaw.worlds.scenes import eval_scenes, training_scenes


def draws_of(low: np.ndarray, high: np.ndarray, units: np.ndarray) -> np.ndarray:
    """(D,) each -> (made draws, 3): low, high, value."""
    made = np.isfinite(low)
    return np.stack([low, high, low + (high - low) * units], axis=-1)[made]


def test_released_training_samples_are_drawn_again(released: tuple[str, dict[str, np.ndarray]]) -> None:
    """The in-dist samples are the first scenes of the smallest training set: number, initial values, every draw."""
    name, arrays = released
    scenes = training_scenes(SCENARIOS[name], "30k", contact="released", placement="released")
    index = np.arange(4)
    assert np.abs(scenes.init(index) - arrays["init"][:4]).max() < 1e-9
    placed, units = scenes.placement(index), scenes.order.units(index)
    for k in index:
        recorded = arrays["uniform_draws_low_high_value"][k]
        recorded = recorded[np.isfinite(recorded[:, 0])]
        assert np.abs(draws_of(placed.low[k], placed.high[k], units[k]) - recorded).max() < 1e-9
    positions = arrays["positions"].reshape(6, 32, -1, 2)[:4]
    assert np.abs(scenes.positions(index) - positions).max() < 1e-3


def test_recorded_draws_place_every_released_sample(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    scenario = SCENARIOS[name]
    nothing = np.zeros((6, scenario.num_draws))
    made = np.isfinite(scenario.place(arrays["init"], nothing).low)
    units = nothing.copy()
    for k, recorded in enumerate(arrays["uniform_draws_low_high_value"]):
        low, high, value = recorded[np.isfinite(recorded[:, 0])].T
        units[k, made[k]] = (value - low) / (high - low)
    placed = scenario.place(arrays["init"], units)
    for k, recorded in enumerate(arrays["uniform_draws_low_high_value"]):
        recorded = recorded[np.isfinite(recorded[:, 0])]
        assert np.abs(draws_of(placed.low[k], placed.high[k], units[k]) - recorded).max() < 1e-9
    first = scenario.move(arrays["init"], placed.start, 1)[:, 0]
    assert np.abs(first - arrays["positions"].reshape(6, 32, -1, 2)[:, 0]).max() < 1e-4


def plain_shard(name: str, size: str, shard: int) -> list[tuple[np.ndarray, list[float]]]:
    """One shard of the release written out as its program runs: one generator, scene after scene."""
    generator = np.random.RandomState(42)
    grid = SCENARIOS[name].of_size(size).train_grid(size, generator)
    order = list(range(grid.size_before_drops))
    generator.shuffle(order)
    generator = np.random.RandomState(42)
    kept = []
    for place in order[1000 * shard : 1000 * (shard + 1)]:
        init = grid.points(np.array([place]))[0]
        draws: list[float] = []

        def draw(low: float, high: float, draws: list[float] = draws) -> float:
            draws.append(generator.uniform(low, high))
            return draws[-1]

        if name == "collision":
            r1, r2, v1, v2 = init
            reach, fits = r1 + r2, False
            shortest, longest = 0.8 * (v1 + v2) + reach, 2.4 * (v1 + v2) + reach
            for _ in range(TRIES):
                del draws[:]
                if r1 > 2 * r2:
                    longest = min(1.25 * shortest, 10 - reach)
                    draw(shortest, longest)
                if r2 > 2 * r1:
                    longest = min(1.25 * shortest, 10 - reach)
                    distance = draw(shortest, longest)
                    x1 = draw(10 - r2 - distance - 0.5, 10 - r2 - distance)
                else:
                    longest = min(longest, 10 - reach)
                    distance = draw(shortest, longest)
                    x1 = draw(r1, 10 - r2 - distance)
                x1 = max(x1, r1)
                x2 = min(x1 + distance, 10 - r2)
                if (x2 - x1 - reach) / (0.1 * (v1 + v2)) >= FRAMES_BEFORE_CONTACT - 1e-9:
                    fits = True
                    break
            draw(max(r1, r2) + 0.5, 9.5 - max(r1, r2))
            if not fits:
                continue
        else:
            r, v = init
            high = 10 - (2.4 * v + r)
            if high < r:
                high = r + draw(0, 0.5)
            draw(r, high)
            draw(*((r + 0.5, 9.5 - r) if name == "uniform" else (8.5 - r, 9.5 - r)))
        kept.append((init, list(draws)))
    return kept


@pytest.mark.parametrize(("name", "size"), [("uniform", "30k"), ("parabola", "3k"), ("collision", "30k")])
@pytest.mark.parametrize("shard", [0, 2])
def test_shards_replay_the_release_scene_by_scene(name: str, size: str, shard: int) -> None:
    scenario = SCENARIOS[name].of_size(size)
    _, order = released_training_order(scenario, size)
    numbers = np.flatnonzero(order.position // 1000 == shard)
    wanted = plain_shard(name, size, shard)
    assert len(numbers) == len(wanted)
    init, units = order.values(numbers), order.units(numbers)
    placed = scenario.place(init, units)
    for k, (init_k, draws) in enumerate(wanted):
        assert np.allclose(init[k], init_k, atol=1e-12)
        assert np.allclose(draws_of(placed.low[k], placed.high[k], units[k])[:, 2], draws, atol=1e-9), k


def test_released_sets_hold_the_same_scenes_in_another_order() -> None:
    for name in SCENARIOS:
        ours, theirs = (training_scenes(SCENARIOS[name], "3k", placement=p) for p in ("per_sample", "released"))
        assert len(ours) == len(theirs) == len(theirs.order)
        index = np.arange(len(ours))
        a, b = ours.init(index), theirs.init(index)
        assert not np.array_equal(a, b)
        assert np.array_equal(a[np.lexsort(a.T)], b[np.lexsort(b.T)])
        some = np.array([5, 2000, 17])
        assert np.array_equal(theirs.positions(some)[1], theirs.positions(some[1:2])[0])


@pytest.mark.parametrize("name", SCENARIOS)
def test_released_evaluation_blocks_hold_every_scene_once(name: str) -> None:
    for block, known in SCENARIOS[name].eval_blocks().items():
        if len(known.grid):
            scenes = eval_scenes(SCENARIOS[name], block, placement="released")
            index = np.arange(len(scenes))
            ours = eval_scenes(SCENARIOS[name], block).init(index)
            theirs = scenes.init(index)
            assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
            start, radii = scenes.start(index), SCENARIOS[name].radii(theirs)[..., None]
            assert (start - radii >= -1e-9).all()


def test_older_collision_grids_leave_four_frames_before_the_contact() -> None:
    scenes = training_scenes(SCENARIOS["collision"], "10k")
    index = np.arange(len(scenes))
    init, start = scenes.init(index), scenes.start(index)
    gap = start[:, 1, 0] - start[:, 0, 0] - init[:, :2].sum(axis=1)
    frames = gap / (0.1 * init[:, 2:].sum(axis=1))
    assert 4 - 1e-9 <= frames.min() < 5
    assert COLLISION.feasible is not None
    assert not COLLISION.feasible(init).all()


def test_unknown_placements_and_blocks_are_named() -> None:
    with pytest.raises(UserError, match="per_sample, released"):
        training_scenes(SCENARIOS["uniform"], "300", placement="random")
    with pytest.raises(UserError, match="block with placement=released 'paper_id'"):
        eval_scenes(SCENARIOS["uniform"], "paper_id", placement="released")
    with pytest.raises(IndexError, match="scene 300 "):
        training_scenes(SCENARIOS["uniform"], "300", placement="released").init(np.array([300]))
