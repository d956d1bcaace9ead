"""How much SLURM takes at once: asked of scontrol and sacctmgr, where they answer; a site's file wins over them."""

from __future__ import annotations

import getpass
import re
import subprocess
from dataclasses import dataclass
from typing import Dict, List, Optional

from physlaw.launch.config import ClusterConfig

USUAL_ARRAY = 1000  # tasks; SLURM's own default is one more


@dataclass(frozen=True)
class Limits:
    """Tasks of one array, and jobs of a user in the queue (every task of an array is one); None: no limit known."""

    array: int = USUAL_ARRAY
    submit: Optional[int] = None

    def room(self, queued: int) -> Optional[int]:
        """How many jobs more the queue takes; None: no limit known."""
        return None if self.submit is None else max(self.submit - queued, 0)


def answer(*command: str) -> str:
    """What a command of SLURM prints; nothing where it is missing, fails, or is silent for long."""
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def limits_of(cluster: ClusterConfig) -> Limits:
    """The limits for jobs of this user at a site."""
    array, submit = cluster.max_array_size, cluster.max_submit
    if cluster.kind != "slurm":
        return Limits()
    if array is None:
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", answer("scontrol", "show", "config"), re.MULTILINE)
        array = int(found.group(1)) if found and int(found.group(1)) else USUAL_ARRAY
    return Limits(array, _submit_limit(cluster) if submit is None else submit)


def _submit_limit(cluster: ClusterConfig) -> Optional[int]:
    """The smallest of what the user's association, its QOS and the partition's QOS allow."""
    found: List[int] = []
    qos = {cluster.qos or ""}
    keys = ("DefaultAccount", "Account", "Partition", "MaxSubmitJobs", "GrpSubmitJobs", "DefaultQOS")
    user = _user()
    for row in _rows("sacctmgr", ["show", "user", user, "withassoc"], keys) if user else []:
        account = cluster.account or row["DefaultAccount"]
        if row["Account"] == account and row["Partition"] in ("", cluster.partition or ""):
            found += [int(row[key]) for key in ("MaxSubmitJobs", "GrpSubmitJobs") if row[key].isdecimal()]
            qos |= {cluster.qos or row["DefaultQOS"]}
    qos.add(_qos_of_partition(cluster.partition))
    limits = ("Name", "MaxSubmitJobsPerUser", "MaxSubmitJobsPerAccount", "GrpSubmitJobs")
    for row in _rows("sacctmgr", ["show", "qos"], limits) if qos - {""} else []:
        if row["Name"] in qos - {""}:
            found += [int(row[key]) for key in limits[1:] if row[key].isdecimal()]
    return min(found, default=None)


def _user() -> str:
    """Empty where the user's number has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return ""


def _rows(program: str, words: List[str], keys: tuple[str, ...]) -> List[Dict[str, str]]:
    lines = answer(program, "--noheader", "--parsable2", *words, f"format={','.join(keys)}").splitlines()
    cells = [line.split("|") for line in lines]
    return [dict(zip(keys, row)) for row in cells if len(row) == len(keys)]


def _qos_of_partition(name: Optional[str]) -> str:
    """The QOS whose limits a partition has; of the default one where none is named."""
    for line in answer("scontrol", "show", "partition", "--oneliner").splitlines():
        said = dict(word.partition("=")[::2] for word in line.split())
        if said.get("PartitionName") == name or (name is None and said.get("Default") == "YES"):
            return said.get("QoS", "").replace("N/A", "")
    return ""
