from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from physlaw.compose import compose_cell
from physlaw.errors import UserError
from physlaw.models.config import ModelConfig, TokenizerConfig, axis_dims
from physlaw.models.dit import DiT, count_parameters
from physlaw.models.pixels import BodyPixels, PixelTokenizer
from physlaw.models.rope import apply_rope, attention, rope_table
from physlaw.models.tokenizers import (
    build_tokenizer,
    condition_mask,
    encode_condition,
    latent_shape,
    to_frames,
    to_unit,
)
from physlaw.models.vae import CausalConv, Downsample, Upsample, VideoVAE
from physlaw.worlds.appearance import PALETTE
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import eval_scenes

TINY = ModelConfig("tiny", depth=2, hidden_size=48, num_heads=4, patch_size=(1, 2, 2))
PUBLISHED = {"dit_s": (22.46, 22.5), "dit_b": (89.45, 89.5), "dit_l": (310.03, 310.0), "dit_xl": (456.05, 456.0)}


def randomize(model: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameter_counts_are_the_published_ones(name: str) -> None:
    ours, paper = PUBLISHED[name]
    with torch.device("meta"):
        model = DiT(compose_cell([f"model={name}"]).model, latent_channels=4, latent_shape=(8, 16, 16))
    millions = count_parameters(model) / 1e6
    assert millions == pytest.approx(ours, abs=0.005)
    assert millions == pytest.approx(paper, abs=0.1)


def test_output_is_zero_at_initialisation_and_has_the_input_shape_also_when_not_square() -> None:
    model = DiT(TINY, 4, (3, 4, 6))
    x = torch.randn(2, 4, 3, 4, 6)
    out = model(x, torch.rand(2), torch.randn_like(x), torch.ones(2, 1, 3, 4, 6))
    assert out.shape == x.shape
    assert not out.any()


def test_a_head_is_a_hidden_layer_before_the_output() -> None:
    headed = replace(TINY, head_ratio=2.0)
    model, plain = DiT(headed, 4, (3, 4, 6)), DiT(TINY, 4, (3, 4, 6))
    outputs = 4 * 2 * 2
    more = (48 * 96 + 96) + (96 * outputs + outputs) - (48 * outputs + outputs)
    assert count_parameters(model) == count_parameters(plain) + more
    x = torch.randn(2, 4, 3, 4, 6)
    assert not model(x, torch.rand(2), x, torch.ones(2, 1, 3, 4, 6)).any()
    pictures = randomize(model)(x, torch.rand(2), x, torch.ones(2, 1, 3, 4, 6))
    assert pictures.shape == x.shape
    assert headed.identity()["head_ratio"] == 2
    assert "head_ratio" not in TINY.identity()
    with pytest.raises(UserError, match=r"model\.head_ratio must be 0 to 1024, got -1.0"):
        replace(TINY, head_ratio=-1.0)


def test_every_input_and_the_time_reach_the_output() -> None:
    model = randomize(DiT(TINY, 2, (2, 4, 4)))
    x, cond, mask, t = torch.randn(1, 2, 2, 4, 4), torch.randn(1, 2, 2, 4, 4), torch.ones(1, 1, 2, 4, 4), torch.rand(1)
    base = model(x, t, cond, mask)
    for changed in (
        model(x + 1, t, cond, mask),
        model(x, t / 2, cond, mask),
        model(x, t, cond + 1, mask),
        model(x, t, cond, 0 * mask),
    ):
        assert not torch.allclose(base, changed)


def test_attention_spans_all_tokens_and_samples_do_not_mix() -> None:
    model = randomize(DiT(TINY, 1, (4, 4, 4)))
    x = torch.randn(2, 1, 4, 4, 4)
    arguments = (torch.rand(2), torch.zeros_like(x), torch.ones_like(x))
    base, moved = model(x, *arguments), x.clone()
    moved[0, 0, 0, 0, 0] += 1
    changed = (model(moved, *arguments) - base).abs()
    assert changed[0, 0, -1, -1, -1] > 0
    assert changed[1].max() == 0


def test_patches_are_cut_and_put_back() -> None:
    model = DiT(ModelConfig("x", 1, 48, 4, (2, 4, 2)), 3, (4, 8, 6))
    x = torch.randn(2, 3, 4, 8, 6)
    assert torch.equal(model.unpatchify(model.patchify(x)), x)


@pytest.mark.parametrize("kernel", ["flash", "math"])
def test_every_kernel_gives_the_same_attention(kernel: str) -> None:
    q, k, v = torch.randn(3, 2, 3, 27, 12, generator=torch.Generator().manual_seed(0), requires_grad=True)
    cos, sin = rope_table((3, 3, 3), 12)
    results = []
    for name in ("auto", kernel):
        mixed = attention(q, k, v, cos, sin, name)
        (gradient,) = torch.autograd.grad(mixed.square().sum(), q)
        results.append((mixed, gradient))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_kernel_is_every_blocks() -> None:
    model = DiT(TINY, latent_channels=1, latent_shape=(2, 2, 2))
    model.attend_by("math")
    assert [block.kernel for block in model.blocks] == ["math", "math"]
    assert DiT(TINY, latent_channels=1, latent_shape=(2, 2, 2)).blocks[0].kernel == "auto"


@pytest.mark.slow
def test_a_chosen_kernel_is_compiled_with_its_block() -> None:
    model = randomize(DiT(TINY, latent_channels=1, latent_shape=(2, 2, 2)))
    model.attend_by("math")
    x, t, mask = torch.randn(2, 1, 2, 2, 2), torch.rand(2), torch.ones(2, 1, 2, 2, 2)
    plain = model(x, t, x, mask)
    for block in model.blocks:
        block.compile(dynamic=False, fullgraph=True)
    torch.testing.assert_close(model(x, t, x, mask), plain, rtol=1e-3, atol=1e-4)


def test_rope_depends_on_relative_position_along_each_axis() -> None:
    dim = 24
    cos, sin = rope_table((3, 3, 3), dim)
    q, k = torch.randn(1, dim), torch.randn(1, dim)
    rotated_q, rotated_k = (apply_rope(v.expand(27, dim), cos, sin).reshape(3, 3, 3, dim) for v in (q, k))
    for axis in range(3):
        a = (rotated_q.select(axis, 1) * rotated_k.select(axis, 0)).sum(-1)
        b = (rotated_q.select(axis, 2) * rotated_k.select(axis, 1)).sum(-1)
        assert torch.allclose(a, b, atol=1e-4)
    assert axis_dims(64) == (24, 20, 20)
    assert axis_dims(72) == (24, 24, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"hidden_size": 50}, "multiple of model.num_heads"), ({"depth": 0}, "model.depth must be positive"),
     ({"patch_size": (1, 0, 2)}, "patch_size"), ({"hidden_size": 12}, "at least 6")],
)  # fmt: skip
def test_impossible_models_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ModelConfig(**({"name": "x", "depth": 1, "hidden_size": 48, "num_heads": 4} | change))  # type: ignore[arg-type]


def test_latents_that_do_not_divide_into_patches_are_refused() -> None:
    with pytest.raises(UserError, match=r"\[3, 5, 4\]"):
        DiT(TINY, 4, (3, 5, 4))


# The VAE


def small_vae() -> VideoVAE:
    torch.manual_seed(0)
    return VideoVAE(base_channels=8, channel_mult=(1, 2, 2, 2), res_blocks=1).eval()


def test_vae_strides_and_shapes() -> None:
    vae = small_vae()
    clip = torch.rand(1, 3, 32, 32, 32) * 2 - 1
    latents = vae.encode(clip)
    assert latents.shape == (1, 4, 8, 4, 4)
    assert latent_shape(vae, 32, 32) == (8, 4, 4)
    assert vae.decode(latents).shape == clip.shape
    with pytest.raises(UserError, match="30 frames of 32"):
        latent_shape(vae, 30, 32)


def test_vae_is_causal_and_uses_every_frame() -> None:
    vae = small_vae()
    clip = torch.rand(1, 3, 16, 32, 32) * 2 - 1
    base = vae.encode(clip)
    for frame in (3, 4, 7, 12):
        changed = clip.clone()
        changed[:, :, frame] *= -1
        moved = (vae.encode(changed) - base).abs().amax(dim=(0, 1, 3, 4)) > 0
        assert not moved[: frame // 4].any()
        assert moved[frame // 4]
    latents = torch.randn(1, 4, 4, 4, 4)
    later = latents.clone()
    later[:, :, 2:] += 1
    same = vae.decode(later)[:, :, :8] - vae.decode(latents)[:, :, :8]
    assert same.abs().max() == 0


def test_upsampling_starts_as_nearest_neighbour() -> None:
    x = torch.randn(2, 6, 3, 4, 5)
    assert torch.equal(Upsample(6, temporal=True)(x), F.interpolate(x, scale_factor=2.0, mode="nearest"))
    assert torch.equal(Upsample(6, temporal=False)(x), F.interpolate(x, scale_factor=(1.0, 2.0, 2.0), mode="nearest"))


def test_temporal_downsampling_pads_at_the_head_only() -> None:
    conv = CausalConv(1, 1, (3, 1, 1), stride=2)
    conv.conv.weight.data.fill_(1.0)
    conv.conv.bias.data.zero_()  # type: ignore[union-attr]
    x = torch.arange(8.0).reshape(1, 1, 8, 1, 1)
    assert conv(x).flatten().tolist() == [0 + 0 + 1, 1 + 2 + 3, 3 + 4 + 5, 5 + 6 + 7]
    assert Downsample(8, temporal=True)(torch.zeros(1, 8, 4, 8, 8)).shape == (1, 8, 2, 4, 4)


@pytest.mark.parametrize("kind", ["vae", "pixels", "bodies"])
@pytest.mark.parametrize("held", [False, True])
def test_no_frame_from_c_on_changes_a_condition_latent(kind: str, held: bool) -> None:
    tokenizer = {"vae": small_vae, "pixels": lambda: PixelTokenizer(2), "bodies": BodyPixels}[kind]()
    for c in (1, 3, 4):
        clip = torch.rand(1, 3, 16, 32, 32) * 2 - 1
        base = encode_condition(tokenizer, clip, c, held)
        for frame in range(c, 16):
            changed = clip.clone()
            changed[:, :, frame] = torch.rand(3, 32, 32)
            assert torch.equal(encode_condition(tokenizer, changed, c, held), base)
        seen = clip.clone()
        seen[:, :, c - 1] *= -1
        assert not torch.equal(encode_condition(tokenizer, seen, c, held), base)


def test_a_held_condition_is_the_clip_that_stands_still() -> None:
    clip = torch.rand(1, 3, 8, 16, 16) * 2 - 1
    still = clip.clone()
    still[:, :, 2:] = clip[:, :, 1:2]
    tokenizer = BodyPixels()
    assert torch.equal(encode_condition(tokenizer, clip, 2, held=True), tokenizer.encode(still))


def test_mask_comes_to_latent_rate_by_one_rule() -> None:
    vae, pixels = small_vae(), PixelTokenizer(1)
    assert condition_mask(vae, (8, 4, 4), 3)[0, 0, :, 0, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert condition_mask(vae, (8, 4, 4), 5)[0, 0, :, 0, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert condition_mask(vae, (8, 4, 4), 1)[0, 0, :, 0, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert condition_mask(pixels, (32, 16, 16), 3)[0, 0, :5, 0, 0].tolist() == [1, 1, 1, 0, 0]


def test_statistics_normalise_and_travel_with_the_weights() -> None:
    vae = small_vae()
    clip = torch.rand(2, 3, 16, 32, 32) * 2 - 1
    raw = vae.moments(clip)[0]
    vae.set_statistics(raw.mean(dim=(0, 2, 3, 4)), raw.std(dim=(0, 2, 3, 4)))
    latents = vae.encode(clip)
    assert latents.mean(dim=(0, 2, 3, 4)).abs().max() < 1e-4
    assert (latents.std(dim=(0, 2, 3, 4)) - 1).abs().max() < 1e-3
    other = VideoVAE(base_channels=8, channel_mult=(1, 2, 2, 2), res_blocks=1).eval()
    other.load_state_dict(vae.state_dict())
    assert torch.equal(other.encode(clip), latents)


def test_full_width_vae_has_the_stable_diffusion_layout() -> None:
    with torch.device("meta"):
        vae, flat = build_tokenizer(TokenizerConfig()), VideoVAE(temporal_levels=0)
    assert (vae.spatial_stride, vae.temporal_stride, vae.channels) == (8, 4, 4)
    assert sum(p.numel() for p in flat.encoder.parameters()) == 34_163_592 + 72  # SD 1.5's encoder and quant_conv


@pytest.mark.parametrize(("name", "balls"), [("uniform", 1), ("parabola", 1), ("collision", 2)])
def test_pixels_come_back_from_the_pixel_tokenizer(name: str, balls: int) -> None:
    from physlaw.render.discs import render_clips

    scenes = eval_scenes(SCENARIOS[name], "id")
    frames = render_clips(scenes.trajectory(torch.arange(0, len(scenes), 40).numpy()), 16)
    tokenizer = PixelTokenizer(balls)
    latents = tokenizer.encode(to_unit(frames))
    assert latents.shape[1] == balls
    again = to_frames(tokenizer.decode(latents))
    different = abs(again.astype(int) - frames) > 1
    assert different.mean() < 1e-3  # pixels where two balls overlap at the contact


@pytest.mark.parametrize("side", [32, 128])
def test_pictures_of_bodies_come_back_from_their_coverage(side: int) -> None:
    from physlaw.data.phyre_clips import RenderedBodies
    from physlaw.worlds.phyre.scenes import training_videos

    frames = RenderedBodies(training_videos("60"), side, 6).clips(np.arange(0, 5_940_000, 990_001))
    tokenizer = BodyPixels()
    latents = tokenizer.encode(to_unit(frames))
    assert latents.shape[1] == 3
    assert (to_frames(tokenizer.decode(latents)) == frames).all()  # green and purple too: it is RGB in another basis
    coverage = latents / tokenizer.scale + 0.5
    red, gray, black = torch.from_numpy(PALETTE[list(BodyPixels.COLOURS)])
    for k, colour in enumerate((red, gray, black)):
        full = coverage.permute(0, 2, 3, 4, 1)[(torch.from_numpy(frames) == colour).all(-1)]
        assert len(full) or side == 32  # where few pixels are wholly covered
        assert ((full - torch.eye(3)[k]).abs() < 1e-4).all()


def test_frames_survive_the_way_to_the_model_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16, 1).expand(1, 1, 16, 16, 3).numpy()
    assert (to_frames(to_unit(levels.copy())) == levels).all()


def test_unknown_tokenizers_are_refused() -> None:
    with pytest.raises(UserError, match="pixels, rgb, vae"):
        TokenizerConfig(kind="magvit")
    with pytest.raises(UserError, match="temporal_levels must be 0 to 3"):
        TokenizerConfig(temporal_levels=4)
