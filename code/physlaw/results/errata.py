"""What an earlier edition said that is not so: results/errata.yaml, rendered into CLAIMS.md."""

from __future__ import annotations

from pathlib import Path

import yaml

from physlaw.errors import UserError

FILE = "errata.yaml"
KEYS = ("about", "said", "correct", "when")


def read_errata(results: Path) -> list[dict[str, str]]:
    """The entries of <results>/errata.yaml, KEYS as text each; none without the file.

    Raises:
        UserError: it is not a list of such entries (names the file and what is wrong).
    """
    path = results / FILE
    if not path.is_file():
        return []
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(entries, list):
        raise UserError(f"{path}: not a list; valid: entries with {', '.join(KEYS)}")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or set(entry) != set(KEYS):
            raise UserError(f"{path}: entry {number} is not one of this file; valid: {', '.join(KEYS)}")
    return [{key: " ".join(str(entry[key]).split()) for key in KEYS} for entry in entries]


def errata_markdown(results: Path) -> str:
    """A section of CLAIMS.md; empty without entries. Errors as read_errata."""
    entries = read_errata(results)
    if not entries:
        return ""
    lines = [f"- {one['about']} ({one['when']}). Said: {one['said']} Correct: {one['correct']}" for one in entries]
    return "\n".join(["## Errata", "", "What this project said earlier, and what is so.", "", *lines, ""])
