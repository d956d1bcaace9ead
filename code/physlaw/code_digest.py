"""Which code made a number: a digest of what can move one, by content, so that moving or explaining code keeps it.

It covers every function, class and assignment at the top of the modules of NUMBERS, as text without comments,
docstrings and empty lines, in no order and whatever file it stands in. Imports are left out: they change when files
move, and what they bring is covered where it stands, or is another package, whose version is recorded. So is how a
metric is called and rounded for people.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import List

from physlaw.files import read_json, read_text, visible

# Packages of this one. Launching, reports and labelling move no number; nor do these files of studies. Reference agents
# move their own alone, and have a digest of theirs beside this one.
NUMBERS = ("worlds", "render", "data", "models", "diffusion", "training", "tracking", "evaluation", "studies", "cell")
MODULES = ("intervals.py", "metric.py")  # what all of them take numbers over clips by
WORDS = re.compile(r"studies/(\w+\.py|\w+/((study|agents|report|clips_to_rate)\.py|report/.*))")
# Digests of code that gives the same numbers, and why: of before this kind of digest, and of changes that were checked.
EQUAL = Path(__file__).with_name("equal_code.json")


@lru_cache(maxsize=None)
def code_digest(package: Path = Path(__file__).parent) -> str:
    """SHA-256 of the code that can move a number: with equal ones, settings and data give equal numbers."""
    units = sorted(
        hashlib.sha256(unit.encode()).digest()
        for place, pattern in [*((package / name, "**/*.py") for name in NUMBERS), *((package, one) for one in MODULES)]
        for path in visible(place, pattern)
        if not WORDS.fullmatch(path.relative_to(package).as_posix())
        for unit in units_of(read_text(path))
    )
    return hashlib.sha256(b"".join(units)).hexdigest()


@lru_cache(maxsize=None)
def source_digest(package: Path = Path(__file__).parent) -> str:
    """SHA-256 of all source files of the package, names and bytes."""
    digest = hashlib.sha256()
    for path in visible(package, "**/*.py"):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def representative(digest: str) -> str:
    """The same for all digests of code that is known to give the same numbers."""
    return _representatives().get(digest, digest)


@lru_cache(maxsize=None)
def _representatives() -> dict[str, str]:
    return {digest: group["digests"][-1] for group in read_json(EQUAL)["equal"] for digest in group["digests"]}


# What may hold a #, and comments. Strings of f-strings are of other quotes: Python 3.11 demands it.
_TEXT_OR_COMMENT = re.compile(
    r'''("""|\'\'\')(?:\\.|.)*?\1|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|\#[^\n]*''', re.DOTALL
)


def units_of(source: str) -> Iterator[str]:
    """The text of each top-level statement that is no import and no docstring, from its decorators on."""
    lines = [line.encode() for line in source.split("\n")]  # the syntax tree counts columns in bytes
    for node in ast.parse(source).body:
        if _is_text(node) or _is_import(node):
            continue
        first = min(one.lineno for one in [node, *getattr(node, "decorator_list", [])])
        for words in _docstrings(node):
            start, end = words.lineno - 1, words.end_lineno or words.lineno
            lines[start:end] = [lines[start][: words.col_offset], *[b""] * (end - start - 1)]
        for call in reversed(_declarations(node)):
            _drop_words(lines, call)
        text = b"\n".join(lines[first - 1 : node.end_lineno]).decode()
        text = _TEXT_OR_COMMENT.sub(lambda found: "" if found[0].startswith("#") else found[0], text)
        yield "\n".join(line.rstrip() for line in text.split("\n") if line.strip())


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_import(node: ast.stmt) -> bool:
    """Also one under a condition."""
    inside = node.body if isinstance(node, ast.If) else [node]
    return all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in inside)


def _docstrings(node: ast.stmt) -> Iterator[ast.stmt]:
    """Of a class or function, and of those in it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        if _is_text(node.body[0]):
            yield node.body[0]
        for inner in node.body:
            yield from _docstrings(inner)


SHOWN = ("header", "digits", "better")  # arguments of a Metric: how people see it
# A Metric's own arguments, and those of Metric.of and of dataclasses.replace, by place.
_PLACES = {"Metric": ("name", *SHOWN), "of": ("source", "header"), "replace": ("metric",)}


def _declarations(node: ast.stmt) -> List[ast.Call]:
    """Calls in a top-level assignment that say how a metric is shown, in the order of the text."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return []
    found = [one for one in ast.walk(node) if isinstance(one, ast.Call) and any(n in SHOWN for n in _names(one))]
    outer = [one for one in found if not any(one is not other and one in ast.walk(other) for other in found)]
    return sorted(outer, key=lambda call: (call.lineno, call.col_offset))


def _names(call: ast.Call) -> List[str]:
    """What a call's arguments are called, by place and by keyword; blank where this is not known."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name not in _PLACES:
        return []
    places = (*_PLACES[name], *[""] * len(call.args))[: len(call.args)]
    return [*places, *(keyword.arg or "" for keyword in call.keywords)]


def _drop_words(lines: List[bytes], call: ast.Call) -> None:
    """Replace a call in the text by one without the arguments SHOWN, whatever lines it is on."""
    nodes = [*call.args, *(keyword.value for keyword in call.keywords)]
    keys = [""] * len(call.args) + [f"{keyword.arg}=" for keyword in call.keywords]
    kept = [
        key.encode() + _segment(lines, one) for key, one, name in zip(keys, nodes, _names(call)) if name not in SHOWN
    ]
    text = _segment(lines, call.func) + b"(" + b", ".join(kept) + b")"
    start, end = call.lineno - 1, (call.end_lineno or call.lineno) - 1
    rest = lines[end][call.end_col_offset :]
    lines[start : end + 1] = [lines[start][: call.col_offset] + text + rest, *[b""] * (end - start)]


def _segment(lines: List[bytes], node: ast.expr) -> bytes:
    """The text of an expression, on one line."""
    start, end = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    parts = lines[start : end + 1]
    parts[-1] = parts[-1][: node.end_col_offset]
    parts[0] = parts[0][node.col_offset :]
    return b" ".join(part.strip() for part in parts)
