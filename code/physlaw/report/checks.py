"""From estimates with intervals to a verdict: parts with bounds, gates, seeds, and what would have been found.

A check is made of parts: one number each, which must lie beyond a bound. *Not supported*: some part lies wholly on the
wrong side of the smallest effect that counts (of the bound, where none is named). Else *supported* if every part lies
wholly beyond its bound, else *inconclusive*. What a model does outside training says nothing unless it can do what it
was trained on (gates), and one or two seeds decide nothing; agents are functions, so neither is asked of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from physlaw.intervals import student, student_at

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_RUN = "supported", "not supported", "inconclusive", "not run"
WEAKENED, NOT_APPLICABLE = "not supported (weakened)", "not applicable"
# Beside the word, so that no verdict hangs on colour.
MARKS = {SUPPORTED: "✓", NOT_SUPPORTED: "✗", WEAKENED: "✗", INCONCLUSIVE: "?", NOT_APPLICABLE: "–", NOT_RUN: "○"}
FEWEST_SEEDS = 3
POWER = 0.8
CLIPS = math.inf  # degrees of freedom of an interval over clips


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval (NaN: none). seeds: how many it rests on; 1: its interval is over clips.
    freedom: degrees of freedom of the interval, CLIPS for one over clips."""

    value: float
    low: float
    high: float
    seeds: int
    freedom: float = CLIPS

    def text(self, digits: int = 2, sign: str = "") -> str:
        """Value and interval; sign "+" shows it."""
        shown = f"{self.value:{sign}.{digits}f}"
        if math.isnan(self.low):
            return f"{shown} [no interval]"
        return f"{shown} [{self.low:{sign}.{digits}f}, {self.high:{sign}.{digits}f}]"

    def map(self, function: Callable[[float], float]) -> Estimate:
        """Of an increasing function of the number."""
        return Estimate(function(self.value), function(self.low), function(self.high), self.seeds, self.freedom)

    def minus(self, other: Estimate) -> Estimate:
        """The difference of two that are independent. Over seeds variances add, degrees of freedom by Welch and
        Satterthwaite; over clips the distances to the ends do, the lower side's to the other's upper, since shares near
        0 and 1 have lopsided intervals.

        Source: Welch, Biometrika 34 (1947); Newcombe, Stat. Med. 17 (1998) 873, method 10; Zou, Donner, Stat. Med. 27
        (2008).
        """
        if math.isinf(self.freedom) and math.isinf(other.freedom):
            value = self.value - other.value
            down = math.hypot(self.value - self.low, other.high - other.value)
            up = math.hypot(self.high - self.value, other.value - other.low)
            return Estimate(value, value - down, value + up, min(self.seeds, other.seeds))
        parts = [(one.half / student_at(one.freedom)) ** 2 for one in (self, other)]
        total = sum(parts)
        weights = [p**2 / n for p, n in zip(parts, (self.freedom, other.freedom), strict=True)]
        freedom = total**2 / sum(weights) if sum(weights) else CLIPS
        half, value = student_at(freedom) * math.sqrt(total), self.value - other.value
        return Estimate(value, value - half, value + half, min(self.seeds, other.seeds), freedom)

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2

    @property
    def detectable(self) -> float:
        """The smallest distance from a bound that would have been found with POWER, at this spread and number of
        seeds: (t at 97.5 % + t at 80 %) standard errors."""
        return self.half * (1 + student_at(self.freedom, POWER) / student_at(self.freedom))

    @property
    def basis(self) -> str:
        """What the interval is taken over."""
        return "over clips" if math.isinf(self.freedom) else f"over {self.seeds} seeds"


def over_seeds(rows: pd.DataFrame) -> Estimate:
    """The mean of values by seed with Student's t interval; of one seed, its own interval over clips.

    Args:
        rows: columns seed, value, low, high; at least one row.
    """
    values = rows["value"]
    if len(values) == 1:
        row = rows.iloc[0]
        return Estimate(float(row["value"]), float(row["low"]), float(row["high"]), 1)
    mean, count = float(values.mean()), len(values)
    half = student(count - 1) * float(values.std(ddof=1)) / math.sqrt(count)
    return Estimate(mean, mean - half, mean + half, count, count - 1)


def paired(before: pd.DataFrame, after: pd.DataFrame) -> Estimate:
    """After minus before of two cells scored on the same clips, seed by seed; of fewer than two common seeds, the
    difference of both as independent ones.

    Args:
        before, after: as for over_seeds.
    """
    both = before.merge(after, on="seed", suffixes=("_before", "_after"))
    if len(both) < 2:
        return over_seeds(after).minus(over_seeds(before))
    changes = both["value_after"] - both["value_before"]
    empty = [math.nan] * len(both)
    return over_seeds(pd.DataFrame({"seed": both["seed"], "value": changes, "low": empty, "high": empty}))


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates. Over seeds, their variances are taken as one: of K with n seeds each,
    K (n - 1) degrees of freedom; adding quantiles in quadrature would be up to twice too wide.

    Raises:
        ValueError: there are none.
    """
    if not estimates:
        raise ValueError("the mean of no estimates")
    count = len(estimates)
    value = sum(one.value for one in estimates) / count
    variance = sum((one.half / student_at(one.freedom)) ** 2 for one in estimates) / count**2
    freedom = sum(one.freedom for one in estimates)
    half = student_at(freedom) * math.sqrt(variance)
    return Estimate(value, value - half, value + half, min(one.seeds for one in estimates), freedom)


@dataclass(frozen=True)
class Part:
    """One number of a check, which must lie beyond its bound.

    above: whether beyond means above. smallest: the smallest effect that counts, on the right side of the bound; an
    interval that excludes it speaks against the claim. meets: an interval that ends at the bound is beyond it. exempt:
    three seeds are not asked (a fit over a grid with enough residual degrees of freedom). point: for the claim the
    value alone must be beyond the bound; against it, as ever, the whole interval.
    """

    name: str
    estimate: Estimate
    bound: float
    above: bool = True
    smallest: float | None = None
    meets: bool = False
    exempt: bool = False
    digits: int = 2
    point: bool = False

    @property
    def margin(self) -> float:
        """How far the interval's nearer end (the value, of a point) lies beyond the bound; negative: not beyond."""
        if self.point:
            return self.estimate.value - self.bound if self.above else self.bound - self.estimate.value
        return self.estimate.low - self.bound if self.above else self.bound - self.estimate.high

    @property
    def holds(self) -> bool:
        """The whole interval is beyond the bound."""
        return self.margin >= 0 if self.meets else self.margin > 0

    @property
    def fails(self) -> bool:
        """The interval excludes every effect that counts; also one that lies beyond the bound, but not far enough."""
        limit = self.bound if self.smallest is None else self.smallest
        short = limit - self.estimate.high if self.above else self.estimate.low - limit
        tie = not self.meets and self.smallest is None
        return short >= 0 if tie else short > 0

    @property
    def threshold(self) -> str:
        """The bound in words."""
        return f"{'lower' if self.above else 'upper'} bound {'>' if self.above else '<'} {self.bound:g}"

    @property
    def limit(self) -> float:
        """The bound; of a part that can only fail, the smallest effect that counts."""
        return self.bound if math.isfinite(self.bound) or self.smallest is None else self.smallest

    def text(self) -> str:
        """Name, estimate, bound."""
        return f"{self.name} {self.estimate.text(self.digits)} ({'>' if self.above else '<'} {self.limit:g})"


@dataclass(frozen=True)
class Gate:
    """Something that a model must be able to do before its failures elsewhere say anything."""

    name: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and the number that decided it (NaN without any). power: what would have been found. part: what
    that number is; seeds: how many it rests on; bound: what it was held to."""

    verdict: str
    reason: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    power: str = ""
    part: str = ""
    seeds: int = 0
    bound: float = math.nan


def judge(parts: Iterable[Part], gates: Iterable[Gate] = (), *, agent: bool = False) -> Judgement:
    """The verdict that follows.

    Args:
        parts: all that the check needs; none: NOT_RUN.
        gates: of the models that are compared.
        agent: the parts are of an agent: a function of the scene, for which gates and seeds are not asked.
    """
    every = list(parts)
    if not every:
        return Judgement(NOT_RUN, "nothing to compare")
    decisive = _decisive(every)
    one = decisive.estimate
    numbers = (one.value, one.low, one.high, _power(every), decisive.name, one.seeds, decisive.limit)
    shut = [gate for gate in gates if not gate.passed]
    if shut and not agent:
        texts = "; ".join(f"{gate.name} {gate.found}" for gate in shut)
        return Judgement(INCONCLUSIVE, f"fails where trained: {texts}", *numbers)
    verdict, reason = _outcome(every, decisive)
    seeds = min((part.estimate.seeds for part in every if not part.exempt), default=FEWEST_SEEDS)
    if seeds < FEWEST_SEEDS and not agent:
        says = {SUPPORTED: "for", NOT_SUPPORTED: "against"}.get(verdict, "open")
        return Judgement(INCONCLUSIVE, f"{seeds} seed{'s' if seeds > 1 else ''}: {says}; {reason}", *numbers)
    return Judgement(verdict, reason, *numbers)


def _decisive(parts: list[Part]) -> Part:
    """The part that speaks most clearly against the claim; where none does, the one that is nearest to its bound."""
    failed = [part for part in parts if part.fails]
    return min(failed or parts, key=lambda part: _relative(part))


def _relative(part: Part) -> float:
    """The margin in half widths of the interval; a part without an interval comes first."""
    if math.isnan(part.margin):
        return -math.inf
    return part.margin / part.estimate.half if part.estimate.half else math.copysign(math.inf, part.margin)


def _outcome(parts: list[Part], decisive: Part) -> tuple[str, str]:
    if any(part.fails for part in parts):
        return NOT_SUPPORTED, decisive.text()
    if all(part.holds for part in parts):
        return SUPPORTED, f"every part holds; nearest to its bound: {decisive.text()}"
    return INCONCLUSIVE, "crosses: " + "; ".join(part.text() for part in parts if not part.holds)


def _power(parts: list[Part]) -> str:
    """Of every part, the distance from its bound that would have been found."""
    known = [(part, part.estimate.detectable) for part in parts if math.isfinite(part.estimate.detectable)]
    return "; ".join(f"{part.name} {distance:.2g}" for part, distance in known)
