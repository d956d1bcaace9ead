"""A login node's part by itself: installed from its own lock on the oldest Python that its dependencies allow."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def old_python() -> str | None:
    """Python 3.8: PHYSLAW_OLD_PYTHON, or the one on the path."""
    for candidate in (os.environ.get("PHYSLAW_OLD_PYTHON"), shutil.which("python3.8")):
        if candidate and subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
            return candidate
    return None


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`make launcher` on Python 3.8, in a checkout of its owner's alone at a path with spaces."""
    python = old_python()
    if python is None:
        pytest.skip("no Python 3.8 here (name it in PHYSLAW_OLD_PYTHON)")
    checkout = tmp_path_factory.mktemp("launcher") / "a check out"
    for folder in ("code", "configs", "requirements"):
        shutil.copytree(
            REPOSITORY / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    shutil.copy(REPOSITORY / "Makefile", checkout)
    started = time.monotonic()
    subprocess.run(
        ["make", "--silent", "launcher", "LAUNCHER=.launcher", f"PYTHON={python}"],
        cwd=checkout, check=True, capture_output=True, umask=0o077,
    )  # fmt: skip
    print(f"installed in {time.monotonic() - started:.0f} s")
    return checkout / ".launcher" / "bin" / "physlaw"


def run(launcher: Path, *words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([launcher, *words], cwd=folder, capture_output=True, text=True, check=False)


def test_every_studys_plain_data_loads_on_an_old_python() -> None:
    """Without any package."""
    python = old_python()
    if python is None:
        pytest.skip("no Python 3.8 here (name it in PHYSLAW_OLD_PYTHON)")
    code = "from physlaw.studies.registry import *; scenario_names(); print(len(paper_claims()))"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "code")}
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "16\n", done.stderr


@pytest.mark.slow
def test_the_launcher_plans_watches_and_knows_what_it_cannot_do(launcher: Path, tmp_path: Path) -> None:
    python = launcher.parent / "python"
    assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode != 0
    assert "3.8" in subprocess.run([python, "--version"], capture_output=True, text=True).stdout
    plan = run(launcher, "launch", "profile=paper", "cluster=slurm", "dry_run=true", folder=tmp_path)
    assert plan.returncode == 0, plan.stderr
    assert "cells: 28, 28 to run" in plan.stdout
    assert "28 not launched" in run(launcher, "status", "profile=paper", "cluster=slurm", folder=tmp_path).stdout
    wrong = run(launcher, "launch", "profile=paper", "cluster=nowhere", folder=tmp_path)
    assert wrong.stderr.count("\n") == 1
    assert "valid: debug, example_constraint, " in wrong.stderr
    cannot = run(launcher, "run", folder=tmp_path)
    assert cannot.returncode == 2
    assert "which this Python has not" in cannot.stderr


@pytest.mark.slow
def test_a_job_starts_under_the_oldest_python(launcher: Path, tmp_path: Path) -> None:
    """As on a node, where submitit looks for what may have been added to it."""
    code = "import operator, submitit\nexecutor = submitit.LocalExecutor('jobs')\n"
    code += "executor.update_parameters(timeout_min=2)\nprint(executor.submit(operator.add, 2, 3).result())"
    done = subprocess.run([launcher.parent / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "5\n", done.stderr


@pytest.mark.slow
def test_every_setting_is_read_by_the_oldest_python(launcher: Path, tmp_path: Path) -> None:
    """--help walks through all of them."""
    for verb in ("launch", "status", "run"):
        shown = run(launcher, verb, "--help", folder=tmp_path)
        assert shown.returncode == 0, shown.stderr
        assert "train.betas=[0.9, 0.999]" in shown.stdout
