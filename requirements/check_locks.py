"""Resolve cuda.lock for every Python and machine that it is for, without downloading it: `make check-locks`.

uv asks the package index what pyproject.toml needs on any of them and which files there are. Of these the lock must
accept one by digest for every package. cpu.lock differs by torch and CUDA's libraries alone (tests/test_locks.py).
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from image_manifest import locked_hashes
from packaging.markers import default_environment
from packaging.pylock import Pylock, PylockSelectError
from packaging.tags import Tag, compatible_tags, cpython_tags

HERE = Path(__file__).parent
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
MACHINES = ("x86_64", "aarch64")
EXTRAS = ("--extra=dev", "--extra=train", "--extra=cluster")  # as requirements/update has them
SOURCE_ALONE = {"antlr4-python3-runtime"}  # no wheel exists; pure Python, so no compiler is needed


def resolve() -> dict[str, Any]:
    """What the locked versions need on any Python and machine, as pylock.toml lists it (PEP 751).

    Raises:
        subprocess.CalledProcessError: the versions do not go together; uv has said why.
    """
    settings = {"UV_PYTHON_DOWNLOADS": "never"}
    if "PIP_INDEX_URL" in os.environ:
        settings["UV_DEFAULT_INDEX"] = os.environ["PIP_INDEX_URL"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pylock.toml"
        subprocess.run(
            [Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "--format=pylock.toml", "--universal",
             "--python-version=3.11", *EXTRAS, "--no-emit-package=colorama", "--constraint", HERE / "cuda.lock",
             "--output-file", out, HERE.parent / "pyproject.toml"],
            check=True, env=settings | os.environ,
        )  # fmt: skip
        return tomllib.loads(out.read_text())


def accepted(resolved: dict[str, Any], locked: dict[str, list[str]]) -> Pylock:
    """`resolved` with the files alone that the lock accepts, source archives only where there is nothing else.

    Raises:
        PylockSelectError: a package of which it accepts none; the message names it.
    """
    packages = []
    for package in resolved["packages"]:
        digests = set(locked.get(f"{package['name']}=={package['version']}", []))
        wheels = [wheel for wheel in package.get("wheels", []) if f"sha256:{wheel['hashes']['sha256']}" in digests]
        files: dict[str, Any] = {"wheels": wheels} if wheels else {}
        if package["name"] in SOURCE_ALONE and f"sha256:{package['sdist']['hashes']['sha256']}" in digests:
            files["sdist"] = package["sdist"]
        if not files:
            raise PylockSelectError(f"{package['name']} {package['version']} is needed; the lock accepts no file of it")
        packages.append({key: value for key, value in package.items() if key not in ("wheels", "sdist")} | files)
    return Pylock.from_dict(resolved | {"packages": packages})


def tags(python: tuple[int, int], machine: str) -> list[Tag]:
    """What wheels CPython takes there with glibc 2.28, which PyTorch asks for."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 4, -1)] + [f"manylinux2014_{machine}"]
    interpreter = f"cp{python[0]}{python[1]}"
    return [*cpython_tags(python, platforms=platforms), *compatible_tags(python, interpreter, platforms)]


def main() -> int:
    """Check every Python and machine; the exit status is 1 if one is not served."""
    wrong = 0
    try:
        files = accepted(resolve(), locked_hashes((HERE / "cuda.lock").read_text()))
    except (subprocess.CalledProcessError, PylockSelectError) as error:
        print(f"cuda.lock: {error}")
        return 1
    for python in PYTHONS:
        version = ".".join(map(str, python))
        for machine in MACHINES:
            environment = default_environment()
            environment.update(
                python_version=version, python_full_version=f"{version}.0", implementation_version=f"{version}.0",
                platform_machine=machine,
            )  # fmt: skip
            try:
                said = f"{len(list(files.select(environment=environment, tags=tags(python, machine))))} packages"
            except PylockSelectError as error:
                said, wrong = str(error), 1
            print(f"cuda.lock, Python {version}, {machine}: {said}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
