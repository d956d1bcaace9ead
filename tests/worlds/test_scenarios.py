import numpy as np
import pytest

from physlaw.data.config import EVALUATIONS as PLAIN_EVALUATIONS
from physlaw.data.config import PLACEMENTS
from physlaw.errors import UserError
from physlaw.studies import registry
from physlaw.studies.registry import scenarios_of
from physlaw.worlds import placement, scenes
from physlaw.worlds.blocks import EVALUATIONS
from physlaw.worlds.grids import Grid
from physlaw.worlds.phyre.templates import SETS
from physlaw.worlds.scenarios import PARABOLA, SCENARIOS
from physlaw.worlds.scenes import eval_scenes, training_scenes
from physlaw.worlds.streams import permutation, uniforms

# (before, after) dropping infeasible scenes: released data sections 3 and 4.2
TRAINING = {
    "uniform": {"30k": (30_000, 30_000), "300k": (300_000, 300_000), "3m": (3_000_000, 3_000_000)},
    "parabola": {"30k": (30_000, 30_000), "300k": (300_000, 300_000), "3m": (3_000_000, 3_000_000)},
    "collision": {"30k": (28_224, 26_066), "300k": (329_476, 306_782), "3m": (3_407_716, 3_189_021)},
}
EVALUATION = {
    "uniform": [3000, 64, 128, 128, 128, 160, 128, 128, 128],
    "parabola": [160, 32, 64, 128, 128, 160, 128, 128, 128],
    "collision": [225, 79, 108, 81, 144, 108, 144, 66, 52, 28, 6, 15, 0, 96, 123, 187, 187],
}
# in-dist, then the levels: paper A.4 says about 1.05k / 1.1k / 2k and 2.4k / 2.5k / 4.8k
PAPER_EVALUATION = {
    "uniform": [1050, 800, 800, 800],
    "parabola": [1100, 840, 840, 840],
    "collision": [2175, 948, 481, 1313, 418, 725, 864],
}


def disjoint(first: Grid, second: Grid, tolerance: float = 1e-9) -> bool:
    """No scene of one grid has the initial values of a scene of the other.

    Two products share a point only where they share a value on every axis; feasibility can only remove points, so it
    is not asked.
    """
    for ours, theirs in zip(first.axes, second.axes, strict=True):
        if np.abs(ours[:, None] - theirs[None]).min() > tolerance:
            return True
    return False


@pytest.mark.parametrize("name", SCENARIOS)
def test_training_grids_have_the_released_counts(name: str) -> None:
    for size, (before, after) in TRAINING[name].items():
        grid = SCENARIOS[name].train_grid(size)
        assert (grid.size_before_drops, len(grid)) == (before, after)


def test_older_and_unused_collision_grids_have_the_released_counts() -> None:
    counts = {s: training_scenes(SCENARIOS["collision"], s).grid for s in ("10k", "110k", "1.6m", "24m")}
    assert {s: g.size_before_drops for s, g in counts.items()} == {
        "10k": 9_216, "110k": 116_281, "1.6m": 1_640_961, "24m": 24_611_521
    }  # fmt: skip
    assert {s: len(g) for s, g in counts.items()} == {
        "10k": 9_216, "110k": 116_281, "1.6m": 1_640_961, "24m": 23_076_353
    }  # fmt: skip


@pytest.mark.parametrize("size", ["300", "3k", "30k"])
def test_counting_by_rows_agrees_with_asking_every_scene(size: str) -> None:
    grid = SCENARIOS["collision"].train_grid(size)
    every = np.arange(grid.size_before_drops)
    feasible = placement.feasible_collision(grid.points(every))
    assert np.array_equal(grid.place(np.arange(len(grid))), every[feasible])
    assert np.array_equal(grid.kept(every), feasible)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_papers_evaluation_sets_are_apart_from_every_training_grid(name: str) -> None:
    blocks = SCENARIOS[name].eval_blocks("paper")
    assert [len(b.grid) for b in blocks.values()] == PAPER_EVALUATION[name]
    for size in scenarios_of("id_ood")[name]:
        training = training_scenes(SCENARIOS[name], size).grid
        assert all(disjoint(block.grid, training) for block in blocks.values()), size
    for block in blocks.values():
        values = block.grid.values(np.arange(len(block.grid)))
        assert block.region.contains(values).all()
        assert SCENARIOS[name].in_dist.contains(values).all() == (block.level == 0)
    released = SCENARIOS[name].eval_blocks()["id"].grid
    assert not disjoint(released, SCENARIOS[name].train_grid("300")) or name == "parabola"


@pytest.mark.parametrize("name", SCENARIOS)
def test_evaluation_blocks_have_the_released_counts(name: str) -> None:
    assert [len(block.grid) for block in SCENARIOS[name].eval_blocks().values()] == EVALUATION[name]


def test_parabola_marginals_are_the_released_draws() -> None:
    radii, speeds = PARABOLA.train_grid("30k").axes
    assert np.round([radii[0], radii[-1], speeds[0], speeds[-1]], 4).tolist() == [0.7101, 1.3934, 1.0152, 3.9702]


def test_released_in_dist_samples_lie_on_the_training_grids(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    axes = SCENARIOS[name].train_grid("30k").axes
    for init in arrays["init"][arrays["level"] == "id"]:
        assert all(np.abs(axis - value).min() < 1e-12 for axis, value in zip(axes, init, strict=True))


def test_released_ood_samples_lie_on_their_blocks(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    blocks = SCENARIOS[name].eval_blocks()
    for init, level in zip(arrays["init"], arrays["level"], strict=True):
        if level != "id":
            axes = blocks[str(level)].grid.axes
            assert all(np.abs(axis - value).min() < 1e-12 for axis, value in zip(axes, init, strict=True))


def test_a_scene_depends_on_its_number_alone() -> None:
    scenes = training_scenes(SCENARIOS["collision"], "3k")
    index = np.array([5, 2000, 17])
    together = scenes.positions(index)
    for k, number in enumerate(index):
        assert np.array_equal(scenes.positions(np.array([number]))[0], together[k])
    again = training_scenes(SCENARIOS["collision"], "3k", seed=1).positions(index)
    assert not np.array_equal(again, together)


def test_streams_are_uniform_and_distinct() -> None:
    u = uniforms(7, np.arange(20_000), 3)
    assert u.min() >= 0
    assert u.max() < 1
    assert np.abs(u.mean(axis=0) - 0.5).max() < 0.01
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 0.03
    assert np.abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.03
    assert sorted(permutation(3, 100).tolist()) == list(range(100))


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenes_start_wholly_in_view_and_collisions_meet_in_time(name: str) -> None:
    scenes = training_scenes(SCENARIOS[name], "3k")
    index = np.arange(0, len(scenes), 7)
    start, radii = scenes.start(index), scenes.scenario.radii(scenes.init(index))
    reach = radii[..., None]
    assert ((start - reach >= -1e-9) & (start + reach <= 10 + 1e-9)).all()
    if name == "collision":
        gap = start[:, 1, 0] - start[:, 0, 0] - radii.sum(axis=1)
        frames = gap / (scenes.scenario.speeds(scenes.init(index)).sum(axis=1) * 0.1)
        assert frames.min() >= 8 - 1e-9


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(UserError, match="uniform, parabola, collision"):
        registry.scenario("uni")
    with pytest.raises(UserError, match="xl_level2_v1"):
        eval_scenes(SCENARIOS["uniform"], "level9")
    with pytest.raises(IndexError, match="scene 300 "):
        training_scenes(SCENARIOS["uniform"], "300").init(np.array([300]))


@pytest.mark.parametrize(
    ("name", "init"),
    [("uniform", [2.5, 1]), ("uniform", [0, 1]), ("parabola", [1, -1]), ("collision", [3, 2, 1, 1]),
     ("uniform", [1, np.nan])],
)  # fmt: skip
def test_impossible_scenes_are_named(name: str, init: list[float]) -> None:
    with pytest.raises(UserError, match=f"impossible {name} scene 1"):
        SCENARIOS[name].check_init(np.array([[1.0] * len(init), init]))


def test_plain_names_match_the_worlds() -> None:
    known = scenarios_of("id_ood")
    assert tuple(SCENARIOS) == tuple(known)
    assert scenarios_of("combinatorial")["combinatorial"] == tuple(name for name in SETS if name != "held_out")
    for name, sizes in known.items():
        assert all(len(training_scenes(SCENARIOS[name], size)) for size in sizes)
        with pytest.raises(UserError, match=", ".join(sizes)):
            training_scenes(SCENARIOS[name], "7k")
    assert PLACEMENTS == scenes.PLACEMENTS
    assert tuple(EVALUATIONS) == PLAIN_EVALUATIONS
