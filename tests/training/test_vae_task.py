"""The tokenizer's training: its losses, that they belong to clips, and what it starts from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from physlaw.cell.tokenizer import prepare_tokenizer
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.data.random_objects import RandomObjectClips
from physlaw.errors import UserError
from physlaw.files import sha256_file
from physlaw.models.config import TokenizerConfig
from physlaw.models.lpips import WIDTHS, AlexNetFeatures
from physlaw.models.sd15 import COMPVIS, module_table, tensor_shapes
from physlaw.models.vae import VideoVAE
from physlaw.training.config import MachineConfig, TrainConfig
from physlaw.training.loop import fit
from physlaw.training.vae_task import VAETask

TRAIN = TrainConfig(steps=4, batch_size=4, warmup_steps=1, precision="float32", log_every=1, checkpoint_every=2)
CRITICS = {"adversarial_weight": 0.5, "critic_channels": 8}


def lpips_file(folder: Path) -> tuple[str, str]:
    torch.manual_seed(0)
    tensors = {f"features.{name}": value for name, value in AlexNetFeatures().state_dict().items()}
    tensors |= {f"lin{k}.weight": torch.rand(1, width, 1, 1) for k, width in enumerate(WIDTHS)}
    save_file(tensors, folder / "lpips.safetensors")
    return str(folder / "lpips.safetensors"), sha256_file(folder / "lpips.safetensors")


def vae_task(side: int = 32, res_blocks: int = 1, **settings: object) -> VAETask:
    torch.manual_seed(0)
    vae = VideoVAE(8, (1, 2), res_blocks, temporal_levels=1)
    config = TokenizerConfig(**({"batch_size": 4, "channel_mult": (1, 2), "temporal_levels": 1} | settings))  # type: ignore[arg-type]
    return VAETask(vae, RandomObjectClips(side, 4), config, "cpu")


def gradients(task: VAETask, part: slice = slice(None), step: int = 0) -> dict[str, Tensor]:
    task.model.zero_grad()
    task.loss(task.model, task.batch(step, part))["loss"].backward()
    return {name: p.grad.clone() for name, p in task.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("critics", [{}, CRITICS], ids=["plain", "critics"])
def test_the_vae_trains_and_resumes_to_the_last_bit(tmp_path: Path, critics: dict[str, object]) -> None:
    whole, _ = fit(vae_task(**critics), TRAIN, tmp_path / "a", "run", "vae")
    fit(vae_task(**critics), replace(TRAIN, steps=2), tmp_path / "b", "run", "vae")
    resumed, report = fit(vae_task(**critics), TRAIN, tmp_path / "b", "run", "vae")
    assert report.resumed_from == 2
    left, right = whole.tensors(), resumed.tensors()
    assert all(torch.equal(left[name], right[name]) for name in left)
    record = json.loads((tmp_path / "a" / "train.jsonl").read_text().splitlines()[0])
    assert {"loss", "reconstruction", "kl"} <= record.keys()
    assert ({"adversarial", "critic"} <= record.keys()) == bool(critics)


def test_the_critics_pull_the_decoder_only_once_it_listens() -> None:
    plain = gradients(vae_task())
    deaf, hearing = (gradients(vae_task(**CRITICS, adversarial_start=start)) for start in (1, 0))
    moved = 0.0
    for name, value in plain.items():
        assert torch.equal(deaf[name], value)
        if "decoder" in name:
            moved += float((hearing[name] - value).norm())
    assert moved > 0
    critics = [name for name in deaf if name.startswith("adversary")]
    assert critics
    assert all(torch.equal(deaf[name], hearing[name]) for name in critics)  # they always learn
    assert any(deaf[name].any() for name in critics)


def test_a_batch_in_parts_has_the_gradient_of_the_whole(tmp_path: Path) -> None:
    file, sha256 = lpips_file(tmp_path)
    task = vae_task(**CRITICS, perceptual_file=file, perceptual_sha256=sha256)
    whole = gradients(task)
    parts = [gradients(task, slice(k, k + 2)) for k in (0, 2)]
    for name, value in whole.items():
        torch.testing.assert_close((parts[0][name] + parts[1][name]) / 2, value, rtol=1e-3, atol=1e-6)


def test_a_perceptual_term_exists_where_its_weights_are_given(tmp_path: Path) -> None:
    file, sha256 = lpips_file(tmp_path)
    task = vae_task(perceptual_file=file, perceptual_sha256=sha256)
    assert task.loss(task.model, task.batch(0))["perceptual"] > 0
    assert "perceptual" not in vae_task().loss(vae_task().model, vae_task().batch(0))
    assert not any("lin0" in name for name in task.model.state_dict())  # nothing fixed is saved with every checkpoint
    with pytest.raises(UserError, match="SHA-256"):
        vae_task(perceptual_file=file, perceptual_sha256="0" * 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("critics", "machine"),
    [(CRITICS, MachineConfig(batch_per_device=2)), ({}, MachineConfig(compile="blocks"))],
    ids=["in parts", "compiled"],
)
def test_ways_of_running_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, critics: dict[str, object], machine: MachineConfig
) -> None:
    logs = []
    task = vae_task(**CRITICS)  # type: ignore[arg-type]
    assert len(task.regions()) == 4
    # The decoder compiles in a minute here, all four in five: see test_gpu_training.
    monkeypatch.setattr(VAETask, "regions", lambda task: [task.vae.decoder])
    for name, way in (("a", MachineConfig()), ("b", machine)):
        task = vae_task(res_blocks=0, **critics)  # type: ignore[arg-type]  # half of what there is to compile
        _, report = fit(task, TRAIN, tmp_path / name, "run", "vae", way)
        assert report.compiled == (way.compile == "blocks")
        logs.append([json.loads(line) for line in (tmp_path / name / "train.jsonl").read_text().splitlines()])
    for expected, found in zip(*logs, strict=True):
        for key in ("reconstruction", "adversarial", "critic") if critics else ("reconstruction",):
            assert found[key] == pytest.approx(expected[key], rel=0.02, abs=1e-3)


def tiny_cell(folder: Path, *words: str) -> CellConfig:
    settings = ["tokenizer=vae_tiny", "tokenizer.steps=2", "tokenizer.base_channels=8", "tokenizer.batch_size=2"]
    return compose_cell(["profile=smoke_faithful", *settings, f"runs={folder}", "train.log_every=1", *words])


def test_a_tokenizer_may_start_from_image_weights(tmp_path: Path) -> None:
    plain = tiny_cell(tmp_path)
    vae, _ = prepare_tokenizer(plain)
    assert isinstance(vae, VideoVAE)
    generator = torch.Generator().manual_seed(0)
    tensors = {
        n: 0.1 * torch.randn(s, generator=generator) for n, s in tensor_shapes(module_table(vae, COMPVIS)).items()
    }
    file = tmp_path / "sd.safetensors"
    save_file(tensors, file)
    words = (f"tokenizer.initial_file={file}", f"tokenizer.initial_sha256={sha256_file(file)}")
    started = tiny_cell(tmp_path, *words, "tokenizer.learning_rate=1e-9")
    assert started.tokenizer_run()[0] != plain.tokenizer_run()[0]
    inflated, _ = prepare_tokenizer(started)
    assert isinstance(inflated, VideoVAE)
    kernel = inflated.encoder.layers[0].get_parameter("conv.weight")[:, :, -1]
    torch.testing.assert_close(kernel, tensors["encoder.conv_in.weight"], rtol=1e-3, atol=1e-4)
    moved = tmp_path / "elsewhere.safetensors"
    file.rename(moved)
    assert tiny_cell(
        tmp_path, f"tokenizer.initial_file={moved}", *words[1:], "tokenizer.learning_rate=1e-9"
    ).digest() == (started.digest())


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("tokenizer.initial_file=x", "go together"),
        ("tokenizer.perceptual_sha256=12", "64 hexadecimal digits"),
        ("tokenizer.scenes=cats", "all, objects"),
        ("tokenizer.adversarial_weight=-1", "must be at least 0"),
    ],
)
def test_impossible_tokenizers_are_refused(word: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compose_cell(["profile=smoke_faithful", word])
