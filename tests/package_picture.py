"""The packages and who imports whom, as Mermaid text: `python tests/package_picture.py` draws it into ARCHITECTURE.md.

An arrow goes from who imports to what is imported, where a file's first lines import it; what follows from other arrows
is left out. Dotted: an import within a function that goes against the others.
"""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "code" / "physlaw"
PAGE = REPOSITORY / "ARCHITECTURE.md"
BEGIN, END = "<!-- packages:begin -->", "<!-- packages:end -->"
Imports = dict[str, set[str]]  # who -> whom


def boxes() -> set[str]:
    """What is drawn: packages, and the one module that all of the command line's cells pass."""
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {"compose"}


def box_of(path: Path) -> str:
    """The box of a source file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(nodes: list[ast.stmt]) -> set[str]:
    """The boxes that import statements name; config modules are plain data, for whoever wants it."""
    found = set()
    for node in nodes:
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            alone = node.module == "physlaw"
            names += [f"physlaw.{one.name}" for one in node.names] if alone else [node.module]
        for parts in (name.split(".") for name in names):
            if parts[0] == "physlaw" and len(parts) > 1 and parts[2:3] != ["config"]:
                found.add(parts[1])
    return found & boxes()


def imports() -> tuple[Imports, Imports]:
    """Of every box: what its files import when they are imported, and what they import anywhere."""
    first: Imports = {name: set() for name in boxes()}
    anywhere: Imports = {name: set() for name in boxes()}
    for path in sorted(PACKAGE.rglob("*.py")):
        if (own := box_of(path)) in first:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            first[own] |= named(tree.body) - {own}
            anywhere[own] |= named([node for node in ast.walk(tree) if isinstance(node, ast.stmt)]) - {own}
    return first, anywhere


def below(graph: Imports, name: str) -> set[str]:
    """All that a box needs, straight or through others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        fresh = graph[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found


def picture() -> str:
    """Mermaid text, from the top down."""
    first, anywhere = imports()
    depth = {name: len(below(first, name)) for name in first}
    lines = ["```mermaid", "graph TD"]
    for name in sorted(first, key=lambda one: (-depth[one], one)):
        straight = {one for one in first[name] if not any(one in below(first, other) for other in first[name] - {one})}
        against = {one for one in anywhere[name] - first[name] if name in below(first, one)}
        lines += [f"  {name} --> {one}" for one in sorted(straight)]
        lines += [f"  {name} -.-> {one}" for one in sorted(against)]
    return "\n".join([*lines, "```"])


def drawn(page: str) -> str:
    """The page with the picture of now between its marks."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{picture()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
