"""What is published of a version, and the walk through a fresh clone, which can fail."""

import importlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from physlaw.profiles import REPOSITORY

CHECKOUT = pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="no git checkout")


@pytest.fixture(scope="module")
def release() -> ModuleType:
    """release/release.py, which lies in no package."""
    sys.path.insert(0, str(REPOSITORY / "release"))
    try:
        return importlib.import_module("release")
    finally:
        sys.path.pop(0)


def test_the_record_of_zenodo_is_that_of_the_citation(release: ModuleType) -> None:
    assert (REPOSITORY / ".zenodo.json").read_text() == release.zenodo_text()


@CHECKOUT
def test_the_results_are_packed_with_checksums_that_hold(release: ModuleType, tmp_path: Path) -> None:
    path = release.results_archive(tmp_path, "1.2.3")
    assert path.name == "physlaw-results-1.2.3.tar.gz"
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "physlaw-results-1.2.3"
    assert (folder / "results/id_ood/smoke/metrics.csv").is_file()
    check = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=folder).returncode == 0
    files = [one for one in folder.rglob("*") if one.is_file() and one.name != "SHA256SUMS"]
    assert len((folder / "SHA256SUMS").read_text().splitlines()) == len(files)
    (folder / "CLAIMS.md").write_text("changed")
    assert subprocess.run(check, cwd=folder, capture_output=True).returncode == 1


@CHECKOUT
def test_a_step_that_fails_has_no_tick() -> None:
    command = [REPOSITORY / "release/badge_check"]
    found = subprocess.run(command, env={**os.environ, "PHYSLAW": "false"}, capture_output=True, text=True)
    assert found.returncode == 1
    clone, skipped, *steps, last = found.stdout.splitlines()
    assert clone.startswith("✓ a fresh clone")
    assert skipped.startswith("- set-up left out")
    assert len(steps) == 8
    assert all(line.startswith("✗ ") for line in steps)
    assert last.startswith("1 of 9 passed")
