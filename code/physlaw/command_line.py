"""A verb's words before they are settings: which ask for help, which stand in files, which are paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from physlaw.errors import UserError
from physlaw.files import read_json

FROM_FILE = "words="  # of a file with a JSON list of further words


def asks_for_help(words: Sequence[str]) -> bool:
    """-h or --help stands among the words, and not as a path after --."""
    meant = words[: words.index("--")] if "--" in words else words
    return "-h" in meant or "--help" in meant


def with_files(words: Sequence[str]) -> list[str]:
    """The words, with those of a file in the place of every words=FILE.

    Raises:
        UserError: a file is missing, or is no JSON list of words.
    """
    found: list[str] = []
    for number, word in enumerate(words):
        if word == "--":
            return [*found, *words[number:]]
        if not word.startswith(FROM_FILE):
            found.append(word)
            continue
        path = Path(word[len(FROM_FILE) :])
        if not path.is_file():
            raise UserError(f"{path}: no such file of words")
        further = read_json(path)
        if not isinstance(further, list) or not all(isinstance(item, str) for item in further):
            raise UserError(f'{path}: words are a JSON list of texts, ["key=value", ...]')
        found += further
    return found


def paths_of(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The paths among the words, and the key=value words.

    A path is what begins with ./, ../ or /, what names an existing file or folder, what has no "=", and everything
    after a word "--".

    Raises:
        UserError: an empty one.
    """
    paths: list[str] = []
    pairs: list[str] = []
    for number, word in enumerate(words):
        if word == "--":
            paths += words[number + 1 :]
            break
        plain = "=" not in word or word.startswith(("./", "../", "/")) or os.path.exists(word)
        (paths if plain else pairs).append(word)
    for path in paths:
        if not path or "\0" in path:
            raise UserError(f"a path cannot be empty or hold the character NUL, got {path!r}")
    return paths, pairs
