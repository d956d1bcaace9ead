"""Configuration of the training loop, and of how a machine runs it: plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from physlaw.errors import UserError, unknown

OPTIMIZERS = ("adamw", "muon")
DECAYS = ("constant", "linear", "cosine")
PRECISIONS = ("auto", "float32", "bfloat16")
COMPILE = ("auto", "off", "blocks", "graphs")
ATTENTION = ("auto", "flash", "cudnn", "math")
COMPILE_MIN_STEPS = 2000  # auto: below this a run is over before compiling has paid


@dataclass
class TrainConfig:
    """Optimisation and bookkeeping. Steps are optimiser steps."""

    steps: int = 100_000
    batch_size: int = 256
    optimizer: str = "adamw"  # muon: the matrices that tokens pass through by Muon, everything else by AdamW
    learning_rate: float = 1e-4  # AdamW
    muon_learning_rate: float = 0.02
    weight_decay: float = 0.0
    betas: Tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 1000
    decay: str = "constant"  # after the warm-up; linear and cosine end at zero
    decay_start: float = 0.0  # share of the steps after which linear and cosine begin
    ema_decay: float = 0.9999
    grad_clip: float = 1.0
    precision: str = "bfloat16"  # of matrix products; auto: bfloat16 where the processor multiplies it natively
    checkpoint_every: int = 1000
    log_every: int = 50

    def __post_init__(self) -> None:
        for value, kind, valid in (
            (self.optimizer, "optimizer", OPTIMIZERS),
            (self.decay, "decay", DECAYS),
            (self.precision, "precision", PRECISIONS),
        ):
            if value not in valid:
                raise unknown(kind, value, valid)
        for key in ("steps", "batch_size", "learning_rate", "grad_clip", "checkpoint_every", "log_every"):
            if getattr(self, key) <= 0:
                raise UserError(f"train.{key} must be positive, got {getattr(self, key)}")
        if not 0 <= self.ema_decay < 1 or not 0 <= self.decay_start < 1 or self.warmup_steps < 0:
            raise UserError(
                "train.ema_decay and train.decay_start must be in [0, 1) and train.warmup_steps not negative, got "
                f"{self.ema_decay}, {self.decay_start} and {self.warmup_steps}"
            )


@dataclass
class MachineConfig:
    """How a machine does the work. Nothing here changes what is computed, but for the last bits."""

    compile: str = "auto"  # blocks: each by itself; graphs: the whole model as CUDA graphs, for small ones
    batch_per_device: int = 0  # clips in memory at once; more are done one part after the other; 0: no limit
    activation_checkpointing: bool = False  # compute blocks twice instead of keeping what is between them
    attention: str = "auto"  # the kernel of self-attention; auto: torch chooses
    fused_update: bool = False  # clipping, AdamW and average as one function, compiled unless machine.compile=off
    deterministic: bool = False  # the same bits at every run on a GPU too; slower
    cpu_threads: int = 0  # without an accelerator; 0: as many as cores

    def __post_init__(self) -> None:
        if self.compile not in COMPILE:
            raise unknown("machine.compile", self.compile, COMPILE)
        if self.attention not in ATTENTION:
            raise unknown("machine.attention", self.attention, ATTENTION)
        for key in ("batch_per_device", "cpu_threads"):
            if getattr(self, key) < 0:
                raise UserError(f"machine.{key} must not be negative, got {getattr(self, key)}")
