"""A real SLURM of one node in a temporary folder: munged, slurmctld, slurmd; stopped by their pids."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "srun")


class SlurmCluster:
    """Start with `start`, stop with `stop`; `environment` makes clients find it.

    Raises:
        RuntimeError: a program is missing, rights are missing, or a daemon does not come up (with its log's end).
    """

    def __init__(self, folder: Path, gpus: int = 0) -> None:
        self.folder, self.gpus = folder, gpus
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def start(self) -> None:
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            raise RuntimeError(f"not installed: {', '.join(missing)} (Debian packages slurm-wlm and munge)")
        if os.geteuid() != 0:
            raise RuntimeError("starting munged and slurmd needs root")
        self._start_munge()
        self._write_configuration()
        for daemon in ("slurmctld", "slurmd"):
            command = [daemon, "-D", "-f", str(self.folder / "slurm.conf")]
            with (self.folder / f"{daemon}.out").open("wb") as log:
                self.processes.append(
                    subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | self.environment)
                )
        self._wait(lambda: "idle" in self.run("sinfo", "--noheader", "--format=%T"), "the node to become idle")

    def _start_munge(self) -> None:
        """A munged of its own, with a key of its own."""
        run = Path("/run/munge")
        if subprocess.run("munge -n | unmunge", shell=True, capture_output=True).returncode == 0:
            return  # one is running
        run.mkdir(exist_ok=True)
        key = Path("/etc/munge/munge.key")
        if not key.exists():
            key.parent.mkdir(exist_ok=True)
            key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        for path in (run, key, key.parent):
            shutil.chown(path, "munge", "munge")
        with (self.folder / "munged.out").open("wb") as log:
            command = [
                "setpriv",
                "--reuid=munge",
                "--regid=munge",
                "--clear-groups",
                "munged",
                "--foreground",
                "--force",
            ]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        self._wait(
            lambda: subprocess.run("munge -n | unmunge", shell=True, capture_output=True).returncode == 0, "munged"
        )

    def _write_configuration(self) -> None:
        memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 - 512
        for name in ("state", "spool", "logs"):
            (self.folder / name).mkdir()
        port = 20_000 + secrets.randbelow(20_000)
        cores = len(os.sched_getaffinity(0))
        gres = f"Gres=gpu:{self.gpus}" if self.gpus else ""
        (self.folder / "slurm.conf").write_text(
            f"""\
ClusterName=physlaw-test
SlurmctldHost=localhost
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
SlurmdPort={port + 1}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
SlurmctldLogFile={self.folder}/logs/slurmctld.log
SlurmdLogFile={self.folder}/logs/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
MaxArraySize=1001
KillWait=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=batch_sched_delay=0,sched_interval=3,bf_interval=3
{"GresTypes=gpu" if self.gpus else ""}
NodeName=localhost CPUs={cores} RealMemory={memory} {gres} State=UNKNOWN
PartitionName=low Nodes=localhost Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=30
PartitionName=high Nodes=localhost MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""
        )
        if self.gpus:
            for k in range(self.gpus):
                (self.folder / f"gpu{k}").touch()
            (self.folder / "gres.conf").write_text(
                f"NodeName=localhost Name=gpu File={self.folder}/gpu[0-{self.gpus - 1}]\n"
            )

    def run(self, *command: str) -> str:
        """A SLURM client's output."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    def hurry(self) -> None:
        """Let jobs that went back to the queue start: they would wait two minutes. Within the first seconds SLURM
        refuses to start them ("job credential revoked") and counts them as failed."""
        for line in self.run("squeue", "--me", "--noheader", "--array", "--format=%i|%r").splitlines():
            job, reason = line.split("|")
            if reason.strip() == "BeginTime":
                time.sleep(3)
                self.run("scontrol", "update", f"JobId={job.strip()}", "StartTime=now")

    def idle(self) -> bool:
        """No job is left. A client that fails or times out says nothing about jobs."""
        return self.run("squeue", "--format=%i").split() == ["JOBID"]

    def _wait(self, ready, what: str, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline or any(p.poll() is not None for p in self.processes):
                logs = [*self.folder.glob("*.out"), *(self.folder / "logs").glob("*.log")]
                ends = "\n".join(f"{log.name}: {log.read_text()[-800:]}" for log in logs)
                self.stop()
                raise RuntimeError(f"waited for {what} in vain\n{ends}")
            time.sleep(0.3)

    def stop(self) -> None:
        """Cancel everything and end the daemons, the last started first."""
        self.run("scancel", "--me", "--full")
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
