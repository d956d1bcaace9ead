"""Verdicts on claims: differences between cells with their intervals, and what follows from them.

What a claim compares is its study's business (its report's); everything comes from metrics.csv.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from types import ModuleType

import pandas as pd

from physlaw.intervals import student
from physlaw.report.checks import INCONCLUSIVE, NOT_RUN, NOT_SUPPORTED, SUPPORTED, Judgement
from physlaw.report.tables import Table

FILE = "verdicts.csv"


@dataclass(frozen=True)
class Verdict:
    """One claim: the check in words, what was found, and beside it what the paper has; why it is decided so, what would
    have been found (report.checks), the number that decided it with its interval, and all of it as a sentence."""

    claim: str
    verdict: str  # SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE or NOT_RUN
    check: str
    found: str  # the values with their intervals
    threshold: str
    intervals: str  # what they are taken over
    paper: str
    command: str
    reason: str = ""
    power: str = ""
    value: float = math.nan  # the number that decided it, with its interval
    low: float = math.nan
    high: float = math.nan
    part: str = ""  # what that number is
    seeds: int = 0  # how many it rests on
    sentence: str = ""  # report.sentences
    bound: float = math.nan  # what that number was held to


def verdict_of(
    metrics: pd.DataFrame,
    study: ModuleType,
    claim: str,
    judged: Judgement,
    found: str,
    threshold: str,
    intervals: str = "",
    paper: str = "",
) -> Verdict:
    """A claim's verdict with the study's words and the command that makes its numbers."""
    first = metrics.iloc[0]
    command = f"physlaw reproduce study={first['study']} profile={first['profile']} recipe={first['recipe']}"
    words = study.CLAIMS[claim]
    texts = (words.check, found, threshold, intervals, paper or words.paper, command)
    numbers = (judged.value, judged.low, judged.high)
    one = Verdict(claim, judged.verdict, *texts, judged.reason, judged.power, *numbers)
    return replace(one, part=judged.part, seeds=judged.seeds, bound=judged.bound)


@dataclass(frozen=True)
class Difference:
    """After minus before, with its 95 % interval (NaN: none). seeds: the fewer of both sides; 1: over clips."""

    value: float
    low: float
    high: float
    seeds: int

    @property
    def basis(self) -> str:
        return "over clips of one seed" if self.seeds < 2 else f"over {self.seeds} seeds"

    def negated(self) -> Difference:
        return Difference(-self.value, -self.high, -self.low, self.seeds)

    def text(self, digits: int) -> str:
        """Value and interval, signed."""
        value = f"{self.value:+.{digits}f}"
        if math.isnan(self.low):
            return f"{value} [no interval]"
        return f"{value} [{self.low:+.{digits}f}, {self.high:+.{digits}f}]"


def difference(before: pd.DataFrame, after: pd.DataFrame) -> Difference:
    """Between two cells' values of one measure.

    With two seeds or more on both sides: between the seeds' means, by Welch's t interval. Otherwise from the intervals
    over clips that the values of one seed, a common one where there is one, have themselves: their distances to the
    value add in quadrature, the lower side's to the other's upper (for symmetric intervals that is the quadrature of
    the standard errors; shares near 0 and 1 have others).

    Args:
        before, after: a row per seed, columns seed, value, low, high; at least one row each.
    Source: Welch, Biometrika 34 (1947); Newcombe, Stat. Med. 17 (1998) 873, method 10; Zou, Donner, Stat. Med. 27
        (2008).
    """
    seeds = min(len(before), len(after))
    if seeds > 1:
        value = float(after["value"].mean() - before["value"].mean())
        parts = [(float(rows["value"].var()) / len(rows), len(rows) - 1) for rows in (before, after)]
        variance = sum(part for part, _ in parts)
        freedom = variance**2 / sum(part**2 / n for part, n in parts) if variance else 1.0
        half = student(freedom) * math.sqrt(variance)
        return Difference(value, value - half, value + half, seeds)
    common = set(before["seed"]) & set(after["seed"])
    seed_of = [min(common) if common else rows["seed"].min() for rows in (before, after)]
    a, b = (rows[rows["seed"] == seed].iloc[0] for rows, seed in zip((before, after), seed_of, strict=True))
    value = float(b["value"] - a["value"])
    down = math.hypot(b["value"] - b["low"], a["high"] - a["value"])
    up = math.hypot(b["high"] - b["value"], a["value"] - a["low"])
    return Difference(value, value - down, value + up, 1)


def logarithms(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `difference` with logarithms of positive values, so that a difference is that of a log ratio; rows
    that are not positive are left out, an end of an interval that is not has none."""
    rows = rows[rows["value"] > 0]
    ends = {name: [math.log(x) if x > 0 else math.nan for x in rows[name]] for name in ("value", "low", "high")}
    return rows.assign(**ends)


def decide(improvements: Iterable[Difference]) -> str:
    """Differences that should be positive: SUPPORTED where all are beyond their interval, NOT_SUPPORTED where one is
    negative beyond it, else INCONCLUSIVE; NOT_RUN without any."""
    every = list(improvements)
    if not every:
        return NOT_RUN
    if any(one.high < 0 for one in every):
        return NOT_SUPPORTED
    return SUPPORTED if all(one.low > 0 for one in every) else INCONCLUSIVE


def basis(differences: Iterable[Difference]) -> str:
    """What the intervals of these are taken over, in words."""
    return "; ".join(dict.fromkeys(one.basis for one in differences))


def verdict_table(verdicts: list[Verdict]) -> Table:
    """Header and rows as text, without why and with what power."""
    names = [item.name for item in fields(Verdict)][:8]
    return names, [[str(getattr(one, name)) for name in names] for one in verdicts]


def _text(value: str | int | float) -> str:
    """A number that nobody knows is left blank."""
    return str(value) if isinstance(value, str | int) else f"{value:.6g}" if math.isfinite(value) else ""


def verdict_csv(verdicts: list[Verdict]) -> str:
    """All that is known of each, as CSV."""
    rows = [[_text(value) for value in astuple(one)] for one in verdicts]
    header = [item.name for item in fields(Verdict)]
    return pd.DataFrame(rows, columns=header).to_csv(index=False, lineterminator="\n")
