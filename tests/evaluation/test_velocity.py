from pathlib import Path

import numpy as np
import pytest

from physlaw.data.released import open_clips, resize_frames
from physlaw.data.write import SimulateConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.score import classify, score_clips
from physlaw.evaluation.velocity import ERROR_NAMES, velocity_errors
from physlaw.render.discs import render_clips
from physlaw.worlds.regions import RIM, within
from physlaw.worlds.scenarios import COLLISION, PARABOLA, SCENARIOS, UNIFORM
from physlaw.worlds.scenes import ball_trajectory, eval_scenes
from simulating import simulate

BLANK = 255


def plain_record(name: str, frames: np.ndarray, positions: np.ndarray, init: np.ndarray, last: int) -> dict[str, float]:
    """The released evaluator's record of one clip, written out frame by frame from its description."""
    width, balls = frames.shape[1], positions.shape[1]
    parsed = np.full((last, balls, 3), np.nan)  # x, y, radius
    for k in range(last):
        image = frames[k][::-1].astype(int)
        red, green, blue = image[..., 0], image[..., 1], image[..., 2]
        masks = [
            (red > 127) & (green < 127) & (blue < 127),
            (red < 127) & (green < 127) & (blue > 127),
        ]
        for b in range(balls):
            rows, columns = np.nonzero(masks[b])
            if len(rows) > 0.15:
                x, y = 10 * columns.mean() / width, 10 * rows.mean() / width
                parsed[k, b] = x, y, 10 * np.sqrt(len(rows) / np.pi) / width
            else:
                wall = 0 if balls == 2 and b == 0 else 10
                parsed[k, b] = wall, parsed[k - 1, 0, 1] if k else np.nan, parsed[k - 1, b, 2] if k else np.nan
    kept = []
    for k in range(3, last):
        if balls == 2:
            inside = positions[k, 0, 0] - init[0] >= 0 and positions[k, 1, 0] + init[1] <= 10
        else:
            x, y = positions[k, 0]
            inside = min(x - init[0], y - init[0]) >= 0 and max(x + init[0], y + init[0]) <= 10
        if inside:
            kept.append(k)
    if len(kept) < 2:
        return {}
    p, truth = parsed[kept], positions[kept]
    v, v_true = np.diff(p[..., :2], axis=0) / 0.1, np.diff(truth, axis=0) / 0.1
    if balls == 1:
        return {
            "paper_code": abs(v[:, 0, 0].mean() - init[1]),
            "paper_frame_x": np.abs(v - v_true)[:, 0, 0].mean(),
            "paper_frame_y": np.abs(v - v_true)[:, 0, 1].mean(),
            "paper_position_x": np.abs(p[:, 0, 0] - truth[:, 0, 0]).mean(),
            "paper_position_y": np.abs(p[:, 0, 1] - truth[:, 0, 1]).mean(),
            "paper_delta_r": p[:, 0, 2].max() - p[:, 0, 2].min(),
        }
    contact = len(v) - 1
    for i in range(1, len(v)):
        if (np.abs(v_true[i, :, 0] - v_true[i - 1, :, 0]) > 0.1).any():
            contact = i
            break
    v, v_true = v[..., 0], v_true[..., 0]
    m1, m2 = init[0] ** 2, init[1] ** 2
    record = {
        "paper_delta_r": np.ptp(p[:5, :, 2], axis=0).max(),
        "paper_momentum": np.abs(m1 * v[:, 0] + m2 * v[:, 1] - (m1 * init[2] - m2 * init[3])).mean(),
        "paper_energy": np.abs(
            (m1 * v[:, 0] ** 2 + m2 * v[:, 1] ** 2) / 2 - (m1 * init[2] ** 2 + m2 * init[3] ** 2) / 2
        ).mean(),
    }
    for key, part in (("paper_code_before", slice(0, contact)), ("paper_code", slice(contact + 1, None))):
        if len(v[part]):
            record[key] = np.abs(v[part].mean(axis=0) - v_true[part].mean(axis=0)).mean()
    if len(v[contact + 1 :]):
        after = slice(contact + 1, None)
        record["paper_frame_x"] = np.abs(v[after] - v_true[after]).mean()
        record["paper_position_x"] = np.abs(p[after, :, 0] - truth[after, :, 0]).mean()
    return record


@pytest.mark.parametrize("blanked", [(), (5, 9, 12), (0, 3, 4), (28, 29, 30, 31)])
@pytest.mark.parametrize(("width", "keep_last"), [(256, False), (256, True), (128, False), (128, True)])
def test_paper_numbers_are_the_released_ones(
    released: tuple[str, dict[str, np.ndarray]], blanked: tuple[int, ...], width: int, keep_last: bool
) -> None:
    name, arrays = released
    frames = arrays["frames"].copy()
    frames[:, list(blanked)] = BLANK
    positions = arrays["positions"].reshape(6, 32, -1, 2)
    frames = np.stack([resize_frames(f, width) for f in frames])
    errors = velocity_errors(SCENARIOS[name], arrays["init"], positions, frames, keep_last)
    for clip, init in enumerate(arrays["init"]):
        wanted = plain_record(name, frames[clip], positions[clip], init, 32 if keep_last else 31)
        assert wanted
        for key, value in wanted.items():
            assert getattr(errors, key)[clip] == pytest.approx(value, abs=1e-9, nan_ok=True), (clip, key)


def test_rollouts_of_31_frames_are_used_whole(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    positions = arrays["positions"].reshape(6, 32, -1, 2)
    whole = velocity_errors(SCENARIOS[name], arrays["init"], positions, arrays["frames"])
    cut = velocity_errors(SCENARIOS[name], arrays["init"], positions, arrays["frames"][:, :31])
    assert np.array_equal(whole.paper_code, cut.paper_code, equal_nan=True)


def test_released_ground_truth_lies_at_the_published_floor(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    positions = arrays["positions"].reshape(*arrays["positions"].shape[:2], -1, 2)
    errors = velocity_errors(SCENARIOS[name], arrays["init"], positions, arrays["frames"])
    in_dist = arrays["level"] == "id"
    assert 0.005 < errors.paper_code[in_dist].mean() < 0.02  # about v / 256, the parser's scale error
    assert np.nanmean(errors.corrected) < 0.006
    assert errors.missing.sum() == 0


@pytest.mark.parametrize(
    ("resolution", "name", "block", "bound"),
    [(256, "uniform", "id", 0.0006), (256, "parabola", "id", 0.0015), (256, "collision", "id", 0.005),
     (64, "uniform", "id", 0.001), (16, "uniform", "id", 0.008), (16, "uniform", "level1_r1", 0.02)],
)  # fmt: skip
def test_ground_truth_is_at_the_corrected_floor(resolution: int, name: str, block: str, bound: float) -> None:
    scenes = eval_scenes(SCENARIOS[name], block)
    index = np.linspace(0, len(scenes) - 1, 12).astype(np.int64)
    frames = render_clips(scenes.trajectory(index), resolution)
    errors = velocity_errors(scenes.scenario, scenes.init(index), scenes.positions(index), frames)
    assert np.nanmean(errors.corrected) < bound


def test_a_known_change_of_speed_gives_the_known_error() -> None:
    """Clips of balls that move 0.25 faster than their ground truth."""
    init = np.array([[1.0, 1.5], [0.8, 2.0]])
    start = np.array([[[2.0, 5.0]], [[2.0, 4.0]]])
    truth = UNIFORM.move(init, start, 32)
    shown = UNIFORM.move(init + np.array([0, 0.25]), start, 32)
    frames = render_clips(ball_trajectory(shown, init[:, :1]), 128)
    errors = velocity_errors(UNIFORM, init, truth, frames)
    assert np.allclose(errors.corrected, 0.25, atol=2e-3)
    assert np.allclose(errors.velocity[:, 0, 0] - init[:, 1], 0.25, atol=2e-3)
    fallen = PARABOLA.move(init, start + np.array([0, 4]), 32)
    level = render_clips(ball_trajectory(UNIFORM.move(init, start + np.array([0, 4]), 32), init[:, :1]), 128)
    fall = velocity_errors(PARABOLA, init, fallen, level)
    assert (fall.paper_code < 0.05).all()  # the released number looks at x only
    assert (fall.corrected > 1.0).all()


def test_collision_errors_look_after_the_contact_only() -> None:
    init = np.array([[1.0, 1.0, 2.0, 1.0]])
    start = np.array([[[1.5, 5.0], [6.5, 5.0]]])
    truth = COLLISION.move(init, start, 32)
    through = (
        start[:, None] + np.array([[[[2.0, 0.0], [-1.0, 0.0]]]]) * (0.01 + 0.1 * np.arange(32))[None, :, None, None]
    )
    frames = render_clips(ball_trajectory(through, init[:, :2]), 128)  # the balls pass through each other
    errors = velocity_errors(COLLISION, init, truth, frames)
    assert errors.corrected[0] == pytest.approx(3.0, abs=0.05)  # velocities 2, -1 instead of -1, 2
    good = velocity_errors(COLLISION, init, truth, render_clips(ball_trajectory(truth, init[:, :2]), 128))
    assert good.corrected[0] < 0.01


def test_missing_balls_are_counted_and_not_placed() -> None:
    scenes = eval_scenes(SCENARIOS["uniform"], "id")
    index = np.array([100])
    frames = render_clips(scenes.trajectory(index), 64)
    whole = velocity_errors(scenes.scenario, scenes.init(index), scenes.positions(index), frames)
    frames[:, [6, 7]] = BLANK
    blanked = velocity_errors(scenes.scenario, scenes.init(index), scenes.positions(index), frames)
    assert blanked.missing.tolist() == [2]
    assert blanked.corrected[0] < 0.01
    assert blanked.paper_text[0] > whole.paper_text[0] + 1  # the wall
    frames[:] = BLANK
    nothing = velocity_errors(scenes.scenario, scenes.init(index), scenes.positions(index), frames)
    assert np.isnan(nothing.corrected[0])
    assert nothing.missing[0] > 20


def test_classes_follow_the_release() -> None:
    init = np.array([[0.55, 2], [1.0, 0.0], [1.0, 4.0], [0.6, 2], [1.0, 5], [2.0, 5]])
    assert classify(UNIFORM, init).tolist() == ["dropped", "v_zero", "in", "r_out", "v_out", "rv_out"]
    counts = {}
    for name in ("uniform", "parabola", "collision"):
        blocks = SCENARIOS[name].eval_blocks().values()
        every = np.concatenate([classify(SCENARIOS[name], b.grid.values(np.arange(len(b.grid)))) for b in blocks])
        counts[name] = [int((every == c).sum()) for c in ("in", "r_out", "v_out", "rv_out", "v_zero", "dropped")]
    assert counts == {
        "uniform": [3000, 136, 280, 279, 17, 280],
        "parabola": [160, 132, 220, 279, 13, 252],
        "collision": [115, 64, 111, 2, 54, 1303],
    }


def test_scores_of_a_file_have_every_class_and_null_for_nothing(tmp_path: Path) -> None:
    scenes = eval_scenes(SCENARIOS["uniform"], "id")
    index = np.array([0, 50])
    frames = render_clips(scenes.trajectory(index), 256)
    np.savez(tmp_path / "clips.npz", frames=frames, positions=scenes.positions(index), init=scenes.init(index))
    score = score_clips(open_clips(tmp_path / "clips.npz", resolution=128), ScoreConfig())
    assert score["scenario"] == "uniform"
    assert list(score["classes"]) == ["in", "r_out", "v_out", "rv_out", "v_zero", "out"]
    assert score["classes"]["in"]["count"] == 2
    nothing = score["classes"]["r_out"]
    assert {nothing.pop(key) for key in ("count", "missing")} == {0}
    assert set(nothing) == set(ERROR_NAMES)
    assert set(nothing.values()) == {None}
    longer = score_clips(open_clips(tmp_path / "clips.npz", resolution=128), ScoreConfig(keep_last=True))
    assert longer["classes"]["in"]["corrected_frame"] != score["classes"]["in"]["corrected_frame"]


def test_clips_that_do_not_fit_are_refused() -> None:
    init, positions = np.array([[1.0, 2.0]]), np.zeros((1, 32, 1, 2))
    with pytest.raises(UserError, match="2 clips, 1 positions"):
        velocity_errors(UNIFORM, init, positions, np.zeros((2, 32, 16, 16, 3), np.uint8))
    with pytest.raises(UserError, match="at least 5 frames"):
        velocity_errors(UNIFORM, init, positions, np.zeros((1, 4, 16, 16, 3), np.uint8))
    with pytest.raises(UserError, match="uint8"):
        velocity_errors(UNIFORM, init, positions, np.zeros((1, 32, 16, 16, 3), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["uniform", "parabola", "collision"])
def test_a_rim_is_inside_whatever_type_a_file_has(name: str) -> None:
    """0.7 as float32 is 0.69999999: no scene changes its class, and none of ours is nearer to a rim than that."""
    scenario = SCENARIOS[name]
    for block in scenario.eval_blocks().values():
        init = block.grid.values(np.arange(len(block.grid)))
        if not len(init):
            continue
        single = init.astype(np.float32).astype(np.float64)
        assert np.array_equal(classify(scenario, single), classify(scenario, init))
        assert np.array_equal(scenario.in_dist.contains(single), scenario.in_dist.contains(init))
    low, high = scenario.in_dist.interval(scenario.factors[0])
    around = np.array([low - 2 * RIM, low - RIM / 2, low, high, high + RIM / 2, high + 2 * RIM])
    assert within(around, low, high).tolist() == [False, True, True, True, True, False]


def test_dropped_and_resized_clips_are_counted(tmp_path: Path) -> None:
    for size, side in ((256, 64), (64, None)):
        path, _ = simulate(
            SimulateConfig(str(tmp_path / f"{size}.npz"), split="level1_r1", count=8, resolution=size, num_frames=8)
        )
        score = score_clips(open_clips(path, resolution=side), ScoreConfig())
        groups = classify(SCENARIOS["uniform"], open_clips(path).init(np.arange(8)))
        counts = [8, int((groups == "dropped").sum()), 8 if side else 0, 0]
        assert [score[name] for name in ("clips", "dropped", "resized", "cut")] == counts
