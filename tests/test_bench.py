import json
import subprocess
import sys
from pathlib import Path

import pytest

from physlaw.bench.checkpoint import CheckpointBenchConfig, bench_checkpoint
from physlaw.bench.collect import CollectBenchConfig, bench_collect
from physlaw.bench.sample import SampleBenchConfig, bench_sample
from physlaw.bench.simulate import BenchConfig, bench
from physlaw.bench.train import TrainBenchConfig, bench_train
from physlaw.compose import compose_cell


@pytest.mark.slow
def test_the_benchmark_measures_every_part_beside_its_reference(tmp_path: Path) -> None:
    rows = bench(BenchConfig(rounds=1, clips=8, out=str(tmp_path / "bench.json")))
    names = [row.name for row in rows]
    parts = ("dense formula", "law and rendering, 128", "physics alone", "3m, released", "HDF5", "scoring", "GPU")
    bodies = (
        "scenes sampled",
        "32 frames simulated",
        "simulated and rendered, 128",
        "rendering alone",
        "released HDF5 read",
    )
    for part in (*parts, *(f"combinatorial, {part}" for part in bodies)):
        assert any(part in name for name in names), part
    assert all("x dense" in row.note for row in rows if "law and rendering" in row.name)
    assert len(json.loads((tmp_path / "bench.json").read_text())["rows"]) == len(rows)


TINY = ["profile=smoke", "scenario=uniform", "size=300", "train.batch_size=2", "model.depth=1", "model.hidden_size=48",
        "model.num_heads=2"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [[], ["tokenizer=vae_tiny", "data.resolution=32", "model.patch_size=[1,2,2]"]], ids=["pixels", "vae"]
)
def test_a_training_step_is_measured_beside_the_plain_way(tmp_path: Path, words: list[str]) -> None:
    cell = compose_cell([*TINY, *words])
    found = bench_train(cell, TrainBenchConfig(steps=3, out=str(tmp_path / "bench.json")))
    for way in (found["own"], found["eager_float32"]):
        assert way["model_gflops_per_s"] == pytest.approx(found["gflops_per_clip"] * way["clips_per_s"], rel=0.05)
        assert 0 < way["mfu"] < 1
        assert 0 <= way["data_stall"] <= 1
        assert all(seconds > 0 for seconds in way["parts_s"].values())
    assert json.loads((tmp_path / "bench.json").read_text())["rows"] == found


@pytest.mark.slow
def test_several_processes_are_measured_together_and_apart(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", "physlaw"]
    done = subprocess.run([*run, "bench", "train", *TINY, "steps=3", f"out={out}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    assert (rows["own"]["processes"], rows["apart"]["processes"]) == (2, 1)
    assert rows["scaling"] == pytest.approx(rows["apart"]["step_s"] / rows["own"]["step_s"], rel=0.01)


@pytest.mark.slow
def test_sampling_is_measured_beside_the_plain_way(tmp_path: Path) -> None:
    cell = compose_cell([*TINY, "diffusion.denoise_steps=2", "eval.batch_size=4"])
    found = bench_sample(cell, SampleBenchConfig(batches=1, out=str(tmp_path / "bench.json")))
    for way in (found["own"], found["eager_float32"]):
        assert way["clips_per_s"] > 0
        assert 0 < way["mfu"] < 1
    assert json.loads((tmp_path / "bench.json").read_text())["rows"] == found


@pytest.mark.slow
def test_saving_and_collecting_are_measured(tmp_path: Path) -> None:
    saved = bench_checkpoint(compose_cell(TINY), CheckpointBenchConfig(str(tmp_path / "checkpoint.json")))
    assert set(saved) >= {"save_s", "load_s", "plain_write_s", "gigabytes"}
    assert bench_collect(CollectBenchConfig(cells=7))["cells"] == 9
    assert json.loads((tmp_path / "checkpoint.json").read_text())["provenance"]["commit"]
