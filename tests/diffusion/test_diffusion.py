import pytest
import torch
from torch import Tensor

from physlaw.diffusion.config import SCHEDULES, DiffusionConfig
from physlaw.diffusion.noise import sample_noise
from physlaw.diffusion.objective import Denoiser, Objective
from physlaw.diffusion.sampler import denoise_times, sample
from physlaw.diffusion.schedule import signal_levels
from physlaw.errors import UserError

MEAN, SPREAD = 1.5, 0.4


def optimal_denoiser(objective: Objective) -> Denoiser:
    """The best possible prediction when data is normal with mean MEAN and standard deviation SPREAD."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        signal, noise = (w.reshape(-1, 1) for w in objective.weights(t))
        variance = signal**2 * SPREAD**2 + noise**2
        x0 = MEAN + signal * SPREAD**2 / variance * (x_t - signal * MEAN)
        epsilon = noise / variance * (x_t - signal * MEAN)
        return signal * epsilon - noise * x0 if objective.discrete else x0

    return denoise


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("num_timesteps", [100, 1000])
def test_the_last_timestep_has_no_signal_and_levels_fall(name: str, num_timesteps: int) -> None:
    levels = signal_levels(name, num_timesteps)
    assert levels[-1] == 0
    assert (levels.diff() < 0).all()
    assert 0.9 < levels[0] < 1


@pytest.mark.parametrize("objective", ["v_prediction", "x_prediction"])
def test_samples_of_a_normal_distribution_have_its_mean_and_spread(objective: str) -> None:
    """The closed-form answer: the deterministic sampler maps noise z to MEAN + SPREAD z."""
    known = Objective(DiffusionConfig(objective=objective, denoise_steps=50))
    noise = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
    errors = {}
    for steps in (1, 5, 20, 100, 500):
        drawn = sample(optimal_denoiser(known), known, noise, steps)
        errors[steps] = (drawn - (MEAN + SPREAD * noise)).abs().mean().item()
    assert errors[1] == pytest.approx(SPREAD * noise.abs().mean().item(), rel=1e-3)  # one step gives the mean
    assert errors[5] > errors[20] > errors[100] > errors[500]
    assert errors[100] < 0.02
    assert errors[500] < 0.005


def test_sampling_starts_at_pure_noise_with_trailing_spacing() -> None:
    objective = Objective(DiffusionConfig())
    assert (denoise_times(objective, 4) * 1000).tolist() == [1000, 750, 500, 250, 0]
    seen: list[float] = []

    def spy(x_t: Tensor, t: Tensor) -> Tensor:
        seen.append(float(t[0]))
        return torch.zeros_like(x_t)

    sample(spy, objective, torch.zeros(1, 1), 5)
    assert seen == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])


def test_v_is_the_standard_one() -> None:
    """At t = 1 the target is -x0, so the first step carries all of the signal; the misprint would make it the noise."""
    objective = Objective(DiffusionConfig())
    x0, noise = torch.randn(8, 3), torch.randn(8, 3)
    t = torch.ones(8)
    assert torch.equal(objective.add_noise(x0, noise, t), noise)
    assert objective.loss(-x0, x0, noise, t).max() == 0
    middle = torch.full((8,), 0.5)
    signal, spread = (w[0] for w in objective.weights(middle))
    assert signal**2 + spread**2 == pytest.approx(1)
    assert objective.loss(signal * noise - spread * x0, x0, noise, middle).max() < 1e-12


@pytest.mark.parametrize("objective", ["v_prediction", "x_prediction"])
def test_predictions_turn_back_into_data_and_noise(objective: str) -> None:
    known = Objective(DiffusionConfig(objective=objective))
    x0, noise, t = torch.randn(16, 5), torch.randn(16, 5), torch.linspace(0.1, 1, 16)
    t = (t * 1000).round() / 1000
    x_t = known.add_noise(x0, noise, t)
    signal, spread = (w[:, None] for w in known.weights(t))
    prediction = signal * noise - spread * x0 if known.discrete else x0
    again, epsilon = known.to_clean(prediction, x_t, t)
    assert torch.allclose(again, x0, atol=1e-4)
    assert torch.allclose(epsilon, noise, atol=1e-4)


def test_loss_of_the_straight_path_is_that_of_its_direction() -> None:
    objective = Objective(DiffusionConfig(objective="x_prediction", min_time=0.01))
    x0, noise, guess, t = torch.randn(4, 6), torch.randn(4, 6), torch.randn(4, 6), torch.tensor([0.2, 0.5, 0.8, 1.0])
    x_t = objective.add_noise(x0, noise, t)
    direction = (x_t - guess) / t[:, None]
    wanted = (direction - (noise - x0)).square().mean(dim=1)
    assert torch.allclose(objective.loss(guess, x0, noise, t), wanted, rtol=1e-4)


def test_times_follow_their_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    uniform = Objective(DiffusionConfig(num_timesteps=10, denoise_steps=5)).sample_times(50_000, generator)
    values, counts = uniform.unique(return_counts=True)
    assert torch.allclose(values, torch.arange(1, 11) / 10)
    assert (counts / 5000 - 1).abs().max() < 0.05
    late = DiffusionConfig(objective="x_prediction", times="logit_normal", logit_mean=2.0)
    times = Objective(late).sample_times(50_000, generator)
    assert times.median() == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), abs=0.01)
    assert times.min() > 0
    assert times.max() <= 1


def test_a_share_of_the_times_is_uniform() -> None:
    mixed = DiffusionConfig(objective="x_prediction", times="logit_normal", logit_mean=6.0, uniform_share=0.3)
    times = Objective(mixed).sample_times(50_000, torch.Generator().manual_seed(0))
    for low, high in ((0.0, 0.3), (0.3, 0.6)):
        share = ((times >= low) & (times < high)).float().mean()
        assert share == pytest.approx(0.3 * 0.3, abs=0.005)
    assert (times > 0.95).float().mean() == pytest.approx(0.7 + 0.3 * 0.05, abs=0.01)


def test_settings_without_a_uniform_share_are_as_before_there_was_one() -> None:
    old = DiffusionConfig().identity()
    assert "uniform_share" not in old
    assert DiffusionConfig(uniform_share=0.2).identity() == old | {"uniform_share": 0.2}


def test_noise_belongs_to_the_sample() -> None:
    together = sample_noise("x", 0, [3, 8, 5], (2, 4))
    assert torch.equal(together[1], sample_noise("x", 0, [8], (2, 4))[0])
    assert not torch.equal(together[0], sample_noise("x", 1, [3], (2, 4))[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"objective": "flow"}, "v_prediction, x_prediction"), ({"schedule": "s"}, "linear, scaled_linear, cosine"),
     ({"times": "t"}, "uniform, logit_normal"), ({"denoise_steps": 0}, "at least 1"),
     ({"denoise_steps": 1001}, "1 to num_timesteps"), ({"min_time": 0}, "positive and below 1"),
     ({"uniform_share": 1.5}, "0 to 1")],
)  # fmt: skip
def test_impossible_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DiffusionConfig(**change)  # type: ignore[arg-type]


def test_step_counts_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match="1 to 1000"):
        denoise_times(Objective(DiffusionConfig()), 1001)
