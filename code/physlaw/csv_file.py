"""Reading a CSV file: what is wrong with it is one line that names it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from physlaw.errors import UserError

COLLECT = "collect it again"  # what to do about a results folder
RERUN = "remove it and run the cell again"  # and about a run folder


def read_csv(path: Path, remedy: str, texts: dict[str, type[str]] | None = None) -> pd.DataFrame:
    """A table.

    Args:
        remedy: what to do where it cannot be read: COLLECT or RERUN.
        texts: columns that are text whatever they look like.
    Raises:
        UserError: it is not there, empty, or no CSV; ends with the remedy.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; {remedy.removeprefix('remove it and ')}")
    try:
        return pd.read_csv(path, dtype=texts, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise UserError(f"{path}: not a readable {path.name} ({error}); {remedy}") from error
