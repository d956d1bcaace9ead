"""How jobs reach SLURM: submitit's executor with a site's resources, in folders that its scripts can name."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List

from physlaw.errors import UserError
from physlaw.launch.job import SIGNAL, SIGNAL_VARIABLE
from physlaw.launch.plan import Plan
from physlaw.launch.resources import gpus_of, memory_of
from physlaw.launch.snapshot import SUPERVISOR

_VARIABLE = re.compile(r"(\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\})", re.ASCII)
_SPECIAL = re.compile(r"[$`\"\\]")
NO_TIMEOUT_LIMIT = 1_000_000  # submitit gives a job up after this many


def shell_word(program: str) -> str:
    """A program's path as a word of a node's shell: ~ and variables are expanded there, nothing else is."""
    if program == "~" or program.startswith("~/"):
        program = f"$HOME{program[1:]}"
    parts = _VARIABLE.split(program)
    quoted = (part if k % 2 else _SPECIAL.sub(r"\\\g<0>", part) for k, part in enumerate(parts))
    return f'"{"".join(quoted)}"'


def plain_folder(folder: Path) -> Path:
    """The folder by a name that a script of SLURM's and PYTHONPATH can hold: its own, or a link in ~/.physlaw.

    SLURM's scripts know no line breaks in names, take backslashes away and replace % patterns; PYTHONPATH splits at
    colons.

    Raises:
        UserError: the home folder's name cannot be held either.
    """
    if _is_plain(folder):
        return folder
    link = Path.home() / ".physlaw" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if not _is_plain(link):
        raise UserError(f"neither {folder} nor the home folder has a name that scripts of SLURM can hold")
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(folder, target_is_directory=True)
    return link


def _is_plain(path: Path) -> bool:
    return str(path).isprintable() and not set(str(path)) & set("%:#\\\"'")


def executor_of(plan: Plan, shape: Dict[str, Any], name: str, after: List[str], code: Path) -> Any:
    """A submitit executor that asks SLURM for these resources; its jobs' supervisors run from the snapshot too."""
    os.environ.setdefault(SIGNAL_VARIABLE, SIGNAL)  # before the import
    import submitit

    cluster = plan.launch.cluster
    jobs = plain_folder(Path(plan.cells[0].runs).resolve()) / plan.folder.relative_to(plan.cells[0].runs) / "jobs"
    try:
        executor = submitit.SlurmExecutor(jobs, max_num_timeout=NO_TIMEOUT_LIMIT, python=shell_word(cluster.python))
    except RuntimeError as error:
        raise UserError(f"{error}; use cluster=local where there is no SLURM") from None
    additional: Dict[str, Any] = {**cluster.additional, "requeue": True, "open-mode": "append"}
    if after:
        additional.update({"dependency": "afterok:" + ":".join(after), "kill-on-invalid-dep": "yes"})
    # submitit has no name for --gpus.
    additional.update(gpus_of(shape, cluster))
    signal, path = shlex.quote(os.environ[SIGNAL_VARIABLE]), f"{code / 'code'}:{code / SUPERVISOR}"
    asked: Dict[str, Any] = {
        "job_name": name,
        "partition": cluster.partition,
        "account": cluster.account,
        "qos": cluster.qos,
        "constraint": cluster.constraint,
        "time": shape["time_min"],
        **memory_of(shape),
        "nodes": shape["nodes"],
        "ntasks_per_node": shape["tasks"],
        "cpus_per_task": shape["cpus_per_gpu"],
        "exclusive": shape["exclusive"] or None,
        "signal_delay_s": cluster.signal_delay_s,
        "array_parallelism": cluster.array_parallelism,
        "stderr_to_stdout": True,
        "srun_args": ["--kill-on-bad-exit=1"],  # one process of a cell cannot go on without the others
        "setup": [
            *cluster.setup,
            # The second: what lies in the folder of the launch is data, not code.
            f"export PYTHONPATH={shlex.quote(path)} PYTHONSAFEPATH=1 {SIGNAL_VARIABLE}={signal}",
            "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",  # newer SLURMs do not hand a job's cores on to its steps
        ],
        "additional_parameters": additional,
    }
    executor.update_parameters(**{key: value for key, value in asked.items() if value is not None})
    return executor
