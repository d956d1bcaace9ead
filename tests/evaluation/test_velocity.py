import numpy as np
import pytest

from physlaw.data.released import ClipFile
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.evaluation.score import classify, score_clips
from physlaw.evaluation.track import pixel_centres, track_balls, track_released
from physlaw.evaluation.velocity import velocity_errors
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import COLLISION, PARABOLA, SCENARIOS, UNIFORM
from physlaw.worlds.scenes import ball_trajectory, eval_scenes

BLANK = 255


def released_vel_error(frames: np.ndarray, positions: np.ndarray, radius: float, speed: float) -> float:
    """The released evaluator's number for one uniform clip, written out plainly from its description."""
    width, xs, kept = frames.shape[1], [], []
    for k in range(31):
        image = frames[k]
        mask = (image[..., 0] > 127) & (image[..., 1] < 127) & (image[..., 2] < 127)
        x, y = positions[k]
        inside = min(x - radius, y - radius) >= 0 and max(x + radius, y + radius) <= 10
        if k >= 3 and inside:
            kept.append(k)
            xs.append(10 * np.nonzero(mask)[1].mean() / width if mask.any() else 10.0)
    return abs(np.mean(np.diff(xs) / 0.1) - speed)


def test_paper_code_is_the_released_number(released: tuple[str, dict[str, np.ndarray]]) -> None:
    name, arrays = released
    if name != "collision":
        frames = arrays["frames"].copy()
        for blanked in (False, True):
            if blanked:
                frames[:, [5, 9, 12]] = BLANK
            errors = velocity_errors(SCENARIOS[name], arrays["init"], arrays["positions"][:, :, None], frames)
            for clip, (radius, speed) in enumerate(arrays["init"]):
                wanted = released_vel_error(frames[clip], arrays["positions"][clip], radius, speed)
                assert errors.paper_code[clip] == pytest.approx(wanted, abs=1e-9)


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
    scenes = eval_scenes(name, block)
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
    scenes = eval_scenes("uniform", "id")
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


def test_released_rules_for_missing_balls() -> None:
    frames = np.full((1, 3, 64, 64, 3), BLANK, np.uint8)
    frames[0, 1, 20:24, 30:34] = (255, 0, 0)
    one = track_released(frames, 1)[0, :, 0]
    assert one[:, 0].tolist() == pytest.approx([10, 10 * 31.5 / 64, 10])
    assert np.isnan(one[0, 1])
    assert one[2, 1] == one[1, 1]
    two = track_released(frames, 2)[0]
    assert two[:, 0, 0].tolist() == pytest.approx([0, 10 * 31.5 / 64, 0])
    assert two[:, 1, 0].tolist() == [10, 10, 10]
    assert two[2, 1, 1] == two[1, 0, 1]  # ball 2 takes ball 1's last y


def test_thresholds_are_strict_and_specks_do_not_move_the_ball() -> None:
    frames = np.full((1, 1, 16, 16, 3), BLANK, np.uint8)
    frames[0, 0, 8, 8] = (255, 127, 0)
    assert track_released(frames, 1)[0, 0, 0, 0] == 10  # 127 never counts
    clean = render_clips(ball_trajectory(np.array([[[[3.0, 3.0]]]]), np.array([[1.0]])), 64)
    speck = clean.copy()
    speck[0, 0, 2, 60] = (255, 200, 200)
    assert np.allclose(track_balls(clean, 1), track_balls(speck, 1), atol=0.02)


def test_pixel_centres_invert_the_renderer() -> None:
    assert pixel_centres(256)[[0, -1]].tolist() == [0, 10]
    assert pixel_centres(64, "bare")[[0, -1]].tolist() == [0, 10]
    for width in (16, 64, 256):
        frames = render_clips(ball_trajectory(np.array([[[[5.3, 4.1]]]]), np.array([[1.2]])), width)
        assert np.abs(track_balls(frames, 1)[0, 0, 0] - [5.3, 4.1]).max() < 0.01


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


def test_scores_of_a_file_have_every_class_and_null_for_nothing() -> None:
    scenes = eval_scenes("uniform", "id")
    index = np.array([0, 50])
    frames = render_clips(scenes.trajectory(index), 256)
    clips = ClipFile(scenes.positions(index), scenes.init(index), lambda i: frames[i])
    score = score_clips(clips, ScoreConfig(resize=128))
    assert score["scenario"] == "uniform"
    assert list(score["classes"]) == ["in", "r_out", "v_out", "rv_out", "v_zero"]
    assert score["classes"]["in"]["count"] == 2
    assert score["classes"]["r_out"] == {
        "count": 0, "paper_code": None, "paper_text": None, "corrected": None, "corrected_frame": None, "missing": 0
    }  # fmt: skip
    longer = score_clips(clips, ScoreConfig(resize=128, keep_last=True))
    assert longer["classes"]["in"]["corrected_frame"] != score["classes"]["in"]["corrected_frame"]


def test_clips_that_do_not_fit_are_refused() -> None:
    init, positions = np.array([[1.0, 2.0]]), np.zeros((1, 32, 1, 2))
    with pytest.raises(UserError, match="2 clips, 1 positions"):
        velocity_errors(UNIFORM, init, positions, np.zeros((2, 32, 16, 16, 3), np.uint8))
    with pytest.raises(UserError, match="at least 5 frames"):
        velocity_errors(UNIFORM, init, positions, np.zeros((1, 5, 16, 16, 3), np.uint8))
    with pytest.raises(UserError, match="uint8"):
        velocity_errors(UNIFORM, init, positions, np.zeros((1, 32, 16, 16, 3), np.float32))  # type: ignore[arg-type]
