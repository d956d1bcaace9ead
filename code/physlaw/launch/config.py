"""Where cells run: the settings of a cluster, as plain data from configs/cluster/*.yaml. No torch, no numpy."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from physlaw.errors import UserError
from physlaw.fields import Range, check, choice, ranged

KINDS = ("slurm", "local", "debug")
ASK_GPUS = ("gpus-per-node", "gpus", "nothing")  # the option of sbatch; nothing where the partition alone decides
_MEMORY = re.compile(r"\d{1,9}[KMGT]?", re.ASCII)
_TIME = re.compile(r"(?:(?P<days>\d{1,6})-)?(?P<fields>\d{1,9}(?::\d{1,9}){0,2})", re.ASCII)
_PLACE = re.compile(r"\{[^{}]*\}|[{}]")
_SHARE = Range(above=0, at_most=1)
_URI = re.compile(r"[a-z][a-z0-9+.-]*://|(docker-daemon|docker-archive|oci|oci-archive):")


def slurm_minutes(key: str, text: str) -> int:
    """A time as SLURM writes it, in minutes, rounded up: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
    days-hours:minutes or days-hours:minutes:seconds."""
    match = _TIME.fullmatch(text)
    if not match:
        raise UserError(
            f"{key} must be a time as SLURM writes it: minutes, minutes:seconds, hours:minutes:seconds or "
            f"days-hours[:minutes[:seconds]], got {text!r}"
        )
    parts = [int(part) for part in match.group("fields").split(":")]
    if match.group("days") is not None:
        hours, minutes, seconds = [*parts, 0, 0][:3]
        hours += 24 * int(match.group("days"))
    else:
        hours, minutes, seconds = parts if len(parts) == 3 else [0, *parts, 0][:3]
    return 60 * hours + minutes - -seconds // 60


@dataclass
class ShapeConfig:
    """What one cell asks for."""

    nodes: int = ranged(1, at_least=1)
    gpus: int = ranged(1, at_least=0)  # on each node; 0 for CPU cells
    tasks: Optional[int] = ranged(None, at_least=1)  # processes on each node; null: one per GPU
    cpus_per_gpu: int = ranged(8, at_least=1)  # or per process without GPUs
    mem_gb: Optional[int] = ranged(64, at_least=1)  # on each node; null: no memory is asked for
    mem_per_cpu: Optional[str] = None  # instead of mem_gb, as SLURM writes it, e.g. 4G or 3900M
    mem_per_gpu: Optional[str] = None  # the same; cells without GPUs ask for mem_gb
    exclusive: bool = False  # whole nodes
    time_min: int = ranged(1440, at_least=1, reader=slurm_minutes)  # per segment, in minutes or as SLURM writes times,
    # 2:00:00 or 1-12; a cell goes back to the queue as often as it needs to


@dataclass
class ClusterConfig(ShapeConfig):
    """One site. Everything that differs between sites is here, nothing in the code."""

    kind: str = choice("slurm", KINDS)  # slurm; local: processes on this machine; debug: in this process
    partition: Optional[str] = None
    account: Optional[str] = None
    qos: Optional[str] = None
    constraint: Optional[str] = None  # as SLURM writes it, e.g. [a100|h100]
    gres: Optional[str] = None  # e.g. gpu:a100:{gpus}; null: as ask_gpus says
    ask_gpus: str = choice("gpus-per-node", ASK_GPUS)
    signal_delay_s: int = ranged(120, at_least=1)  # the signal comes this long before the time is up
    max_array_size: Optional[int] = ranged(None, at_least=1)  # null: as SLURM answers, or 1000
    # jobs of a user in the queue at once, tasks of arrays counted; null: as SLURM answers, or no limit
    max_submit: Optional[int] = ranged(None, at_least=1)
    array_parallelism: int = ranged(64, at_least=1)
    # on the compute nodes, 3.8 or newer: runs the jobs' supervisors; without a container the cells too, and has the
    # project's packages
    python: str = "python3"
    setup: List[str] = field(default_factory=list)  # shell lines before the cell, e.g. module load
    container: str = ""  # a .sif file, or docker://...: every cell runs in it
    container_command: str = "apptainer exec --nv --bind {bind} {image}"  # quoted as in a shell
    scratch: str = ""  # folder on the node's own disk; shell variables are expanded there, e.g. $SLURM_TMPDIR
    per_model: Dict[str, Dict[str, Any]] = field(default_factory=dict, metadata={"of": ShapeConfig})  # of some models
    additional: Dict[str, str] = field(default_factory=dict)  # further sbatch options, name -> value
    peak_tflops: float = ranged(989.0, at_least=1e-3)  # of one GPU in dense bfloat16, for the estimate of GPU-hours
    mfu: float = field(default=0.35, metadata={"rule": _SHARE})  # share of it that training is assumed to reach
    mfu_per_model: Dict[str, float] = field(default_factory=dict, metadata={"rule": _SHARE})  # the same for some models

    def __post_init__(self) -> None:
        check(self, "cluster.")
        for key, valid in (("gres", ("{gpus}",)), ("container_command", ("{bind}", "{image}"))):
            for place in _PLACE.findall(getattr(self, key) or ""):
                if place not in valid:
                    raise UserError(f"cluster.{key} takes {' and '.join(valid)} alone in braces, got {place!r}")
        try:
            command = shlex.split(self.container_command)
        except ValueError as error:
            raise UserError(f"cluster.container_command: {error}, got {self.container_command!r}") from None
        for key, named in (("python", self.python), ("container_command", command)):
            if not named:
                raise UserError(f"cluster.{key} must name a program, got nothing")
        for place, values in (("", vars(self)), *((f"per_model.{name}.", own) for name, own in self.per_model.items())):
            _check_memory(f"cluster.{place}", values)
        asked = {key: getattr(self, key) for key in ("partition", "account", "qos", "constraint", "gres")}
        asked.update({f"additional.{name}": value for name, value in self.additional.items()})
        for key, value in asked.items():
            # SLURM reads these off lines of a script, and takes backslashes away.
            if value is not None and (not value.isprintable() or "\\" in value):
                raise UserError(f"cluster.{key} cannot hold control characters or backslashes, got {value!r}")
        for name in self.additional:
            if not re.fullmatch("[a-z]([a-z0-9-]*[a-z0-9])?", name):
                raise UserError(f"cluster.additional holds options of sbatch, e.g. reservation, got {name!r}")

    def image(self) -> str:
        """The container as a command takes it: an address as it is, a file by its whole path, ~ expanded."""
        if _URI.match(self.container):
            return self.container
        return str(Path(os.path.expanduser(self.container)).resolve())


def _check_memory(prefix: str, values: Dict[str, Any]) -> None:
    """SLURM takes memory per node, per CPU or per GPU, one of them."""
    given = {key: values[key] for key in ("mem_per_cpu", "mem_per_gpu") if values.get(key) is not None}
    for key, value in given.items():
        if not _MEMORY.fullmatch(value):
            raise UserError(f"{prefix}{key} must be memory as SLURM writes it, e.g. 4G or 3900M, got {value!r}")
    if len(given) > 1:
        raise UserError(f"{prefix}mem_per_cpu and {prefix}mem_per_gpu exclude each other; set one of them to null")


@dataclass
class LaunchConfig:
    """What `physlaw launch` does besides choosing cells."""

    dry_run: bool = False  # print, submit nothing
    # training seeds 0 to seeds - 1; None: the profile's
    seeds: Optional[int] = ranged(None, at_least=1, at_most=100_000)
    container: Optional[str] = None  # short for cluster.container
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
