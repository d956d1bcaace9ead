"""Configuration of the training loop, and of how a machine runs it: plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from physlaw.fields import MOST_CLIPS, MOST_WORKERS, check, choice, ranged

OPTIMIZERS = ("adamw", "muon")
DECAYS = ("constant", "linear", "cosine")
PRECISIONS = ("auto", "float32", "bfloat16")
COMPILE = ("auto", "off", "blocks", "graphs")
ATTENTION = ("auto", "flash", "cudnn", "math")
COMPILE_MIN_STEPS = 2000  # auto: below this a run is over before compiling has paid


@dataclass
class TrainConfig:
    """Optimisation and bookkeeping. Steps are optimiser steps."""

    steps: int = ranged(100_000, above=0)
    batch_size: int = ranged(256, above=0, at_most=MOST_CLIPS)
    # muon: the matrices that tokens pass through by Muon, everything else by AdamW
    optimizer: str = choice("adamw", OPTIMIZERS)
    learning_rate: float = ranged(1e-4, above=0)  # AdamW
    muon_learning_rate: float = ranged(0.02, above=0)
    weight_decay: float = ranged(0.0, at_least=0)
    betas: Tuple[float, float] = ranged((0.9, 0.999), at_least=0, below=1)
    warmup_steps: int = ranged(1000, at_least=0)
    decay: str = choice("constant", DECAYS)  # after the warm-up; linear and cosine end at zero
    decay_start: float = ranged(0.0, at_least=0, below=1)  # share of the steps after which linear and cosine begin
    ema_decay: float = ranged(0.9999, at_least=0, below=1)
    grad_clip: float = ranged(1.0, above=0)
    # of matrix products; auto: bfloat16 where the processor multiplies it natively
    precision: str = choice("bfloat16", PRECISIONS)
    checkpoint_every: int = ranged(1000, above=0)
    log_every: int = ranged(50, above=0)

    def __post_init__(self) -> None:
        check(self, "train.")


@dataclass
class MachineConfig:
    """How a machine does the work. Nothing here changes what is computed, but for the last bits."""

    # blocks: each by itself; graphs: the whole model as CUDA graphs, for small ones
    compile: str = choice("auto", COMPILE)
    # clips in memory at once; more are done one part after the other; 0: no limit
    batch_per_device: int = ranged(0, at_least=0)
    activation_checkpointing: bool = False  # compute blocks twice instead of keeping what is between them
    attention: str = choice("auto", ATTENTION)  # the kernel of self-attention; auto: torch chooses
    fused_update: bool = False  # clipping, AdamW and average as one function, compiled unless machine.compile=off
    deterministic: bool = False  # the same bits at every run on a GPU too; slower
    cpu_threads: int = ranged(0, at_least=0, at_most=MOST_WORKERS)  # without an accelerator; 0: as many as cores

    def __post_init__(self) -> None:
        check(self, "machine.")
