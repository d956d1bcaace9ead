"""Tables of before schema 3, written as they are now: metrics.csv and a run folder's rows.csv. No digit changes.

Until then the combinatorial world had a row per measure (source, measure, value, low, high, clips, protocol, note);
until schema 2 the intervals of three shares were in columns of another name.
"""

from __future__ import annotations

import io
import re
from typing import Any

import pandas as pd

from physlaw.metric import bounds, notes_text
from physlaw.schema import SCHEMA

RENAMED = {
    f"{name}_{end}": f"{name}_share_{end}"
    for name in ("keeps_both", "keeps_first", "keeps_second")
    for end in ("low", "high")
}
MEASURE = ("kind", "group", "source", "measure", "value", "low", "high", "clips", "protocol", "note")
OF_FEWER_CLIPS = ("position_error", "angle_error", "matched")


def current(text: str) -> str:
    """A table's text as this version writes it; of this version, the same.

    Raises:
        ValueError: a row per measure, but not all that belongs to it.
    """
    header, _, rest = text.partition("\n")
    names = header.split(",")
    if {"source", "measure"} <= set(names):
        return _wide(text)
    return f"{','.join(RENAMED.get(name, name) for name in names)}\n{rest}"


def _wide(text: str) -> str:
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    absent = [name for name in MEASURE if name not in table]
    if absent:
        raise ValueError(f"rows of measures without column {', '.join(absent)}")
    others = [str(name) for name in table if name not in MEASURE]
    first = list(table).index("kind")
    before, after = ([name for name in others if (list(table).index(name) < first) == early] for early in (True, False))
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    notes: dict[tuple[str, ...], dict[str, str]] = {}
    for one in table.to_dict("records"):
        kind, group, column = _place(one)
        key = (*(one[name] for name in others), kind, group)
        row = rows.setdefault(key, {name: one[name] for name in others} | {"kind": kind, "group": group, "clips": ""})
        if not column:
            continue
        row |= dict(zip((column, *bounds(column)), (one["value"], one["low"], one["high"]), strict=True))
        if one["measure"] in OF_FEWER_CLIPS:
            row[f"{column}_clips"] = one["clips"]
        else:
            row["clips"] = row["clips"] or one["clips"]
        if kind == "ambiguity":
            row |= {f"{one['source']}_{name}": count for name, count in re.findall(r"(\w+) (\d+)", one["note"])}
        else:
            notes.setdefault(key, {})[one["measure"]] = one["note"]
    for key, row in rows.items():
        row["notes"] = notes_text(notes.get(key, {}))
    if "study" in others:
        before = ["schema", *(name for name in before if name != "schema")]
        rows = {key: row | {"schema": str(SCHEMA)} for key, row in rows.items()}
    known = dict.fromkeys(name for row in rows.values() for name in row)
    measured = [name for name in known if name not in {*others, "schema", "kind", "group", "clips", "notes"}]
    columns = [*before, "kind", "group", "clips", *measured, "notes", *after]
    return pd.DataFrame(rows.values(), columns=columns).fillna("").to_csv(index=False, lineterminator="\n")


def _place(row: dict[Any, Any]) -> tuple[str, str, str]:
    """Where a measure is now: kind and group of the row, and its column."""
    kind, group, column = row["kind"], row["group"], f"{row['source']}_{row['measure']}"
    if kind == "missing":
        return kind, "", ""
    if kind in ("set", "cause"):
        return "set", group, column
    if kind == "detector":
        return kind, row["measure"], f"{row['source']}_abnormal"
    if kind == "ambiguity":
        return kind, f"{group} {row['measure'].removeprefix('accuracy ')}", f"{row['source']}_accuracy"
    raise ValueError(f"rows of an unknown kind {kind!r}")
