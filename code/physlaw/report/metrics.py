"""Reading a results folder: metrics.csv, whoever asks for it, and the tables beside it. What is damaged is named."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from physlaw.csv_file import COLLECT, read_csv
from physlaw.errors import UserError
from physlaw.report.compared import CLIPS
from physlaw.report.old_tables import current
from physlaw.schema import UNKNOWN, check_schema

NAMES = ("study", "profile", "recipe", "cell", "seed", "kind")
# Of every finished cell.
KNOWN = ("train_seconds", "evaluation_seconds", "processor", "cores", "accelerator", "commit", "config_digest")
NUMBERS = ("seed", "train_seconds", "evaluation_seconds", "cores")
TEXTS = {"size": str, "commit": str, "dirty": str}


def read_metrics(folder: Path) -> pd.DataFrame:
    """The rows of a results folder's metrics.csv, of older ones as they are written now; a commit that nobody knew is
    UNKNOWN. attrs[CLIPS] gives the rows of clips.csv of a cell, none where there is no such file.

    Raises:
        UserError: it is not there, of a newer schema, not one of this project, cut off or damaged.
    """
    path = folder / "metrics.csv"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `physlaw collect` or `physlaw reproduce` first")
    metrics = read_csv(path, COLLECT, TEXTS, current)
    for found in set(metrics["schema"].tolist() if "schema" in metrics else ()):
        check_schema(found, path)
    absent = [name for name in (*NAMES, *KNOWN) if name not in metrics]
    if absent:
        raise UserError(f"{path}: not a metrics.csv of this project, it has no column {', '.join(absent)}")
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        whole = stream.read() == b"\n"
    if metrics.empty or not whole:
        raise UserError(f"{path}: {'no rows' if metrics.empty else 'cut off in its last line'}; {COLLECT}")
    finished = metrics["kind"] != "missing"
    metrics.loc[finished, "commit"] = metrics.loc[finished, "commit"].fillna(UNKNOWN)
    words = [name for name in NUMBERS if not pd.api.types.is_numeric_dtype(metrics[name])]
    blank = [n for n in NAMES if metrics[n].isna().any()] + [n for n in KNOWN if metrics.loc[finished, n].isna().any()]
    if words or blank:
        raise UserError(f"{path}: damaged, column {', '.join(words + blank)} has words or blanks; {COLLECT}")

    def clips(cell: str) -> pd.DataFrame:
        known = folder / "clips.csv"
        table = read_csv(known, COLLECT) if known.is_file() else pd.DataFrame({"cell": []})
        return table[table["cell"] == cell]

    metrics.attrs[CLIPS] = clips
    return metrics


@contextmanager
def needed(files: str, what: str, remedy: str = COLLECT) -> Iterator[None]:
    """Inside, what tables lack is one line: the files have not what `what` (in the plural) need, and the remedy."""
    try:
        yield
    except UserError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, BadZipFile, zlib.error, EOFError) as error:
        raise UserError(f"{files} has not what {what} need ({type(error).__name__}: {error}); {remedy}") from error
