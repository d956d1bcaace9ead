"""The process that a cell runs in: whether it has the GPUs that it was given, and torch's settings."""

from __future__ import annotations

import os

import torch

from physlaw.errors import UserError
from physlaw.training import ranks
from physlaw.training.config import MachineConfig
from physlaw.words import from_environment


def check_devices() -> None:
    """Raises UserError when the job was given GPUs (PHYSLAW_EXPECT_GPUS, set by launch) that torch cannot use."""
    expected = from_environment("PHYSLAW_EXPECT_GPUS")
    if not expected:
        return
    if torch.version.cuda is None and torch.version.hip is None:
        raise UserError(
            f"this job asked for {expected} GPU(s), but torch {torch.__version__} is a CPU build; install the CUDA "
            "lock (make setup FLAVOUR=cuda) or launch with cluster.gpus=0"
        )
    if torch.cuda.device_count() < (1 if ranks.world() > 1 else expected):  # a rank may see its own GPU alone
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise UserError(
            f"this job asked for {expected} GPU(s), but torch sees {torch.cuda.device_count()} "
            f"(CUDA_VISIBLE_DEVICES: {visible}); check the gres request and, in a container, --nv"
        )


def use_machine(machine: MachineConfig) -> None:
    """Settings of the whole process.

    Raises:
        UserError: what this machine has not.
    """
    if machine.attention == "cudnn" and ranks.device() == "cpu":
        raise UserError("machine.attention=cudnn needs a GPU; valid here: auto, flash, math")
    if machine.cpu_threads and ranks.device() == "cpu":
        torch.set_num_threads(machine.cpu_threads)
    if machine.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first matrix product runs
    torch.use_deterministic_algorithms(machine.deterministic)
