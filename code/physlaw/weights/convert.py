"""`physlaw weights convert`: a published file's SHA-256 checked, its tensors read elsewhere, our file written."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from physlaw.errors import UserError, unknown
from physlaw.files import sha256_file, write_atomic
from physlaw.isolated import module_command
from physlaw.weights import names
from physlaw.weights.catalogue import KINDS, Published
from physlaw.weights.names import Tensors

SECONDS = 600  # of patience with the reader, which has limits of its own
SAID = 500  # characters of what the reader says are shown


def convert(kind: str, files: Sequence[Path], out: Path | None = None, sha256: str = "") -> str:
    """Make our file of published ones.

    Args:
        kind: a name of KINDS.
        files: as many as the kind has, in its order.
        out: the safetensors file to write; none for sd15_vae, which is only checked.
        sha256: the files' hex digests with commas between; empty: those that KINDS knows.

    Returns:
        Lines for the user: the file, its SHA-256 (both go into the configuration), and how it was recognised.

    Raises:
        UserError: an unknown kind, a digest that is not the expected one, or contents that are not.
    """
    if kind not in KINDS:
        raise unknown("kind of weights", kind, KINDS)
    editions = KINDS[kind].files
    if len(files) != len(editions):
        wanted = " ".join(known[0].name for known in editions)
        raise UserError(f"{kind} is made of {len(editions)} files, got {len(files)}: {wanted}")
    expected = _expected(editions, sha256)
    if kind == "sd15_vae":
        if out is not None:
            raise UserError(f"{kind} is used as it is: give no out= (got {out})")
        return _check_vae(files[0], expected[0])
    if out is None:
        raise UserError(f"{kind} needs out=FILE.safetensors")
    read = [read_published(path, digests) for path, digests in zip(files, expected, strict=True)]
    if kind == "lpips_alexnet":
        tensors = names.lpips_tensors(read[0][0], read[1][0], (files[0], files[1]))
        how = "by the names of torchvision and lpips"
    else:
        tensors, how = names.i3d_tensors(read[0][0], read[0][1].get("eps"), files[0])
    write_atomic(out, lambda temporary: save_file(tensors, temporary))
    return f"{out}\nSHA-256 {sha256_file(out)}\n{len(tensors)} tensors, recognised {how}"


def _expected(editions: tuple[tuple[Published, ...], ...], sha256: str) -> list[tuple[str, ...]]:
    """The digests that each file may have."""
    if not sha256:
        return [tuple(file.sha256 for file in known) for known in editions]
    digests = [word.strip().lower() for word in sha256.split(",")]
    if len(digests) != len(editions):
        raise UserError(f"sha256 needs {len(editions)} digests with commas between, one per file; got {len(digests)}")
    for digest in digests:
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise UserError(f"sha256: {digest!r} is not a SHA-256 of 64 hexadecimal digits")
    return [(digest,) for digest in digests]


def read_published(path: Path, digests: tuple[str, ...]) -> tuple[Tensors, dict[str, str]]:
    """A PyTorch file's tensors by name, in its order, and what else is known of it, as reader.py reads them.

    Args:
        digests: SHA-256 hex digests, one of which the file must have; it is not read otherwise.

    Raises:
        UserError: no such file, another digest, or not a file of tensors alone.
    """
    command, environment = module_command("physlaw.weights.reader")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # more would take address space
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with tempfile.TemporaryDirectory() as folder, path.open("rb") as stream:
        _check_digest(path, file_digest(stream, "sha256").hexdigest(), digests)
        stream.seek(0)  # the very bytes that were hashed
        target = Path(folder) / "tensors.safetensors"
        with target.open("wb") as output:
            try:
                done = subprocess.run(
                    command,
                    stdin=stream,
                    stdout=output,
                    stderr=subprocess.PIPE,
                    env=environment | threads,
                    timeout=SECONDS,
                )
            except subprocess.TimeoutExpired:
                raise UserError(f"{path}: reading it took more than {SECONDS} s") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-SAID:]
            raise UserError(f"{path}: not readable as weights: {said or f'the reader ended with {done.returncode}'}")
        with safe_open(target, "pt") as file:
            known = file.metadata()
            return {name: file.get_tensor(name) for name in json.loads(known["order"])}, known


def _check_digest(path: Path, found: str, digests: tuple[str, ...]) -> None:
    if found not in digests:
        raise UserError(f"{path}: its SHA-256 is {found}, expected {' or '.join(digests)}")


def _check_vae(path: Path, digests: tuple[str, ...]) -> str:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    found = sha256_file(path)
    _check_digest(path, found, digests)
    try:
        with safe_open(path, "pt") as file:
            count = sum("decoder." in name or "encoder." in name for name in list(file.keys()))
    except SafetensorError as error:
        raise UserError(f"{path}: not readable as safetensors ({error})") from None
    if not count:
        raise UserError(f"{path}: no tensor of an encoder or a decoder; is it a VAE?")
    return f"{path}\nSHA-256 {found}\ngood as it is: tokenizer.initial_file= and tokenizer.initial_sha256="
