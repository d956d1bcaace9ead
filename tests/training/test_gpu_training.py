"""What only an accelerator can show: batches made ahead, graphs, deterministic mode, memory."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from physlaw.bench.sample import SampleBenchConfig, bench_sample
from physlaw.bench.train import TrainBenchConfig, bench_train
from physlaw.cell.run import run_cell
from physlaw.cell.trained import train_cell
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.training.prefetch import on_device

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator")]
SMALL = ["profile=smoke_faithful", "size=300", "train.steps=40", "train.batch_size=8", "tokenizer.steps=20",
         "train.log_every=5", "train.checkpoint_every=10", "eval.id_clips=4", "eval.ood_clips=1",
         "diffusion.denoise_steps=3", "train.precision=bfloat16"]  # fmt: skip


def cell(folder: Path, *words: str) -> CellConfig:
    return compose_cell([*SMALL, f"runs={folder}", *words])


def losses(done: CellConfig) -> list[float]:
    return [json.loads(line)["loss"] for line in (done.folder / "train.jsonl").read_text().splitlines()]


def test_a_cell_runs_from_end_to_end(tmp_path: Path) -> None:
    assert run_cell(cell(tmp_path)).exists()


def test_a_vae_trains_with_compiled_critics(tmp_path: Path) -> None:
    words = ["tokenizer.adversarial_weight=0.5", "tokenizer.critic_channels=16", "machine.compile=blocks"]
    assert run_cell(cell(tmp_path, *words)).exists()


def test_batches_arrive_whole_and_in_order() -> None:
    def made() -> itertools.chain[dict[str, torch.Tensor]]:
        return itertools.chain({"x": torch.full((1 << 18,), float(k))} for k in range(50))

    for number, batch in enumerate(on_device(made(), torch.device("cuda", 0))):
        assert batch["x"].is_cuda
        assert (batch["x"] == number).all()
    assert number == 49


@pytest.mark.parametrize(
    "word",
    ["compile=blocks", "compile=graphs", "batch_per_device=3", "activation_checkpointing=true", "fused_update=true"],
)
def test_ways_of_running_agree(tmp_path: Path, word: str) -> None:
    plain = cell(tmp_path / "a", "train.precision=float32")
    other = cell(tmp_path / "b", "train.precision=float32", f"machine.{word}")
    for one in (plain, other):
        train_cell(one)
    assert losses(other) == pytest.approx(losses(plain), rel=0.05)


@pytest.mark.parametrize("word", ["attention=flash", "attention=cudnn", "fused_update=true"])
def test_ways_for_bfloat16_agree(tmp_path: Path, word: str) -> None:
    plain, other = cell(tmp_path / "a"), cell(tmp_path / "b", f"machine.{word}", "machine.compile=blocks")
    for one in (plain, other):
        train_cell(one)
    assert losses(other) == pytest.approx(losses(plain), rel=0.1)


def test_deterministic_mode_resumes_to_the_last_bit(tmp_path: Path) -> None:
    from physlaw.training.stopping import Interrupted, StopRequest

    words = ["machine.deterministic=true"]
    whole, parts = cell(tmp_path / "a", *words), cell(tmp_path / "b", *words)
    train_cell(whole)
    original, calls = StopRequest.__enter__, []

    def stopping(request: StopRequest) -> StopRequest:
        calls.append(1)
        if len(calls) == 2:  # the model's training; the first was the tokenizer's
            request.signal = 15
        return original(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopRequest, "__enter__", stopping)
        with pytest.raises(Interrupted):
            train_cell(parts)
    train_cell(parts)
    left, right = (load_file(c.folder / "model.safetensors") for c in (whole, parts))
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_benchmarks_measure_the_device(tmp_path: Path) -> None:
    found = bench_train(cell(tmp_path), TrainBenchConfig(steps=5))
    assert found["device"] == "cuda"
    assert found["own"]["data_stall"] < 0.9
    assert bench_sample(cell(tmp_path), SampleBenchConfig(batches=1))["own"]["clips_per_s"] > 0
