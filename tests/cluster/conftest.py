from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processes import Verb, physlaw

sys.path.insert(0, str(Path(__file__).parent))
from slurm import SlurmCluster

SWITCH = "PHYSLAW_CLUSTER_TESTS"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests run by `make test-cluster` only: they start daemons."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if not os.environ.get(SWITCH):
                item.add_marker(pytest.mark.skip(reason=f"runs by make test-cluster ({SWITCH}=1)"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    slurm = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    slurm.start()
    yield slurm
    slurm.stop()


class Site:
    """A user on the cluster's login node, with a folder of runs."""

    def __init__(self, slurm: SlurmCluster, folder: Path) -> None:
        self.slurm, self.folder, self.runs = slurm, folder, folder / "runs"
        self.environment = os.environ | slurm.environment | {"OMP_NUM_THREADS": "1"}

    def physlaw(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = physlaw(*words, f"runs={self.runs}", folder=self.folder, environment=self.environment)
        assert not check or done.returncode == 0, done.stderr
        return done

    def start(self, *words: str) -> Verb:
        return Verb(*words, f"runs={self.runs}", folder=self.folder, environment=self.environment)

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < deadline, f"waited for {what} in vain\n{self.state()}"
            self.hurry()
            time.sleep(0.5)

    def stays(self, so: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and so():
            time.sleep(0.2)
        return so()

    def hurry(self) -> None:
        self.slurm.hurry()

    def idle(self) -> bool:
        return self.slurm.idle()

    def state(self) -> str:
        logs = [*self.runs.rglob("log.txt"), *self.runs.rglob("*_log.out")]
        return self.slurm.run("squeue", "--me") + "\n".join(f"{p.name}: {p.read_text()[-1500:]}" for p in logs)


@pytest.fixture
def site(cluster: SlurmCluster, tmp_path: Path) -> Iterator[Site]:
    found = Site(cluster, tmp_path)
    yield found
    cluster.run("scancel", "--me", "--full")
    found.wait(found.idle, "an empty queue", 60)
