"""What is declared beside a setting: the range of a number, the choices of a name, another way to write a value.

The parser (words.py) and the settings' own checks read it from here; `--help` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from physlaw.errors import UserError, unknown

LARGEST = 2**31 - 1  # of a whole number that declares no other limit
MOST_FRAMES, MOST_CLIPS, MOST_WORKERS = 10_000, 1_000_000, 1024  # of one clip, in one batch, at once
LARGEST_SEED = 2**63 - 1  # what tables and generators hold


@dataclass(frozen=True)
class Range:
    """The finite numbers between these; None: no limit, LARGEST for whole numbers."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least} to {self.at_most}"
        limits = [f"{name.replace('_', ' ')} {value}" for name, value in vars(self).items() if value is not None]
        return " and ".join("positive" if limit == "above 0" else limit for limit in limits) or "a finite number"

    def check(self, key: str, value: Any) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{key} must be a finite number, got {value}")
        inside = (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )
        if not inside:
            raise UserError(f"{key} must be {self}, got {value}")
        if isinstance(value, int) and self.at_most is None and self.below is None and value > LARGEST:
            raise UserError(f"{key} must be at most {LARGEST}, got {value}")


@dataclass(frozen=True)
class OneOf:
    """One of some names."""

    valid: tuple[str, ...]

    def __str__(self) -> str:
        return "|".join(self.valid)

    def check(self, key: str, value: Any) -> None:
        if value not in self.valid:
            raise unknown(key, value, self.valid)


def ranged(
    default: Any,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    reader: Callable[[str, str], Any] | None = None,
) -> Any:
    """A field that holds a number, or a tuple of numbers, within these limits.

    Args:
        reader: (key, text) -> value, where the number is not written as digits.
    """
    metadata = {"rule": Range(at_least, above, at_most, below), "reader": reader}
    return field(default=default, metadata=metadata)


def random_seed(default: Any = 0) -> Any:
    """A field that holds a seed of random numbers, or several."""
    return ranged(default, at_least=0, at_most=LARGEST_SEED)


def choice(default: Any, valid: Any) -> Any:
    """A field that holds one of some names."""
    return field(default=default, metadata={"rule": OneOf(tuple(valid))})


def check(settings: Any, prefix: str = "") -> None:
    """Raises UserError for a value outside what its field declares; names the key, with its section's prefix.

    The parser checks by itself; this is for settings that are made by hand.
    """
    for item in fields(settings):
        check_value(item, prefix + item.name, getattr(settings, item.name))


def check_value(item: Any, key: str, value: Any) -> None:
    """The same for one field's value."""
    rule = item.metadata.get("rule")
    if rule is not None:
        for name, leaf in _leaves(key, value):
            rule.check(name, leaf)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(key, value) of every value in tuples and mappings; None is a value of nothing."""
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _leaves(key, item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}", item)
    elif value is not None:
        yield key, value
