"""Several processes for one cell: how they find each other, that they train as one does, and stop together."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from physlaw.errors import UserError
from physlaw.training import ranks
from physlaw.training.ranks import ALONE, Rank, find_rank
from processes import Verb, together

CELL = ["scenario=uniform", "size=300", "train.batch_size=4", "train.log_every=5", "train.checkpoint_every=1000",
        "eval.id_clips=2", "eval.ood_clips=2", "model.depth=1", "model.hidden_size=48", "model.num_heads=2",
        "diffusion.denoise_steps=2", "train.optimizer=adamw",
        "train.precision=float32"]  # fmt: skip
FOLDER = "runs/id_ood/smoke/uniform-dit_xxs-n300-seed0"


def under_torchrun(folder: Path, *words: str) -> "subprocess.Popen[str]":
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    command = [sys.executable, *torchrun, "-m", "physlaw", "run", *CELL, *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / FOLDER / "model.safetensors")


def test_a_rank_is_found_in_torchruns_variables_or_slurms() -> None:
    assert find_rank({}) == ALONE
    assert find_rank({"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_JOB_ID": "7"}) == ALONE  # a batch script
    torchrun = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
    assert find_rank(torchrun) == Rank(3, 8, 1, "node1:29500")
    step = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "1", "SLURM_PROCID": "2", "SLURM_LOCALID": "2",
            "SLURM_JOB_ID": "12003", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1"}  # fmt: skip
    assert find_rank(step) == Rank(2, 4, 2, "127.0.0.1:20003")
    assert find_rank(step | {"SLURM_STEP_NUM_NODES": "2"}).address == "10.0.0.1:20003"
    assert find_rank(step | {"MASTER_PORT": "4000"}).address == "127.0.0.1:4000"
    with pytest.raises(UserError, match="need MASTER_PORT"):
        find_rank({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "node1"})


def test_a_shell_under_srun_is_told_for_whom_it_waits_and_can_be_stopped(tmp_path: Path) -> None:
    step = {"SLURM_JOB_ID": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0", "MASTER_PORT": "0"}
    waiting = Verb("run", *CELL, folder=tmp_path, environment=step, first=soon)
    while not (said := [line for line in waiting.said().splitlines() if line.startswith("physlaw: ")]):
        assert waiting.poll() is None
        time.sleep(0.05)
    waiting.send_signal(signal.SIGTERM)  # torch waits without looking at signals
    assert waiting.wait(timeout=60) == 130
    assert said[0].startswith("physlaw: rank 0 waits at 127.0.0.1:0 for 1 other(s)")
    assert said[0].endswith("since SLURM_STEP_NUM_TASKS is 2; to run alone: unset SLURM_STEP_NUM_TASKS")


def soon() -> None:
    ranks.SILENCE_S = 0.5


def test_alone_nothing_is_exchanged() -> None:
    ranks.join()
    assert (ranks.world(), ranks.is_main(), ranks.part()) == (1, True, slice(0, None, 1))
    assert ranks.on_main(lambda: 3) == 3
    assert ranks.mean(torch.tensor(2.0)) == 2


@pytest.mark.slow
def test_two_processes_train_as_one_does_and_stop_together(tmp_path: Path) -> None:
    """The same samples, times and noise: weights differ by rounding alone."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    alone = Verb("run", *CELL, "train.steps=400", folder=one)
    pair = under_torchrun(two, "train.steps=400")
    log = two / FOLDER / "train.jsonl"
    while pair.poll() is None and not (log.exists() and log.read_text().count("\n") > 5):
        time.sleep(0.02)
    pair.send_signal(signal.SIGTERM)
    shown = pair.communicate()[1]
    assert "stopped at step" in shown, shown
    saved = list((two / FOLDER / "checkpoints").glob("*.json"))
    assert len(saved) == 1
    assert 0 < json.loads(saved[0].read_text())["step"] < 400
    for process in (*together(2, "run", *CELL, "train.steps=400", folder=two), alone):
        shown = process.communicate()[1]
        assert process.wait() == 0, shown
    first, same = (json.loads((folder / FOLDER / "train.jsonl").read_text().split("\n")[0]) for folder in (one, two))
    assert same["loss"] == pytest.approx(first["loss"], rel=1e-5)
    there, here = weights(one), weights(two)
    for name, value in there.items():
        torch.testing.assert_close(here[name], value, rtol=1e-2, atol=1e-3)
    assert json.loads((two / FOLDER / "provenance.json").read_text())["processes"] == 2
    assert (two / FOLDER / "rows.csv").exists()


@pytest.mark.slow
def test_one_of_two_processes_compiles_for_the_evaluation(tmp_path: Path) -> None:
    for process in together(2, "run", *CELL, "train.steps=2", "machine.compile=blocks", folder=tmp_path):
        shown = process.communicate()[1]
        assert process.wait() == 0, shown
    assert (tmp_path / FOLDER / "rows.csv").exists()


@pytest.mark.slow
def test_an_uneven_batch_is_refused_by_all(tmp_path: Path) -> None:
    for process in together(2, "run", *CELL, "train.batch_size=3", "train.steps=5", folder=tmp_path):
        shown = process.communicate()[1]
        assert process.wait() == 2
        assert "a batch of 3 cannot be shared equally by 2 processes" in shown
