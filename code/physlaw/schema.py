"""The version of what run folders and results say of themselves: provenance.json, config.json, metrics.csv.

0: written before there were versions; all that is read is there. 1: the first that says so, and a commit that nobody
knows is "unknown" instead of null. 2: the interval of a column is in columns that are called after it. 3: every
metrics.csv has a row per cell and group of clips (report.old_tables).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from physlaw.errors import UserError
from physlaw.files import read_json_text

SCHEMA = 3
UNKNOWN = "unknown"  # a commit


def check_schema(found: object, path: Path) -> None:
    """Raises UserError unless a file with this value of `schema` can be read."""
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= SCHEMA:
        raise UserError(f"{path}: unknown schema {found!r}; this physlaw reads 0 to {SCHEMA}, use a newer one")


def read_record(path: Path, *needed: str) -> dict[str, Any]:
    """A JSON object of a schema that is known, with the needed entries.

    Raises:
        UserError: it is not, and why.
    """
    return read_record_text(path, *needed)[0]


def read_record_text(path: Path, *needed: str) -> tuple[dict[str, Any], str]:
    """The same with its text."""
    value, text = read_json_text(path)
    if not isinstance(value, dict):
        raise UserError(f"{path}: not a JSON object but {value!r:.40}")
    check_schema(value.get("schema", 0), path)
    for name in needed:
        if name not in value:
            raise UserError(f"{path} has no {name!r}: of another version, or damaged; remove it")
    return value, text
