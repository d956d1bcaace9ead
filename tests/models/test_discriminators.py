from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from physlaw.errors import UserError
from physlaw.models.discriminators import MAX_RATIO, Adversary, PatchDiscriminator2d, PatchDiscriminator3d, hinge


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def one_process_group() -> Iterator[None]:
    try:
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    except RuntimeError as error:
        if "interface" not in str(error):
            raise
        pytest.skip(f"gloo finds no network interface here, not even the loopback: {error}")
    yield
    dist.destroy_process_group()


def clips(count: int = 2, frames: int = 4, side: int = 32) -> Tensor:
    return torch.rand(count, 3, frames, side, side) * 2 - 1


def norms(values: Tensor) -> Tensor:
    return values.flatten(1).norm(dim=1)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (32, 32), (32, 64), (70, 70), (128, 128)])
def test_frames_give_one_logit_per_patch(height: int, width: int) -> None:
    logits = PatchDiscriminator2d(base_channels=8)(torch.zeros(2, 3, height, width))
    assert logits.shape == (2, 1, height // 8 - 2, width // 8 - 2)


@pytest.mark.parametrize(("frames", "rows"), [(4, 1), (8, 2), (16, 4), (32, 8)])
def test_clips_give_logits_in_space_and_time(frames: int, rows: int) -> None:
    assert PatchDiscriminator3d(base_channels=8)(clips(frames=frames, side=48)).shape == (2, 1, rows, 4, 4)


def test_too_small_pictures_are_refused_with_the_smallest_side() -> None:
    with pytest.raises(UserError, match=r"23 x 40 pixels.*smallest side is 24"):
        PatchDiscriminator2d(base_channels=8)(torch.zeros(1, 3, 23, 40))
    with pytest.raises(UserError, match="smallest side is 12"):
        PatchDiscriminator3d(base_channels=8, levels=2)(clips(side=11))


def test_a_patch_is_70_pixels_wide_and_the_widths_are_the_published_ones() -> None:
    critic = PatchDiscriminator2d()
    convs = [layer for layer in critic.layers if isinstance(layer, nn.Conv2d)]
    assert [conv.out_channels for conv in convs] == [64, 128, 256, 512, 1]
    picture = torch.zeros(1, 3, 128, 128, requires_grad=True)
    without_norms = nn.Sequential(*(layer for layer in critic.layers if not isinstance(layer, nn.GroupNorm)))
    (gradient,) = torch.autograd.grad(without_norms(picture)[0, 0, 7, 7], picture)
    seen = gradient[0].abs().amax(0) > 0
    assert seen.any(0).sum() == seen.any(1).sum() == 70


def test_widths_stop_at_eight_times_the_first() -> None:
    critic = PatchDiscriminator2d(base_channels=4, levels=5)
    assert [layer.out_channels for layer in critic.layers if isinstance(layer, nn.Conv2d)] == [4, 8, 16, 32, 32, 32, 1]


def test_hinge_counts_only_logits_inside_the_margin() -> None:
    real, fake = torch.tensor([[2.0, 5.0], [0.0, 0.5]]), torch.tensor([[-1.0, -3.0], [1.0, -0.5]])
    assert hinge(real, fake).tolist() == [0.0, 0.5 * (0.75 + 1.25)]


def test_critic_loss_is_the_mean_of_both_critics_and_leaves_the_fake_alone() -> None:
    adversary, real, fake = Adversary(8), clips(), clips().requires_grad_()
    parts = []
    for critic, view in ((adversary.frames, lambda x: x.transpose(1, 2).flatten(0, 1)), (adversary.clips, lambda x: x)):
        on_real, on_fake = (critic(view(x)).reshape(2, -1) for x in (real, fake))
        parts.append((1 - on_real).clamp_min(0).mean(1) / 2 + (1 + on_fake).clamp_min(0).mean(1) / 2)
    loss = adversary.critic_loss(real, fake)
    torch.testing.assert_close(loss, (parts[0] + parts[1]) / 2)
    loss.sum().backward()
    assert fake.grad is None
    kernels = [parameter for parameter in adversary.parameters() if parameter.ndim > 1]
    assert all(kernel.grad is not None and kernel.grad.any() for kernel in kernels)


def test_samples_do_not_mix() -> None:
    adversary, real, fake, target = Adversary(8), clips(), clips(), clips()
    other_real, other_fake, other_target = real.clone(), fake.clone(), target.clone()
    other_real[1], other_fake[1], other_target[1] = 0.3, -other_fake[1], 7.0
    before = (*adversary.logits(fake), adversary.critic_loss(real, fake), *adversary.pull(fake, target))
    after = (
        *adversary.logits(other_fake),
        adversary.critic_loss(other_real, other_fake),
        *adversary.pull(other_fake, other_target),
    )
    alone = (
        *adversary.logits(fake[:1]),
        adversary.critic_loss(real[:1], fake[:1]),
        *adversary.pull(fake[:1], target[:1]),
    )
    for one, two, three in zip(before, after, alone, strict=True):
        torch.testing.assert_close(one[0], two[0], atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(one[0], three[0], atol=1e-6, rtol=1e-4)
        assert not torch.allclose(one[1], two[1])


def test_pull_has_the_target_s_norm_and_the_derivative_s_direction() -> None:
    adversary, fake = Adversary(8), clips().requires_grad_()
    target = clips() * torch.tensor([1e-3, 0.5]).reshape(2, 1, 1, 1, 1)
    gradient, value = adversary.pull(fake, target)
    torch.testing.assert_close(norms(gradient), norms(target))
    by_frame, by_clip = adversary.logits(fake)
    torch.testing.assert_close(value, -(by_frame.mean(1) + by_clip.mean(1)).detach() / 2)
    (plain,) = torch.autograd.grad(-(by_frame.mean(1) + by_clip.mean(1)).sum(), fake)
    torch.testing.assert_close(torch.cosine_similarity(gradient.flatten(1), plain.flatten(1)), torch.ones(2))
    assert not gradient.requires_grad
    assert not value.requires_grad


def test_a_step_along_the_pull_lowers_the_generator_s_term() -> None:
    adversary, fake = Adversary(8), clips()
    gradient, value = adversary.pull(fake, 0.01 * clips())
    assert (adversary.pull(fake - gradient, gradient)[1] < value).all()


def test_zero_gradients_give_zeros_and_no_nan() -> None:
    adversary, fake = Adversary(8), clips()
    target = clips()
    target[0] = 0
    gradient, _ = adversary.pull(fake, target)
    assert not gradient[0].any()
    torch.testing.assert_close(norms(gradient)[1], norms(target)[1])
    for parameter in adversary.parameters():
        nn.init.zeros_(parameter)
    for wanted in (target, torch.zeros_like(target)):
        gradient, value = adversary.pull(fake, wanted)
        assert not gradient.any()
        assert not value.any()


def test_the_ratio_of_the_norms_is_clamped() -> None:
    adversary, fake = Adversary(8), clips()
    (small, _), (large, _) = adversary.pull(fake, 1e8 * clips()), adversary.pull(fake, 1e9 * clips())
    torch.testing.assert_close(small, large)
    leaf = fake.clone().requires_grad_()
    (plain,) = torch.autograd.grad(-0.5 * sum(part.mean(1).sum() for part in adversary.logits(leaf)), leaf)
    torch.testing.assert_close(small, MAX_RATIO * plain)


def test_pull_leaves_the_critics_gradients_untouched_and_works_without_gradients() -> None:
    adversary, fake, target = Adversary(8), clips(), clips()
    with torch.no_grad():
        adversary.pull(fake, target)
    assert all(parameter.grad is None for parameter in adversary.parameters())
    adversary.critic_loss(clips(), fake).sum().backward()
    kept = [parameter.grad.clone() for parameter in adversary.parameters()]
    adversary.pull(fake, target)
    assert all(torch.equal(parameter.grad, old) for parameter, old in zip(adversary.parameters(), kept, strict=True))


def test_autocast_keeps_float32_results_and_the_norm() -> None:
    adversary, real, fake, target = Adversary(8), clips(), clips(), clips()
    exact, exact_value = adversary.pull(fake, target)
    adversary.critic_loss(real, fake).sum().backward()
    exact_grads = [parameter.grad.clone() for parameter in adversary.parameters()]
    adversary.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        gradient, value = adversary.pull(fake.bfloat16(), target.bfloat16())
        loss = adversary.critic_loss(real, fake)
    assert gradient.dtype == value.dtype == loss.dtype == torch.float32
    torch.testing.assert_close(norms(gradient), norms(target.bfloat16().float()))
    torch.testing.assert_close(value, exact_value, atol=0.02, rtol=0)
    assert torch.cosine_similarity(gradient.flatten(1), exact.flatten(1)).min() > 0.98
    loss.sum().backward()
    found = torch.cat([parameter.grad.flatten() for parameter in adversary.parameters()])
    wanted = torch.cat([old.flatten() for old in exact_grads])
    assert torch.cosine_similarity(found, wanted, dim=0) > 0.98


class Trainee(nn.Module):
    """A decoder of one number and its critics, with both losses in one forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))
        self.adversary = Adversary(8)

    def forward(self, real: Tensor) -> Tensor:
        fake = self.gain * real
        gradient, _ = self.adversary.pull(fake, fake.detach() - real)
        return ((fake * gradient).sum() + self.adversary.critic_loss(real, fake).sum()) / len(real)


def test_distributed_forward_gives_the_same_gradients(one_process_group: None) -> None:
    plain, real = Trainee(), clips()
    plain(real).backward()
    wrapped = Trainee()
    wrapped.load_state_dict(plain.state_dict())
    DistributedDataParallel(wrapped)(real).backward()
    for ours, theirs in zip(wrapped.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_few_steps_teach_the_critics_two_distinguishable_sets() -> None:
    adversary = Adversary(8)
    optimizer = torch.optim.Adam(adversary.parameters(), 2e-3, betas=(0.5, 0.9))

    def smooth() -> Tensor:
        return nn.functional.interpolate(clips(4, 4, 4), size=(4, 32, 32), mode="trilinear")

    for _ in range(40):
        optimizer.zero_grad()
        adversary.critic_loss(smooth(), clips(4)).mean().backward()
        optimizer.step()
    for on_real, on_fake in zip(adversary.logits(smooth()), adversary.logits(clips(4)), strict=True):
        assert on_real.mean(1).min() > on_fake.mean(1).max() + 1
