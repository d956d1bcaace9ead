"""Locks pin every package by hash, and NOTICE names every one of them."""

import copy
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from physlaw.profiles import REPOSITORY

LOCKS = [REPOSITORY / "requirements" / f"{name}.lock" for name in ("cpu", "cuda", "launcher")]


def entries(text: str) -> list[str]:
    return re.split(r"\n(?=[a-z])", "\n" + text)[1:]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_package_is_pinned_by_hash_and_named_in_notice(lock) -> None:  # type: ignore[no-untyped-def]
    notice = (REPOSITORY / "NOTICE").read_text()
    found = entries(lock.read_text())
    assert len(found) > 8
    for entry in found:
        name = re.match(r"([a-z0-9-]+)==", entry).group(1)  # type: ignore[union-attr]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", notice) or name.startswith("nvidia-"), name


@pytest.mark.parametrize("page", ["install.md", "container.md"])
def test_the_cuda_lock_asks_for_what_the_pages_say(page: str) -> None:
    versions = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (REPOSITORY / "requirements/cuda.lock").read_text(), re.M))
    assert versions["cuda-toolkit"].startswith("13.0.")
    text = " ".join((REPOSITORY / "docs" / page).read_text().split())
    assert "CUDA 13.0" in text
    assert "driver 580" in text


def test_the_locks_differ_by_torch_and_cuda_alone() -> None:
    """So that what `make check-locks` says of one is true of the other."""
    folder = REPOSITORY / "requirements"
    cpu, cuda = (
        {entry.strip() for entry in entries((folder / f"{name}.lock").read_text())} for name in ("cpu", "cuda")
    )
    assert cpu - cuda == {(folder / "torch-cpu.txt").read_text().strip()}
    assert all(re.match(r"torch==|triton==|cuda-|nvidia-", entry) for entry in cuda - cpu)
    torch = {re.match(r"torch==([\d.]+)", entry).group(1) for entry in cpu ^ cuda if entry.startswith("torch==")}  # type: ignore[union-attr]
    assert len(torch) == 1


@pytest.fixture(scope="module")
def check_locks() -> ModuleType:
    """requirements/check_locks.py, which lies in no package."""
    sys.path.insert(0, str(REPOSITORY / "requirements"))
    try:
        return importlib.import_module("check_locks")
    finally:
        sys.path.pop(0)


def file(name: str) -> dict[str, Any]:
    return {"url": f"https://example.org/{name}", "hashes": {"sha256": name.encode().hex().ljust(64, "0")[:64]}}


RESOLVED = {
    "lock-version": "1.0",
    "created-by": "uv",
    "packages": [
        {"name": "pure", "version": "1.0", "wheels": [file("pure-1.0-py3-none-any.whl")]},
        {
            "name": "compiled",
            "version": "2.0",
            "sdist": file("compiled-2.0.tar.gz"),
            "wheels": [file(f"compiled-2.0-cp3{minor}-cp3{minor}-manylinux_2_28_x86_64.whl") for minor in (11, 12)],
        },
        {
            "name": "newer",
            "version": "3.0",
            "marker": "python_version >= '3.12'",
            "wheels": [file("newer-3.0-py3-none-any.whl")],
        },
    ],
}


def lock(resolved: dict[str, Any]) -> dict[str, list[str]]:
    return {
        f"{package['name']}=={package['version']}": [
            f"sha256:{each['hashes']['sha256']}" for each in [*package["wheels"], *filter(None, [package.get("sdist")])]
        ]
        for package in resolved["packages"]
    }


@pytest.mark.parametrize(
    ("loses", "python", "says"),
    [
        (None, (3, 11), "2 packages"),
        (None, (3, 12), "3 packages"),
        (None, (3, 13), "No wheel found matching the provided tags for package 'compiled'"),
        ("newer==3.0", (3, 12), "newer 3.0 is needed; the lock accepts no file of it"),
    ],
)
def test_the_check_of_locks_finds_what_one_python_lacks(
    check_locks: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    loses: str | None,
    python: tuple[int, int],
    says: str,
) -> None:
    """A package that only later Pythons need, and one with wheels for earlier ones alone; its source does not count."""
    locked = {pin: digests for pin, digests in lock(RESOLVED).items() if pin != loses}
    monkeypatch.setattr(check_locks, "resolve", lambda: copy.deepcopy(RESOLVED))
    monkeypatch.setattr(check_locks, "locked_hashes", lambda text: locked)
    monkeypatch.setattr(check_locks, "PYTHONS", (python,))
    monkeypatch.setattr(check_locks, "MACHINES", ("x86_64",))
    assert check_locks.main() == int("packages" not in says)
    assert says in capsys.readouterr().out


def test_make_says_which_pythons_and_paths_it_takes(tmp_path: Path) -> None:
    def make(*words: str) -> str:
        done = subprocess.run(["make", "setup", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        return done.stdout + done.stderr

    old = tmp_path / "python"
    old.write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.10.1 ;; -c) exit 1 ;; esac\n")
    old.chmod(0o755)
    assert "Python 3.11 to 3.14 is needed, Python 3.10.1 found" in make(f"PYTHON={old}", f"VENV={tmp_path}/venv")
    assert "nopython is missing" in make("PYTHON=nopython", f"VENV={tmp_path}/venv")
    assert "choose a path without spaces" in make(f"VENV={tmp_path}/a venv")
