"""Where a number comes from: commit, versions, hardware. No torch is imported that is not already there."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from typing import Any

from physlaw.code_digest import code_digest
from physlaw.files import sha256_file
from physlaw.profiles import REPOSITORY
from physlaw.schema import SCHEMA, UNKNOWN, read_record

STAMP = "commit.json"  # filled in by `git archive` (.gitattributes), or written when an image is built
IMAGE_MANIFEST = "image.json"  # written when an image is built
PACKAGES = ("torch", "numpy", "numba", "pymunk", "hydra-core", "safetensors", "h5py", "pandas")


def _git(*words: str) -> tuple[str | None, str]:
    """What git says of this checkout (None: nothing), and why not.

    The owner may be somebody else, since their code runs already; variables of git's hooks name other repositories.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment.update(GIT_OPTIONAL_LOCKS="0", GIT_CONFIG_COUNT="1")
    environment.update(GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
    command = ["git", "-C", str(REPOSITORY), *words]
    try:
        run = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=20, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    return (run.stdout.strip(), "") if run.returncode == 0 else (None, (run.stderr.splitlines() or ["git failed"])[0])


def commit() -> dict[str, Any]:
    """{"commit": ..., "dirty": ...} from git, or from the packaging stamp; UNKNOWN and None where neither says it,
    with a line on why.

    dirty means: a tracked file outside results/ differs from the commit.
    """
    why = f"{REPOSITORY} is no git checkout"
    if (REPOSITORY / ".git").exists():
        head, why = _git("rev-parse", "--verify", "HEAD")
        if head is not None:
            changes, _ = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
            return {"commit": head, "dirty": None if changes is None else bool(changes)}
    stamp = REPOSITORY / STAMP
    if stamp.is_file():
        known = read_record(stamp)
        named = str(known.get("commit") or UNKNOWN)
        if named != UNKNOWN and "$" not in named:  # the placeholder of a copy that git did not make
            return {"commit": named, "dirty": known.get("dirty")}
    _say_unknown(why)
    return {"commit": UNKNOWN, "dirty": None}


@lru_cache(maxsize=None)  # once is enough
def _say_unknown(why: str) -> None:
    print(f"physlaw: the commit is unknown, and results will say so ({why})", file=sys.stderr, flush=True)


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
    keys = ("base", "flavour", "architecture", "lock_sha256")
    known = read_record(path, *keys)
    short = {key: known[key] for key in keys}
    return {"image": {**short, "manifest_sha256": sha256_file(path)}}


def provenance() -> dict[str, Any]:
    """Everything about this program and machine."""
    return {
        "schema": SCHEMA,
        **commit(),
        "code_digest": code_digest(),
        "versions": versions(),
        "hardware": hardware(),
        **image(),
    }
