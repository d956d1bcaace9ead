"""`make release`: what is published of a version, into dist/: wheel, sdist, results, image and SIF where tools allow.

Every archive is of the last commit. dist/SHA256SUMS has a line per file: `sha256sum --check SHA256SUMS`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
IN_RESULTS = ("results", "CLAIMS.md", "RESULTS.md", "ARTIFACT.md", "DEVIATIONS.md", "CITATION.cff", "LICENSE")
SUMS = "SHA256SUMS"


def zenodo(citation: dict[str, Any]) -> dict[str, Any]:
    """The record of Zenodo, from CITATION.cff."""
    paper = citation["references"][0]
    return {
        "title": citation["title"],
        "upload_type": "software",
        "version": citation["version"],
        "publication_date": str(citation["date-released"]),
        "license": citation["license"],
        "creators": [{"name": author["name"]} for author in citation["authors"]],
        "description": f"{citation['abstract']} Reproduces: {paper['title']}.",
        "keywords": citation["keywords"],
        "related_identifiers": [
            {"identifier": one["value"], "relation": "isSupplementTo", "scheme": "arxiv"}
            for one in paper["identifiers"]
        ],
    }


def zenodo_text() -> str:
    """What .zenodo.json holds."""
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    return json.dumps(zenodo(citation), indent=2) + "\n"


def digest(path: Path) -> str:
    """SHA-256 of a file, which may be larger than memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def results_archive(out: Path, version: str) -> Path:
    """The committed results with a checksum each: the same bytes for the same commit."""
    name = f"physlaw-results-{version}"
    packed = subprocess.run(
        ["git", "archive", "--format=tar", f"--prefix={name}/", "HEAD", *IN_RESULTS],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    ).stdout
    content = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as found, tarfile.open(fileobj=content, mode="w") as archive:
        known = {}
        for member in found:
            stream = found.extractfile(member) if member.isfile() else None
            data = stream.read() if stream else b""
            archive.addfile(member, io.BytesIO(data))
            if member.isfile():
                known[member.name.removeprefix(f"{name}/")] = hashlib.sha256(data).hexdigest()
        text = "".join(f"{one}  {path}\n" for path, one in sorted(known.items())).encode()
        entry = tarfile.TarInfo(f"{name}/{SUMS}")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    path = out / f"{name}.tar.gz"
    path.write_bytes(gzip.compress(content.getvalue(), mtime=0))
    return path


def packages(out: Path) -> None:
    """Wheel and sdist, built by the locked setuptools without network, from a copy of the last commit."""
    tree = out / "tree"
    tree.mkdir()
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=REPOSITORY, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tree, filter="data")
    made = f"from setuptools import build_meta as b; b.build_sdist({str(out)!r}); b.build_wheel({str(out)!r})"
    try:
        subprocess.run([sys.executable, "-c", made], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(tree)


def works(program: str) -> bool:
    """It is there, and so is the service behind it."""
    return shutil.which(program) is not None and not subprocess.run([program, "info"], capture_output=True).returncode


def images(out: Path, version: str) -> None:
    """The image as an archive, and a SIF from it, where docker or podman and apptainer work; else says so."""
    engine = next(filter(works, ("docker", "podman")), None)
    if engine is None:
        print("release: neither docker nor podman works here: no image archive, no SIF")
        return
    archive = out / f"physlaw-{version}.image.tar"
    subprocess.run(["make", "image", f"ENGINE={engine}"], cwd=REPOSITORY, check=True)
    subprocess.run([engine, "save", "physlaw", "-o", str(archive)], check=True)
    if shutil.which("apptainer") is None:
        print("release: no apptainer here: no SIF")
        return
    sif = out / f"physlaw-{version}.sif"
    build = ["apptainer", "build", "--build-arg", f"archive={archive}", str(sif), "apptainer.def"]
    subprocess.run(build, cwd=REPOSITORY, check=True)


def main() -> int:
    out = REPOSITORY / "dist"
    state = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=REPOSITORY, capture_output=True, text=True
    )
    if state.returncode or state.stdout:
        print("release: the tree has changes that are not committed (or is no git checkout); commit them first")
        return 2
    if (REPOSITORY / ".zenodo.json").read_text(encoding="utf-8") != zenodo_text():
        print("release: .zenodo.json is not what CITATION.cff gives; run: python release/release.py zenodo")
        return 2
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    version = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    packages(out)
    results_archive(out, version)
    shutil.copy(REPOSITORY / ".zenodo.json", out)
    status = 0
    try:
        images(out, version)
    except subprocess.CalledProcessError as error:
        print(f"release: no image: {' '.join(error.cmd)} ended with {error.returncode}")
        status = 1
    files = {path.name: path for path in sorted(out.iterdir())}
    (out / SUMS).write_text("".join(f"{digest(path)}  {name}\n" for name, path in files.items()), encoding="utf-8")
    for path in sorted(out.iterdir()):
        print(f"{path.relative_to(REPOSITORY)}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"release: to publish it, tag the commit: git tag v{version}")
    return status


if __name__ == "__main__":
    if sys.argv[1:] == ["zenodo"]:
        (REPOSITORY / ".zenodo.json").write_text(zenodo_text(), encoding="utf-8")
    else:
        sys.exit(main())
