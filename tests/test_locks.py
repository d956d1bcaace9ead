"""Locks pin every package by hash, and NOTICE names every one of them."""

import re

import pytest

from physlaw.config import REPOSITORY

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


def test_the_cuda_lock_asks_for_what_the_readme_says() -> None:
    versions = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (REPOSITORY / "requirements/cuda.lock").read_text(), re.M))
    assert versions["cuda-toolkit"].startswith("13.0.")
    readme = " ".join((REPOSITORY / "README.md").read_text().split())
    assert "CUDA 13.0" in readme
    assert "driver 580" in readme


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
