"""What raters export, and an automatic verdict file: read, with every value checked."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physlaw.errors import UserError
from physlaw.files import read_json

NORMAL, ABNORMAL, UNSURE = "normal", "abnormal", "unsure"
RATINGS = (NORMAL, ABNORMAL, UNSURE)
# Why a clip is abnormal: its name in files, and on the page.
CAUSES = {
    "vanishes": "vanishes",
    "appears": "appears",
    "shape": "changes shape or breaks",
    "look": "changes colour or size",
    "through": "passes through",
    "motion": "wrong motion",
    "other": "other",
}


MAX_SECONDS = 1e9  # for one clip; keeps out what JSON can say and no clock shows


@dataclass(frozen=True)
class Rated:
    """One clip as one rater saw it. seconds: how long it was on screen until it was rated last."""

    rating: str
    cause: str | None
    seconds: float


@dataclass(frozen=True)
class Ratings:
    """One rater's file; by_number may lack clips."""

    path: Path
    rater: str
    by_number: dict[int, Rated]


def read_ratings(path: Path, digest: str, count: int) -> Ratings:
    """An exported file of the page `digest` with clips 1 to `count`.

    Raises:
        UserError: not JSON, another page's, or a value that the page would not write; names file and value.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path}: not a ratings file (an object with digest, rater and ratings)")
    for name in ("digest", "rater", "started", "finished", "ratings"):
        if name not in value:
            raise UserError(f"{path}: not a ratings file: {name!r} is missing")
    if value["digest"] != digest:
        raise UserError(f"{path}: rates another page ({value['digest']!r:.20}); the key is of page {digest!r:.20}")
    rater = value["rater"]
    if not isinstance(rater, str) or not rater.strip():
        raise UserError(f"{path}: rater must be a name, got {rater!r}")
    for name in ("started", "finished"):
        if not isinstance(value[name], str | None):
            raise UserError(f"{path}: {name} must be a time or null, got {value[name]!r}")
    if not isinstance(value["ratings"], list):
        raise UserError(f"{path}: ratings must be a list, got {value['ratings']!r:.60}")
    by_number: dict[int, Rated] = {}
    for entry in value["ratings"]:
        number, rated = _entry(path, entry, count)
        if number in by_number:
            raise UserError(f"{path}: number {number} is rated twice")
        by_number[number] = rated
    return Ratings(path, rater.strip(), by_number)


def _entry(path: Path, entry: Any, count: int) -> tuple[int, Rated]:
    if not isinstance(entry, dict) or not {"number", "rating", "cause", "seconds"} <= set(entry):
        raise UserError(f"{path}: a rating has number, rating, cause and seconds, got {entry!r:.80}")
    number, rating, cause, seconds = (entry[name] for name in ("number", "rating", "cause", "seconds"))
    if type(number) is not int or not 1 <= number <= count:
        raise UserError(f"{path}: unknown number {number!r}; the page has 1 to {count}")
    if rating not in RATINGS:
        raise UserError(f"{path}: number {number}: unknown rating {rating!r}; valid: {', '.join(RATINGS)}")
    if cause is not None and (rating != ABNORMAL or not isinstance(cause, str) or cause not in CAUSES):
        raise UserError(
            f"{path}: number {number}: unknown cause {cause!r} of {rating!r}; "
            f"valid: null, and with {ABNORMAL!r} {', '.join(CAUSES)}"
        )
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < MAX_SECONDS:
        raise UserError(f"{path}: number {number}: seconds must be a number from 0, got {seconds!r}")
    return number, Rated(rating, cause, float(seconds))


def read_all(paths: list[Path], digest: str, count: int) -> list[Ratings]:
    """One or more files, each of another rater."""
    if not paths:
        raise UserError("no ratings file given: export one from the page")
    raters: dict[str, Ratings] = {}
    for path in paths:
        ratings = read_ratings(path, digest, count)
        other = raters.setdefault(ratings.rater.casefold(), ratings)
        if other is not ratings:
            raise UserError(f"{path}: rater {ratings.rater!r} has rated already, in {other.path}; one file per rater")
    return list(raters.values())


def read_automatic(path: Path) -> dict[str, bool]:
    """Clip id -> abnormal, from a CSV with the columns clip and abnormal (0 or 1); further columns are left alone."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not readable CSV ({error})") from None
    verdicts: dict[str, bool] = {}
    for row in rows:
        if row.get("clip") is None or row.get("abnormal") is None:
            raise UserError(f"{path}: a row without the columns clip and abnormal: {dict(row)!r:.80}")
        if row["clip"] in verdicts:
            raise UserError(f"{path}: two rows for clip {row['clip']!r}")
        if row["abnormal"] not in ("0", "1"):
            raise UserError(f"{path}: clip {row['clip']!r}: abnormal must be 0 or 1, got {row['abnormal']!r}")
        verdicts[row["clip"]] = row["abnormal"] == "1"
    return verdicts
