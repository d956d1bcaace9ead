"""Reading a results folder's metrics.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from physlaw.errors import UserError


def read_metrics(folder: Path) -> pd.DataFrame:
    """Raises UserError when the folder has no metrics.csv."""
    path = folder / "metrics.csv"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `physlaw collect` or `physlaw reproduce` first")
    return pd.read_csv(path, dtype={"size": str, "commit": str, "dirty": str})
