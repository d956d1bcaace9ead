"""Sentences as the embeddings that a text model reads: from a T5 encoder on disk, or random ones for tests and CPUs."""

from __future__ import annotations

import hashlib
import importlib
import re
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from physlaw.errors import UserError
from physlaw.extras import missing
from physlaw.files import sha256_file, visible

RANDOM = "random"
BATCH = 64  # sentences that the T5 encoder takes at once
TOKEN = re.compile(r"[A-Za-z]+|\S")  # a word, or one digit or sign
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
TOKENIZERS = ("tokenizer.json", "spiece.model")
# What decides an embedding; a model's folder holds more.
DIGESTED = ("*.safetensors", "*.safetensors.index.json", "config.json", *TOKENIZERS, "tokenizer_config.json",
            "special_tokens_map.json", "added_tokens.json")  # fmt: skip


class TextEncoder(Protocol):
    """encoder(sentences) -> (N, length, dim) float32 embeddings and (N, length) bool, true at real tokens.

    Both are on the CPU; padding comes last, with embeddings of zero. digest: SHA-256 of what decides an embedding
    (not the length). Raises UserError for a sentence of more than `length` tokens.
    """

    dim: int
    length: int
    digest: str

    def __call__(self, sentences: list[str]) -> tuple[Tensor, Tensor]: ...


class T5TextEncoder:
    """The encoder of T5 (arXiv 1910.10683), from a folder in the layout of the transformers package.

    Args:
        path: the folder, with config.json, safetensors weights and the tokenizer.
        length: tokens of a sentence, its end mark included.
        device: where the encoder runs.
    Raises:
        UserError: length is not positive, the package is missing, or the folder or a file in it is missing,
            unreadable or another model's.
    """

    def __init__(self, path: Path, length: int, device: str = "cpu") -> None:
        _check_length(length)
        _check_folder(path)
        try:
            transformers = importlib.import_module("transformers")
        except ModuleNotFoundError as error:
            raise missing(error, "text from T5") from None
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
            model, report = transformers.T5EncoderModel.from_pretrained(
                path, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        except Exception as error:  # of a dozen types, by what is wrong in which file
            first = str(error).strip().partition("\n")[0]
            raise UserError(f"{path}: not a readable T5 encoder ({type(error).__name__}: {first})") from None
        if report["missing_keys"]:  # the package would go on with random weights
            raise UserError(f"{path}: tensors are missing: {', '.join(sorted(report['missing_keys']))}")
        self.model = model.to(device).float().eval().requires_grad_(False)
        self.dim, self.length, self.device = int(model.config.d_model), length, device
        self.digest = _folder_digest(path)

    @torch.no_grad()
    def __call__(self, sentences: list[str]) -> tuple[Tensor, Tensor]:
        tokens = self.tokenizer(sentences)["input_ids"] if sentences else []
        mask = _real(sentences, [len(row) for row in tokens], self.length)
        ids = torch.full(mask.shape, self.model.config.pad_token_id)
        ids[mask] = torch.tensor([token for row in tokens for token in row], dtype=torch.int64)
        embeddings = torch.zeros(*mask.shape, self.dim)
        for start in range(0, len(ids), BATCH):
            part = slice(start, start + BATCH)
            given = {"input_ids": ids[part].to(self.device), "attention_mask": mask[part].long().to(self.device)}
            embeddings[part] = self.model(**given).last_hidden_state.cpu()
        return embeddings.masked_fill(~mask[..., None], 0.0), mask


class RandomTextEncoder:
    """A fixed Gaussian vector for every word, digit and sign, plus one for its place, of unit variance together.

    Without the place a set of vectors would not tell 1.23 from 3.21, or one ball from the other.

    Raises:
        UserError: dim or length is not positive.
    """

    def __init__(self, dim: int, length: int, seed: int = 0) -> None:
        _check_length(length)
        if dim < 1:
            raise UserError(f"a text embedding must have at least 1 dimension, got {dim}")
        self.dim, self.length, self.seed = dim, length, seed
        self.digest = hashlib.sha256(f"{RANDOM}\x1f{dim}\x1f{seed}".encode()).hexdigest()
        self._rows: dict[str, int] = {}  # of the table, whose row 0 is for padding
        self._table = torch.zeros(1, dim)
        self._places = torch.stack([self._vector("place", str(place)) for place in range(length)])

    def _vector(self, kind: str, name: str) -> Tensor:
        digest = hashlib.sha256(f"{kind}\x1f{name}\x1f{self.seed}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        return torch.randn(self.dim, generator=generator) / 2**0.5

    def __call__(self, sentences: list[str]) -> tuple[Tensor, Tensor]:
        tokens = [TOKEN.findall(sentence) for sentence in sentences]
        mask = _real(sentences, [len(row) for row in tokens], self.length)
        names = [name for row in tokens for name in row]
        for name in set(names) - self._rows.keys():
            self._rows[name] = len(self._table)
            self._table = torch.cat([self._table, self._vector("token", name)[None]])
        ids = torch.zeros(mask.shape, dtype=torch.int64)
        ids[mask] = torch.tensor([self._rows[name] for name in names], dtype=torch.int64)
        return self._table[ids] + self._places * mask[..., None], mask


def build_text_encoder(spec: str, dim: int, length: int, device: str = "cpu", seed: int = 0) -> TextEncoder:
    """The encoder that `spec` names, for a model of model.text_dim = dim.

    Args:
        spec: "random", or the path of a T5 encoder's folder.
        seed: of the random encoder.
    Raises:
        UserError: as the two encoders; or the T5 encoder has another width.
    """
    if spec == RANDOM:
        return RandomTextEncoder(dim, length, seed)
    encoder = T5TextEncoder(Path(spec), length, device)
    if encoder.dim != dim:
        raise UserError(f"{spec}: its embeddings have {encoder.dim} dimensions; set model.text_dim={encoder.dim}")
    return encoder


def _check_length(length: int) -> None:
    if length < 1:
        raise UserError(f"a text must have room for at least 1 token, got length {length}")


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        raise UserError(f"no folder of a T5 encoder at {path}; valid: {RANDOM}, or the path of such a folder")
    for needed in (("config.json",), WEIGHTS, TOKENIZERS):
        if not any((path / name).is_file() for name in needed):
            raise UserError(f"{path}: no {' or '.join(needed)} in the folder")


def _folder_digest(path: Path) -> str:
    """SHA-256 of the names and digests of the files that decide an embedding."""
    files = sorted({file for pattern in DIGESTED for file in visible(path, pattern)})
    return hashlib.sha256("".join(f"{sha256_file(file)}  {file.name}\n" for file in files).encode()).hexdigest()


def _real(sentences: list[str], counts: list[int], length: int) -> Tensor:
    """(N, length) bool, true at the first counts[n] places; raises UserError for a count above the length."""
    for sentence, count in zip(sentences, counts, strict=True):
        if count > length:
            raise UserError(f"a sentence has {count} tokens, {length} are allowed: {sentence!r}")
    return torch.arange(length) < torch.tensor(counts, dtype=torch.int64)[:, None]
