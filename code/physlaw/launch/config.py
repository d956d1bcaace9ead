"""Where cells run: the settings of a cluster, as plain data from configs/cluster/*.yaml. No torch, no numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional

from physlaw.errors import UserError, unknown

KINDS = ("slurm", "local", "debug")


@dataclass
class ClusterConfig:
    """One site. Everything that differs between sites is here, nothing in the code."""

    kind: str = "slurm"  # slurm; local: processes on this machine; debug: in this process
    partition: Optional[str] = None
    account: Optional[str] = None
    qos: Optional[str] = None
    constraint: Optional[str] = None
    gres: Optional[str] = None  # e.g. gpu:a100:{gpus}; None: --gpus-per-node
    gpus: int = 1  # per cell; 0 for CPU cells
    tasks: Optional[int] = None  # processes per cell; null: one per GPU
    cpus_per_gpu: int = 8  # or per process without GPUs
    mem_gb: int = 64  # per cell
    time_min: int = 1440  # per segment; a cell goes back to the queue as often as it needs to
    signal_delay_s: int = 120  # the signal comes this long before the time is up
    max_array_size: int = 1000
    array_parallelism: int = 64
    python: str = "python3"  # on the compute nodes, with the project installed; not used with a container
    setup: List[str] = field(default_factory=list)  # shell lines before the cell, e.g. module load
    container: str = ""  # a .sif file: every cell runs in it
    container_command: str = "apptainer exec --nv --bind {bind} {image}"
    scratch: str = ""  # folder on the node's own disk; shell variables are expanded there, e.g. $SLURM_TMPDIR
    per_model: Dict[str, Dict[str, int]] = field(default_factory=dict)  # gpus, tasks, mem_gb, ... of some models
    additional: Dict[str, str] = field(default_factory=dict)  # further sbatch options, name -> value
    peak_tflops: float = 989.0  # of one GPU in dense bfloat16, for the estimate of GPU-hours
    mfu: float = 0.35  # share of it that training is assumed to reach
    mfu_per_model: Dict[str, float] = field(default_factory=dict)  # the same for some models

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("cluster.kind", self.kind, KINDS)
        for key, least in (
            ("gpus", 0), ("cpus_per_gpu", 1), ("mem_gb", 1), ("time_min", 1), ("signal_delay_s", 1),
            ("max_array_size", 1), ("array_parallelism", 1), ("peak_tflops", 1e-3),
        ):  # fmt: skip
            if getattr(self, key) < least:
                raise UserError(f"cluster.{key} must be at least {least:g}, got {getattr(self, key)}")
        if self.tasks is not None and self.tasks < 1:
            raise UserError(f"cluster.tasks must be at least 1, got {self.tasks}")
        shape_keys = ("gpus", "tasks", "cpus_per_gpu", "mem_gb", "time_min")
        for model, shape in self.per_model.items():
            for key in shape:
                if key not in shape_keys:
                    raise unknown(f"key of cluster.per_model.{model}", key, shape_keys)
        for key, share in {"mfu": self.mfu, **{f"mfu_per_model.{k}": v for k, v in self.mfu_per_model.items()}}.items():
            if not 0 < share <= 1:
                raise UserError(f"cluster.{key} is a share of the peak, above 0 and at most 1, got {share}")


@dataclass
class LaunchConfig:
    """What `physlaw launch` does besides choosing cells."""

    dry_run: bool = False  # print, submit nothing
    seeds: Optional[int] = None  # training seeds 0 to seeds - 1; None: the profile's
    container: Optional[str] = None  # short for cluster.container
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
