"""A model told the initial state as numbers or as text, and the vision model beside it."""

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from physlaw.compose import compose_cell
from physlaw.errors import UserError
from physlaw.models.config import MODALITIES, ModelConfig
from physlaw.models.dit import DiT, count_parameters, modulate, timestep_features
from physlaw.models.state import LONGEST_PERIOD, NUMBER_FREQUENCIES, number_features

VISION = ModelConfig("tiny", depth=3, hidden_size=48, num_heads=4, patch_size=(1, 2, 2), text_dim=10)
COUNTS = {"dit_s": 22_457_488, "dit_b": 89_446_672, "dit_l": 310_025_232, "dit_xl": 456_048_016}
SHAPE = (2, 4, 4)
NUMBERS, LENGTH, BATCH = 4, 5, 3


def build(modality: str, seed: int = 0) -> DiT:
    torch.manual_seed(seed)
    return DiT(replace(VISION, modality=modality), 2, SHAPE, NUMBERS)


def randomize(model: DiT) -> DiT:
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


def frames() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(2)
    return torch.randn(BATCH, 2, *SHAPE), torch.rand(BATCH), torch.randn(BATCH, 2, *SHAPE), torch.ones(BATCH, 1, *SHAPE)


def told(modality: str) -> tuple[Tensor, ...]:
    """extra and extra_mask; the texts have 2, 5 and 3 real tokens."""
    torch.manual_seed(3)
    if modality == "numbers":
        return (torch.rand(BATCH, NUMBERS),)
    real = torch.arange(LENGTH) < torch.tensor([2, 5, 3])[:, None]
    return (torch.randn(BATCH, LENGTH, VISION.text_dim), real) if modality == "text" else ()


def gradients(model: DiT, call: Callable[..., Tensor]) -> list[Tensor]:
    model.zero_grad()
    call(*frames(), *told(model.config.modality)).square().mean().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


# Vision


@pytest.mark.parametrize("name", COUNTS)
def test_the_vision_models_have_not_a_parameter_more(name: str) -> None:
    with torch.device("meta"):
        model = DiT(compose_cell([f"model={name}"]).model, latent_channels=4, latent_shape=(8, 16, 16))
    assert count_parameters(model) == COUNTS[name]


def test_the_vision_models_state_has_the_keys_it_had() -> None:
    block = {"qkv", "proj", "mlp.0", "mlp.2"}
    linear = {"embed", "time.0", "time.2", "modulation.1", "final"} | {
        f"blocks.{k}.{n}" for k in range(3) for n in block
    }
    tables = {"final_table"} | {f"blocks.{k}.table" for k in range(3)}
    assert set(build("vision").state_dict()) == tables | {f"{n}.{p}" for n in linear for p in ("weight", "bias")}


def test_the_vision_model_computes_what_it_did_to_the_bit() -> None:
    model = randomize(build("vision"))
    x_t, t, cond, mask = frames()
    x = model.embed(model.patchify(torch.cat([x_t, cond, mask], dim=1)))
    time = model.time(timestep_features(t))
    modulation = model.modulation(time).unflatten(-1, (6, -1))
    for block in model.blocks:
        x = block(x, modulation, model.cos, model.sin)
    shift, scale = (model.final_table + time[:, None]).unsqueeze(2).unbind(1)
    expected = model.unpatchify(model.final(modulate(model.final_norm(x), shift, scale)))
    assert torch.equal(model(x_t, t, cond, mask), expected)


# Every modality


@pytest.mark.parametrize("modality", ["numbers", "text"])
def test_one_seed_gives_the_vision_models_weights_and_its_output(modality: str) -> None:
    vision, model = build("vision"), build(modality)
    assert vision.state_dict().keys() < model.state_dict().keys()
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in vision.state_dict().items())
    randomize(vision)  # at the start the gates and the output are zero, and would hide a difference
    model.load_state_dict(vision.state_dict(), strict=False)
    assert torch.equal(vision(*frames()), model(*frames(), *told(modality)))


@pytest.mark.parametrize("modality", ["numbers", "text"])
def test_the_new_parts_learn_from_the_first_step_with_an_output(modality: str) -> None:
    model, trained = build(modality), randomize(build("vision"))
    model.load_state_dict(trained.state_dict(), strict=False)
    before = model(*frames(), *told(modality)).detach()
    gradients(model, model)
    new = {name: p for name, p in model.named_parameters() if name not in trained.state_dict()}
    zero = [name for name, p in new.items() if not p.any() and name.endswith("weight")]
    assert len(zero) == (1 if modality == "numbers" else VISION.depth)
    assert all(new[name].grad.any() for name in zero)  # type: ignore[union-attr]
    for parameter in new.values():
        parameter.data -= 0.1 * parameter.grad
    assert not torch.equal(model(*frames(), *told(modality)), before)


@pytest.mark.parametrize("modality", MODALITIES)
def test_samples_do_not_mix(modality: str) -> None:
    model, order = randomize(build(modality)), torch.tensor([2, 0, 1])
    inputs = (*frames(), *told(modality))
    assert torch.allclose(model(*inputs)[order], model(*(value[order] for value in inputs)), atol=1e-5)
    if modality != "vision":
        other = inputs[4].clone()
        other[1] += 1
        changed = (model(*inputs[:4], other, *inputs[5:]) - model(*inputs)).abs().amax(dim=(1, 2, 3, 4))
        assert (changed > 0).tolist() == [False, True, False]


@pytest.mark.parametrize("modality", MODALITIES)
def test_recomputing_and_compiled_blocks_give_the_same_gradients(modality: str) -> None:
    model = randomize(build(modality))
    expected = gradients(model, model)
    model.recompute = True
    assert all(torch.equal(a, b) for a, b in zip(expected, gradients(model, model), strict=True))
    compiled = copy.deepcopy(model)
    for block in compiled.blocks:
        block.compile(dynamic=False, backend="eager", fullgraph=True)
    for compiled.recompute in (False, True):
        for a, b in zip(expected, gradients(compiled, compiled), strict=True):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("modality", ["numbers", "text"])
def test_the_whole_model_compiles_without_a_break(modality: str) -> None:
    model = randomize(build(modality))
    whole = torch.compile(model, dynamic=False, backend="eager", fullgraph=True)
    inputs = (*frames(), *told(modality))
    assert torch.allclose(whole(*inputs), model(*inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modality", ["numbers", "text"])
def test_bfloat16_products_stay_near_those_in_float32(modality: str) -> None:
    model = randomize(build(modality))
    inputs = (*frames(), *told(modality))
    exact = model(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(*inputs)
        assert all(g.isfinite().all() and g.dtype == torch.float32 for g in gradients(model, model))
    assert (rounded.float() - exact).abs().max() < 0.1 * exact.abs().max()


# Numbers


def test_the_numbers_embedding_is_added_to_every_token_before_every_block() -> None:
    model, seen = randomize(build("numbers")), []
    for block in model.blocks:
        nn.init.zeros_(block.get_parameter("proj.weight"))  # blocks add nothing, so their inputs show what was added
        for name in ("proj.bias", "mlp.2.weight", "mlp.2.bias"):
            nn.init.zeros_(block.get_parameter(name))
        block.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    extra = told("numbers")[0]
    model(*frames(), extra)
    added = model.numbers(number_features(extra))[:, None].expand_as(seen[0])
    assert added.abs().max() > 0.1
    for before, after in pairwise(seen):
        assert torch.allclose(after - before, added, atol=1e-5)
    model(*frames(), extra + 0.5)
    other = model.numbers(number_features(extra + 0.5))[:, None]
    assert torch.allclose(seen[VISION.depth] - seen[0], other - added, atol=1e-5)


def test_every_number_reaches_the_output() -> None:
    model, extra = randomize(build("numbers")), told("numbers")[0]
    base = model(*frames(), extra)
    for k in range(NUMBERS):
        other = extra.clone()
        other[:, k] += 0.05
        assert not torch.allclose(model(*frames(), other), base, atol=1e-4)


def test_number_features_tell_all_values_in_use_apart() -> None:
    values = torch.linspace(-0.6, 1.9, 251)  # the training interval is [0, 1]; these are 0.01 apart
    features = number_features(values[:, None])
    assert features.shape == (251, NUMBER_FREQUENCIES)
    assert torch.nn.functional.pdist(features).min() > 0.5
    assert torch.allclose(number_features(values[:, None] + LONGEST_PERIOD)[:, 0], features[:, 0], atol=1e-4)
    two = number_features(torch.tensor([[0.3, 0.8]]))
    assert torch.equal(two, torch.cat([number_features(torch.tensor([[v]])) for v in (0.3, 0.8)], dim=1))


# Text


def test_padding_never_changes_the_output() -> None:
    model, (text, real) = randomize(build("text")), told("text")
    base = model(*frames(), text, real)
    assert torch.equal(model(*frames(), text.masked_fill(~real[..., None], 1e6), real), base)
    assert torch.equal(model(*frames(), text.masked_fill(~real[..., None], float("nan")), real), base)
    longer = torch.cat([text, torch.randn(BATCH, 4, VISION.text_dim)], dim=1)
    mask = torch.cat([real, torch.zeros(BATCH, 4, dtype=torch.bool)], dim=1)
    assert torch.allclose(model(*frames(), longer, mask), base, atol=1e-5)


def test_every_real_token_changes_the_output() -> None:
    model, (text, real) = randomize(build("text")), told("text")
    base = model(*frames(), text, real)
    for sample, token in real.nonzero().tolist():
        other = text.clone()
        other[sample, token] += 1
        assert not torch.allclose(model(*frames(), other, real)[sample], base[sample], atol=1e-4)


def test_every_block_reads_the_text() -> None:
    for reader in range(VISION.depth):
        model, (text, real) = randomize(build("text")), told("text")
        for number, block in enumerate(model.blocks):
            if number != reader:
                nn.init.zeros_(block.get_parameter("cross.proj.weight"))
        assert not torch.allclose(model(*frames(), text + 1, real), model(*frames(), text, real), atol=1e-4)


@pytest.mark.parametrize("length", [LENGTH, 0])
def test_an_empty_text_adds_nothing(length: int) -> None:
    model, vision = randomize(build("text")), build("vision")
    vision.load_state_dict(model.state_dict(), strict=False)
    text, real = told("text")
    real = real.clone()
    real[1] = False
    some, none = model(*frames(), text, real), vision(*frames())
    assert torch.allclose(some[1], none[1], atol=1e-6)
    assert not torch.allclose(some[0], none[0], atol=1e-4)
    out = model(*frames(), text[:, :length], torch.zeros(BATCH, length, dtype=torch.bool))
    assert torch.equal(out, none)
    out.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


# Errors


@pytest.mark.parametrize(
    ("modality", "extra", "message"),
    [
        ("vision", (torch.zeros(3, 4),), r"modality vision takes .* shapes None and None; got \[3, 4\] and None"),
        ("numbers", (), r"modality numbers takes .* shapes \[3, 4\] and None; got None and None"),
        ("numbers", (torch.zeros(3, 5),), r"\[3, 4\] and None; got \[3, 5\]"),
        ("numbers", (torch.zeros(2, 4),), r"\[3, 4\] and None; got \[2, 4\]"),
        ("numbers", (torch.zeros(3, 4), torch.ones(3, 4)), r"\[3, 4\] and None; got \[3, 4\] and \[3, 4\]"),
        ("text", (), r"modality text takes .* shapes \[3, 'L', 10\] and \[3, 'L'\]; got None and None"),
        ("text", (torch.zeros(3, 5, 10),), r"\[3, 5, 10\] and \[3, 5\]; got \[3, 5, 10\] and None"),
        ("text", (torch.zeros(3, 5, 11), torch.ones(3, 5)), r"\[3, 5, 10\] and \[3, 5\]; got \[3, 5, 11\]"),
        ("text", (torch.zeros(3, 5, 10), torch.ones(3, 6)), r"\[3, 5\]; got \[3, 5, 10\] and \[3, 6\]"),
        ("text", (torch.zeros(3, 5, 10), torch.ones(3, 5)), r"extra_mask must be bool.* got torch\.float32"),
    ],
)
def test_what_a_modality_does_not_take_is_refused(modality: str, extra: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(modality)(*frames(), *extra)


def test_impossible_modalities_are_refused() -> None:
    with pytest.raises(UserError, match=r"unknown model\.modality 'sound'; valid: vision, numbers, text"):
        replace(VISION, modality="sound")
    with pytest.raises(UserError, match=r"model\.text_dim must be positive and at most 65536, got 0"):
        replace(VISION, text_dim=0)
    with pytest.raises(UserError, match="needs num_numbers of at least 1, got 0"):
        DiT(replace(VISION, modality="numbers"), 2, SHAPE)
