"""The package as others install it: source archive, wheel, and verbs where only what the wheel asks for is there."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from physlaw.extras import EXTRAS
from physlaw.profiles import REPOSITORY

pytestmark = pytest.mark.slow
SOURCES = ("code", "configs", "slurm", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "NOTICE")
STAMP = {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False}


def build(kind: str, sources: Path, out: Path) -> Path:
    """Call what pip and build call, in this environment; returns the file."""
    code = f"import sys, setuptools.build_meta as made; print('made', made.build_{kind}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / re.findall(r"^made (.*)$", done.stdout, re.MULTILINE)[0]


def asked_for(requirements: list[str], found: set[str]) -> set[str]:
    """The names of all packages that these need here, without extras."""
    for text in requirements:
        one = Requirement(text)
        name = one.name.lower().replace("_", "-")
        if name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(name)
            asked_for(importlib.metadata.requires(name) or [], found)
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an empty environment with the wheel, made from the source archive. The packages that it asks for are links to
    this environment's; others are not there."""
    work = tmp_path_factory.mktemp("wheel")
    sources = work / "sources"
    sources.mkdir()
    (sources / "commit.json").write_text(json.dumps(STAMP))
    for name in SOURCES:
        at, ignore = REPOSITORY / name, shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(at, sources / name, ignore=ignore) if at.is_dir() else shutil.copy(at, sources)
    archive = build("sdist", sources, work)
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")
    wheel = build("wheel", work / archive.name.removesuffix(".tar.gz"), work)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", work / "venv"], check=True)
    python = work / "venv" / "bin" / "python"
    install = [
        "--disable-pip-version-check",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        wheel,
    ]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, env=plain_environment())
    site = next((work / "venv").glob("lib/python3*/site-packages"))
    own = importlib.metadata.PathDistribution(next(site.glob("physlaw-*.dist-info"))).requires or []
    for name in asked_for(own, set()):
        files = importlib.metadata.files(name) or []
        for part in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not (site / part).exists():
                (site / part).symlink_to(Path(str(importlib.metadata.distribution(name).locate_file(part))))
    return python


def plain_environment() -> dict[str, str]:
    """Without what leads to this checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PHYSLAW"))}


def run(python: Path, *words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [python, "-m", "physlaw", *words]
    return subprocess.run(command, cwd=folder, env=plain_environment(), capture_output=True, text=True)


def test_the_base_install_does_all_but_training(python: Path, tmp_path: Path) -> None:
    for name in (package for packages in EXTRAS.values() for package in packages):
        assert subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode, name
    made = run(python, "simulate", "count=4", "resolution=32", "out=clips.npz", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    with np.load(tmp_path / "clips.npz") as archive:
        assert archive["frames"].shape == (4, 32, 32, 32, 3)
    agents = run(python, "agents", "studies=[memorization]", "clips=4", "workers=1", "out=.", folder=tmp_path)
    assert agents.returncode in (0, 1), agents.stderr  # 1: so few clips decide little
    assert "C10" in (tmp_path / "agents.csv").read_text()
    cards = [json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("evaluation.json")]
    assert {(card["commit"], card["dirty"]) for card in cards} == {(STAMP["commit"], STAMP["dirty"])}
    claims = run(python, "claims", f"results={REPOSITORY / 'results'}", "out=.", folder=tmp_path)
    assert claims.returncode == 0, claims.stderr
    assert (tmp_path / "CLAIMS.md").read_bytes() == (REPOSITORY / "CLAIMS.md").read_bytes()


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["train"], "train"),
        (["run"], "train"),
        (["prepare"], "train"),
        (["reproduce", "workers=1"], "train"),
        (["reproduce", "workers=2", "study=memorization"], "train"),
        (["launch", "cluster=local"], "train"),
        (["sweep_sampler"], "train"),
        (["tokenizer", "profile=smoke_faithful"], "train"),
        (["weights", "convert", "lpips", "a", "b"], "train"),
        (["bench", "train"], "train"),
        (["launch", "cluster=slurm", "profile=paper"], "cluster"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_needs_an_extra_names_it(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], extra: str
) -> None:
    (queue := tmp_path / "squeue").write_text("#!/bin/sh\n")  # an empty one
    queue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = run(python, *words, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    wanted = rf"{words[0]} needs ({'|'.join(EXTRAS[extra])}), .*: pip install 'physlaw\[{extra}\]'"
    assert re.search(wanted, done.stderr.splitlines()[-1]), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["bench", "launch", "simulate", "train", "weights", "floors", "label"])
def test_help_needs_no_extra(python: Path, tmp_path: Path, verb: str) -> None:
    done = run(python, verb, "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
