"""What was measured of a set of clips, on disk until what it rests on changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from physlaw.csv_file import RERUN, read_csv
from physlaw.data.npz import read_arrays, write_arrays
from physlaw.files import write_json, write_text
from physlaw.schema import read_record
from physlaw.studies.combinatorial.measures import Measured


def kept(path: Path, identity: str, measure: Callable[[], Measured]) -> Measured:
    """What measure() gives, kept as <path>.csv, .npz and .json until `identity` changes."""
    card, table, arrays = (path.with_name(f"{path.name}.{kind}") for kind in ("json", "csv", "npz"))
    if not (card.exists() and read_record(card, "identity")["identity"] == identity):
        measured = measure()
        write_text(table, measured.table.to_csv(index=False, float_format="%.9g"))
        found = {f"frames/{k}": v for k, v in measured.per_frame.items()}
        found |= {f"features/{k}": v for k, v in measured.features.items()}
        write_arrays(arrays, found)
        write_json(card, {"identity": identity, "notes": measured.notes})
    known = read_arrays(arrays, re.compile("(frames|features)/.*"), RERUN)
    per_frame = {k.removeprefix("frames/"): v for k, v in known.items() if k.startswith("frames/")}
    features = {k.removeprefix("features/"): v for k, v in known.items() if k.startswith("features/")}
    return Measured(read_csv(table, RERUN), per_frame, features, read_record(card, "notes")["notes"])
