"""A study on a real SLURM, every cell in the SIF: by `physlaw launch container=` and by slurm/grid.sbatch.

    grid.py WORK: WORK/share/physlaw.sif is the image, WORK/launcher a login node's Python without torch.

A running cell of each is signalled: the container must save, and the job outside it go back to the queue.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cluster"))
from slurm import SlurmCluster  # noqa: E402

CELLS = ["model.depth=1", "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2", "size=300",
         "train.batch_size=2", "train.log_every=20", "train.checkpoint_every=100000", "train.steps=1500",
         "eval.id_clips=4", "eval.ood_clips=2", "grid.sizes=[300]", "grid.scenarios=[uniform]",
         "grid.seeds=[0,1]"]  # fmt: skip
NAMES = ["uniform-dit_xxs-n300-seed0", "uniform-dit_xxs-n300-seed1"]


class Array:
    """Two cells of one way of submitting, their folder of runs and what SLURM says."""

    def __init__(self, cluster: SlurmCluster, work: Path, way: str) -> None:
        self.cluster, self.work, self.folder = cluster, work, work / "share" / way
        self.environment = {**os.environ, **cluster.environment, "APPTAINERENV_OMP_NUM_THREADS": "1"}
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.words = [*CELLS, f"runs={self.folder / 'runs'}"]

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def physlaw(self, verb: str, *words: str) -> str:
        return self.run(str(self.work / "launcher" / "bin" / "physlaw"), verb, *self.words, *words)

    def cell(self, name: str) -> Path:
        return self.folder / "runs" / "id_ood" / "smoke" / name

    def steps(self, name: str) -> int:
        log = self.cell(name) / "train.jsonl"
        return 20 * log.read_text().count("\n") if log.exists() else 0

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 240
        while not ready():
            if time.monotonic() > deadline:
                logs = [*self.folder.rglob("log.txt"), *self.folder.glob("*.out")]
                ends = "\n".join(f"{log}:\n{log.read_text()[-1500:]}" for log in logs)
                raise SystemExit(f"waited for {what} in vain\n{self.cluster.run('squeue')}\n{ends}")
            self.cluster.hurry()
            time.sleep(0.5)

    def signal_and_finish(self, *signal_job: str) -> None:
        self.wait(lambda: self.steps(NAMES[0]) >= 100, "progress")
        self.cluster.run("scancel", *signal_job)
        self.wait(self.cluster.idle, "the end of the array")
        for name in NAMES:
            card = json.loads((self.cell(name) / "provenance.json").read_text())
            assert card["image"]["manifest_sha256"], name
            assert (self.cell(name) / "rows.csv").is_file(), name
        log = "".join(
            path.read_text() for path in [*self.folder.glob("*.out"), self.cell(NAMES[0]) / "log.txt"] if path.exists()
        )
        assert "stopped at step" in log, f"the container did not save\n{log}"


def main() -> None:
    """Both ways, one after the other."""
    work = Path(sys.argv[1]).resolve()
    os.umask(0)  # the supervisors run as root here, the containers as another user
    with tempfile.TemporaryDirectory() as folder:
        cluster = SlurmCluster(Path(folder))
        cluster.start()
        try:
            enter = f"{HERE / 'enter'} {work}"
            launched = Array(cluster, work, "launched")
            site = ["cluster=slurm_cpu", "cluster.mem_gb=4", f"container={work / 'share' / 'physlaw.sif'}",
                    f"cluster.container_command={enter} apptainer exec --bind {{bind}} {{image}}"]  # fmt: skip
            print(launched.physlaw("launch", *site), end="")
            manifest = launched.folder / "runs" / "id_ood" / "smoke" / "launch" / "manifest.json"
            launched.signal_and_finish("--signal=URG", json.loads(manifest.read_text())["cells"][NAMES[0]]["job"])
            print(launched.physlaw("status", *site), end="")
            scripts = Array(cluster, work, "scripts")
            scripts.environment["PHYSLAW"] = f"{enter} apptainer run {work / 'share' / 'physlaw.sif'}"
            (scripts.folder / "slurm").symlink_to(HERE.parents[1] / "slurm")
            array = scripts.run(
                "sbatch", "--parsable", "--array=0-1", "--gpus-per-node=0", "--cpus-per-task=1", "--mem=4G",
                "slurm/grid.sbatch", *scripts.words,
            ).strip()  # fmt: skip
            scripts.signal_and_finish("--batch", "--signal=USR2", f"{array}_0")
            print(scripts.physlaw("status"), end="")
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
