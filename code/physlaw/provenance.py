"""Where a number comes from: commit, versions, hardware. No torch is imported that is not already there."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from physlaw.config import REPOSITORY
from physlaw.files import read_json, sha256_file

STAMP = "commit.json"  # filled in by `git archive` (.gitattributes), or written when an image is built
IMAGE_MANIFEST = "image.json"  # written when an image is built
PACKAGES = ("torch", "numpy", "numba", "pymunk", "hydra-core", "safetensors", "h5py", "pandas")


def _git(*words: str) -> str | None:
    try:
        run = subprocess.run(["git", "-C", str(REPOSITORY), *words], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def commit() -> dict[str, Any]:
    """{"commit": ..., "dirty": ...} from git, or from the packaging stamp, or unknown.

    dirty means: a tracked file outside results/ differs from the commit.
    """
    if (REPOSITORY / ".git").exists():
        head = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
        if head is not None and changes is not None:
            return {"commit": head, "dirty": bool(changes)}
    stamp = REPOSITORY / STAMP
    if stamp.is_file():
        known = read_json(stamp)
        if "$" not in str(known.get("commit")):  # the placeholder of a copy that git did not make
            return {"commit": known.get("commit"), "dirty": known.get("dirty")}
    return {"commit": None, "dirty": None}


def code_digest() -> str:
    """SHA-256 of the package's source files: two runs with the same one ran the same code."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Python and the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores this process may use, memory, accelerator. No host name."""
    name = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            name = next((line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    known: dict[str, Any] = {"processor": name, "cores": cores}
    if hasattr(os, "sysconf"):
        known["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        known["accelerator"] = torch.cuda.get_device_name(0)
    return known


def image() -> dict[str, Any]:
    """{"image": ...} inside an image: base, flavour, digests of the lock and of the whole manifest; {} elsewhere."""
    path = REPOSITORY / IMAGE_MANIFEST
    if not path.is_file():
        return {}
    known = read_json(path)
    short = {key: known[key] for key in ("base", "flavour", "architecture", "lock_sha256")}
    return {"image": {**short, "manifest_sha256": sha256_file(path)}}


def provenance() -> dict[str, Any]:
    """Everything about this program and machine."""
    return {**commit(), "code_digest": code_digest(), "versions": versions(), "hardware": hardware(), **image()}
