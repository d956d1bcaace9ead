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
