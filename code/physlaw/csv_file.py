"""Reading a CSV file: what is wrong with it is one line that names it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from physlaw.errors import UserError

COLLECT = "collect it again"  # what to do about a results folder
RERUN = "remove it and run the cell again"  # and about a run folder


def read_csv(
    path: Path, remedy: str, texts: dict[str, type[str]] | None = None, current: Callable[[str], str] | None = None
) -> pd.DataFrame:
    """A table.

    Args:
        remedy: what to do where it cannot be read: COLLECT or RERUN.
        texts: columns that are text whatever they look like. current: turns the text of an older table into that of
            one of now; a ValueError of its is why it cannot be read.
    Raises:
        UserError: it is not there, empty, or no CSV; ends with the remedy.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; {remedy.removeprefix('remove it and ')}")
    try:
        source = io.StringIO(current(path.read_text(encoding="utf-8-sig"))) if current else path
        return pd.read_csv(source, dtype=texts, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise UserError(f"{path}: not a readable {path.name} ({error}); {remedy}") from error
