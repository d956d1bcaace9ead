"""What was tracked in generated clips, small enough to be kept with results: verdicts can be made anew without a model.

Lengths are whole thousandths of a world unit (the tracker's own error is ten), MISSING where no ball is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.data.npz import read_arrays, write_arrays

Array = NDArray[np.float64]
UNIT = 1000  # steps to a world unit
MISSING = np.iinfo(np.int16).min
NAMES = ("scene", "init", "positions", "radii")


def packed(values: Array) -> NDArray[np.int16]:
    """Lengths in world units, NaN where unknown -> int16."""
    whole = np.round(np.nan_to_num(values, nan=0.0) * UNIT).clip(MISSING + 1, -MISSING - 1)
    return np.where(np.isnan(values), MISSING, whole).astype(np.int16)


def unpacked(values: NDArray[np.int16]) -> Array:
    """The reverse of packed."""
    return np.where(values == MISSING, np.nan, values / UNIT)


def write_tracks(path: Path, parts: list[Mapping[str, NDArray[Any]]]) -> None:
    """Write a block's tracks: scene (N,), init (N, K), positions (N, T, balls, 2) and radii (N, T, balls), the released
    parser's, as parts of consecutive clips."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
    whole["positions"], whole["radii"] = packed(whole["positions"]), packed(whole["radii"])
    write_arrays(
        path, {name: values.astype(np.float32) if name == "init" else values for name, values in whole.items()}
    )


def read_tracks(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    """A file of write_tracks, lengths in world units again.

    Raises:
        UserError: it is damaged; `remedy` says what to do.
    """
    found = read_arrays(path, NAMES, remedy)
    return {**found, "positions": unpacked(found["positions"]), "radii": unpacked(found["radii"])}
