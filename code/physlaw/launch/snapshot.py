"""A copy of code and configuration that queued jobs run from, so that editing the tree does not change them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path

from physlaw.code_digest import source_digest
from physlaw.files import visible, write_json
from physlaw.profiles import configs_folder
from physlaw.provenance import STAMP, commit

SUPERVISOR = "supervisor"  # packages in a copy, that jobs' supervisors use: any Python of a site will do
_PACKAGES = ("submitit", "cloudpickle", "typing_extensions")


def _copy_supervisor(to: Path) -> None:
    """The packages as they are installed here; all are Python alone."""
    to.mkdir()
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue  # typing_extensions is an older submitit's
        found = Path(spec.origin)
        if found.name == "__init__.py":
            shutil.copytree(found.parent, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "test_*"))
        else:
            shutil.copy(found, to / found.name)


def _versions() -> str:
    from importlib import metadata

    return " ".join(f"{one}=={metadata.version(one)}" for one in _PACKAGES if importlib.util.find_spec(one))


def snapshot(root: Path) -> Path:
    """Copy the package and configs/ to root/<digest>, or find the copy there; returns its absolute path."""
    package, configs = Path(__file__).parents[1], configs_folder()
    digest = hashlib.sha256(f"{source_digest()} {_versions()}".encode())
    for path in visible(configs, "**/*.yaml"):
        digest.update(f"{path.relative_to(configs)}\0".encode() + path.read_bytes())
    folder = root.absolute() / digest.hexdigest()[:16]
    if not folder.is_dir():
        part = folder.with_name(f".{folder.name}.{os.getpid()}")
        ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(package, part / "code" / package.name, ignore=ignore)
        shutil.copytree(configs, part / "configs")
        _copy_supervisor(part / SUPERVISOR)
        write_json(part / STAMP, commit())
        try:
            part.rename(folder)
        except OSError:  # another launch was faster with the same copy
            shutil.rmtree(part)
    return folder
