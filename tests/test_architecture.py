"""ARCHITECTURE.md and CONTRIBUTING.md say what is there, and the sources keep to their measures."""

import ast
import re
from pathlib import Path

import pytest

import package_picture
from package_picture import PACKAGE, PAGE, REPOSITORY
from test_imports import ALLOWED

MAX_LINES, MAX_ARGUMENTS = 300, 8
SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_the_picture_of_the_packages_is_that_of_the_imports() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert package_picture.drawn(page) == page, "python tests/package_picture.py draws it anew"


def test_every_arrow_is_allowed_and_none_goes_round() -> None:
    first, anywhere = package_picture.imports()
    for name, found in first.items():
        assert name not in package_picture.below(first, name)
        assert found <= anywhere[name] <= ALLOWED.get(name, {"studies"}), name  # compose has no row


def test_every_package_is_in_the_tree() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in package_picture.boxes() - {"compose"}:
        assert f"`{name}/`" in page, name


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_is_there(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    named = [word for word in re.findall(r"`([\w./*]+)`", text) if re.search(r"\w/|\.(py|json|md)$", word)]
    assert len(named) > 5
    made = re.compile(r"(results|reproduced)/|eval/|table\.md|rows\.csv")  # what runs write
    for word in named:
        places = [
            root for root in (REPOSITORY, PACKAGE, PACKAGE / "studies" / "ring") if list(root.glob(word.rstrip("/")))
        ]
        assert places or made.match(word) or word in ("mini.yaml", "paper.yaml", "agents.yaml"), word


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_can_be_read_at_one_go(path: Path) -> None:
    """Of MAX_LINES lines at most; a function with more than MAX_ARGUMENTS arguments says why in a comment above it."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            if len([name for name in named if name not in ("self", "cls")]) > MAX_ARGUMENTS:
                first = min(one.lineno for one in (node, *node.decorator_list))
                above = lines[first - 2].strip()
                assert above.startswith("#"), f"{node.name} has {len(named)} arguments: why?"
                assert "arguments" in above
