"""Claims C5, C6, C7 and C15, decided from metrics.csv alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import pandas as pd

from physlaw.metric import HIGHER
from physlaw.report.checks import INCONCLUSIVE, NOT_RUN, NOT_SUPPORTED, SUPPORTED
from physlaw.report.compared import trained
from physlaw.report.verdicts import Difference, Verdict, basis, decide, difference
from physlaw.studies.combinatorial.ambiguity import ALL
from physlaw.studies.combinatorial.report.rows import (
    ABOVE,
    BELOW,
    MEASURES,
    SET_NAMES,
    Key,
    known_values,
    main_model,
    metric_of,
    ranked_models,
    read_values,
    seeds_of,
)
from physlaw.studies.combinatorial.score import AMBIGUITY
from physlaw.studies.combinatorial.study import (
    CLAIMS,
    IN_TEMPLATE,
    IN_TEMPLATE_QUALITY,
    OUT_OF_TEMPLATE,
    PAPER,
    PAPER_MODELS,
    SETS,
    SHOWN_ONLY,
    TEMPLATES,
)

NOTHING: Mapping[str, pd.DataFrame] = MappingProxyType({})
Named = tuple[str, Difference]
LARGER, SMALLER = PAPER_MODELS
MOST = TEMPLATES[-1]
CAPABLE = 0.5  # accuracy of the outcome from one pixel on that a model must be able to have
BEYOND = "every difference in the right direction, its interval beyond 0"


@dataclass(frozen=True)
class Change:
    """A measure from one cell to another that should be better."""

    measure: str
    where: str  # which cells and set, in words
    change: Difference  # as measured, whatever the direction

    @property
    def improvement(self) -> Difference:
        return self.change if metric_of(self.measure).better == HIGHER else self.change.negated()

    @property
    def name(self) -> str:
        return f"{metric_of(self.measure).header}{self.where}"

    @property
    def counts(self) -> bool:
        return self.measure not in SHOWN_ONLY

    def text(self) -> str:
        word = {SUPPORTED: "better", NOT_SUPPORTED: "worse"}.get(decide([self.improvement]), "open")
        metric = metric_of(self.measure)
        shown = self.change.text(metric.digits + 1)
        return f"{self.name} {shown} {word if self.counts else f'{word}, not counted'}"


def verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame] = NOTHING) -> list[Verdict]:
    """One per claim of the study."""
    metrics = trained(metrics)
    return [_more_templates(metrics), _in_template(metrics), _smaller_model(metrics), _ambiguity(metrics)]


# Nine arguments: the fields of a Verdict as they stand there.
def _verdict(
    metrics: pd.DataFrame,
    claim: str,
    found: str,
    threshold: str,
    verdict: str,
    intervals: str,
    paper: str,
    number: Named | None = None,
    reason: str = "",
) -> Verdict:
    """number: what decided it, positive where it is for the claim."""
    first = metrics.iloc[0]
    command = f"physlaw reproduce study={first['study']} profile={first['profile']} recipe={first['recipe']}"
    one = Verdict(claim, verdict, CLAIMS[claim].check, found, threshold, intervals, paper, command, reason)
    if number is None:
        return one
    part, change = number
    return replace(one, value=change.value, low=change.low, high=change.high, part=part, seeds=change.seeds)


def _clearest(changes: list[Named]) -> Named | None:
    """What speaks most clearly against a claim, by half widths of its interval."""
    known = [one for one in changes if one[1].high > one[1].low]
    return min(known, key=lambda one: one[1].low / (one[1].high - one[1].low), default=None)


def _unfinished(metrics: pd.DataFrame, keys: list[Key]) -> str:
    """Which cells that a claim needs are not there; empty when all are."""
    missing = [f"{model}, {size} templates" for model, size in keys if not seeds_of(metrics, (model, size))[1]]
    return f"not finished: {'; '.join(missing)}" if missing else ""


def _available(metrics: pd.DataFrame, keys: list[Key], groups: tuple[str, ...]) -> tuple[list[str], str]:
    """The measures that every cell has on these sets, and a sentence on those it has not."""
    there = [m for m in MEASURES if all(len(known_values(metrics, key, g, m)) for key in keys for g in groups)]
    absent = [metric_of(m).header for m in MEASURES if m not in there]
    return there, f"; no value: {', '.join(absent)}" if absent else ""


def _change(metrics: pd.DataFrame, measure: str, group: str, before: Key, after: Key, where: str) -> Change:
    sides = (known_values(metrics, key, group, measure) for key in (before, after))
    return Change(measure, where, difference(*sides))


def _improves(
    metrics: pd.DataFrame, claim: str, steps: list[tuple[Key, Key, str, str]], prefix: str, paper: str
) -> Verdict:
    """A claim that from `before` to `after` every available measure improves: steps (before, after, set, in words)."""
    keys = list(dict.fromkeys(key for before, after, _, _ in steps for key in (before, after)))
    groups = tuple(dict.fromkeys(group for _, _, group, _ in steps))
    if missing := _unfinished(metrics, keys):
        return _verdict(metrics, claim, missing, BEYOND, NOT_RUN, "", paper)
    there, absent = _available(metrics, keys, groups)
    changes = [
        _change(metrics, measure, group, before, after, where)
        for measure in there
        for before, after, group, where in steps
    ]
    counted = [one for one in changes if one.counts]
    decided = decide(one.improvement for one in counted)
    found = "; ".join([prefix, *(one.text() for one in changes)]) + absent
    number = _clearest([(one.name, one.improvement) for one in counted])
    return _verdict(metrics, claim, found, BEYOND, decided, basis(one.change for one in counted), paper, number)


def _more_templates(metrics: pd.DataFrame) -> Verdict:
    main, paper = main_model(metrics), _paper_by_templates(OUT_OF_TEMPLATE)
    if main is None:
        return _verdict(metrics, "C5", _no_main(), BEYOND, NOT_RUN, "", paper)
    steps = [((main, a), (main, b), OUT_OF_TEMPLATE, f" {a} to {b}") for a, b in pairwise(TEMPLATES)]
    return _improves(metrics, "C5", steps, f"{main}, out of template", paper)


def _smaller_model(metrics: pd.DataFrame) -> Verdict:
    models, paper = [m for m in ranked_models(metrics) if seeds_of(metrics, (m, MOST))[0]], _paper_models()
    if len(models) < 2:
        found = f"one model has cells of {MOST} templates, two are needed"
        return _verdict(metrics, "C7", found, BEYOND, NOT_RUN, "", paper)
    larger, smaller = models[0], models[-1]
    steps = [((smaller, MOST), (larger, MOST), group, f" {SET_NAMES[group]}") for group in SETS]
    return _improves(metrics, "C7", steps, f"{smaller} to {larger}, {MOST} templates", paper)


def _in_template(metrics: pd.DataFrame) -> Verdict:
    """SUPPORTED: 6 templates best or tied as rounded. NOT_SUPPORTED: as rounded another number is better, and beyond
    the interval of the difference."""
    threshold, paper = "none better after rounding", _paper_by_templates(IN_TEMPLATE, IN_TEMPLATE_QUALITY)
    main = main_model(metrics)
    if main is None:
        return _verdict(metrics, "C6", _no_main(), threshold, NOT_RUN, "", paper)
    keys = [(main, size) for size in TEMPLATES]
    if missing := _unfinished(metrics, keys):
        return _verdict(metrics, "C6", missing, threshold, NOT_RUN, "", paper)
    there, _ = _available(metrics, keys, (IN_TEMPLATE,))
    measures = [name for name in IN_TEMPLATE_QUALITY if name in there]
    better, differences, texts = [], [], []
    changes: list[Change] = []
    for measure in measures:
        metric = metric_of(measure)
        means = [float(known_values(metrics, key, IN_TEMPLATE, measure)["value"].mean()) for key in keys]
        shown = [f"{mean:.{metric.digits}f}" for mean in means]
        others = []
        for key, text in zip(keys[1:], shown[1:], strict=True):
            change = _change(metrics, measure, IN_TEMPLATE, keys[0], key, f" {TEMPLATES[0]} to {key[1]}")
            differences.append(change.change)
            changes.append(change)
            rise = float(text) - float(shown[0])
            if (rise if metric.better == HIGHER else -rise) > 0:
                better.append(change.improvement)
            others.append(f"{TEMPLATES[0]} to {key[1]}: {change.change.text(metric.digits + 1)}")
        texts.append(f"{metric.header} {', '.join(shown)} ({', '.join(others)})")
    if not measures:
        decided = NOT_RUN
    elif not better:
        decided = SUPPORTED
    else:
        decided = NOT_SUPPORTED if any(one.low > 0 for one in better) else INCONCLUSIVE
    absent = [metric_of(name).header for name in IN_TEMPLATE_QUALITY if name not in measures]
    found = "; ".join([f"{main}, in template, {', '.join(TEMPLATES)} templates", *texts])
    found += f"; no value: {', '.join(absent)}" if absent else ""
    most = max(changes, key=lambda one: one.improvement.low, default=None)  # speaks most for more templates
    number = (most.name, most.improvement) if most else None
    return _verdict(metrics, "C6", found, threshold, decided, basis(differences), paper, number)


def _ambiguity(metrics: pd.DataFrame) -> Verdict:
    """Only a model that is right where the margin is clear can show what ambiguity costs."""
    threshold = f"difference > 0, its interval beyond 0; open if the accuracy from one pixel on is below {CAPABLE:g}"
    paper = "examples, no figures"
    main = main_model(metrics)
    if main is None:
        return _verdict(metrics, "C15", _no_main(), threshold, NOT_RUN, "", paper)
    if missing := _unfinished(metrics, [(main, MOST)]):
        return _verdict(metrics, "C15", missing, threshold, NOT_RUN, "", paper)
    chosen = metrics[(metrics["model"] == main) & (metrics["size"] == MOST) & (metrics["kind"] == AMBIGUITY)]
    sides = (chosen[chosen["group"] == f"{ALL} {name}"] for name in (BELOW, ABOVE))
    below, above = (read_values(rows, metric_of("accuracy")).dropna(subset="value") for rows in sides)
    where = f"{main}, {MOST} templates"
    if below.empty or above.empty:
        return _verdict(metrics, "C15", f"{where}: no ambiguous clips scored", threshold, NOT_RUN, "", paper)
    change = difference(below, above)
    decided, reason = decide([change]), ""
    if float(above["high"].max()) < CAPABLE:
        decided, where = INCONCLUSIVE, f"{where}, which fails where nothing is ambiguous"
        reason = f"fails where nothing is ambiguous: accuracy {float(above['value'].mean()):.3f}"
    found = f"{where}; below one pixel {_accuracy(below)}; from one pixel on {_accuracy(above)}; " + change.text(3)
    number = ("accuracy from one pixel on minus below", change)
    return _verdict(metrics, "C15", found, threshold, decided, change.basis, paper, number, reason)


def _accuracy(rows: pd.DataFrame) -> str:
    if len(rows) > 1:
        return f"{rows['value'].mean():.3f} ({len(rows)} seeds)"
    row = rows.iloc[0]
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] of {row['clips']:.0f} clips"


def _no_main() -> str:
    return f"no model has cells of {', '.join(TEMPLATES)} templates"


def _paper_by_templates(group: str, measures: tuple[str, ...] = MEASURES) -> str:
    """The paper's larger model on one set, number of templates by number of templates."""
    known = [PAPER[LARGER, size] for size in TEMPLATES]
    parts = []
    for metric in (metric_of(name) for name in measures if name in known[0]):
        shown = (f"{figures[metric.name][SETS.index(group)]:.{metric.digits}f}" for figures in known)
        parts.append(f"{metric.header} {', '.join(shown)}")
    return "; ".join([f"{PAPER_MODELS[LARGER]}, {', '.join(TEMPLATES)} templates", *parts])


def _paper_models() -> str:
    """The paper's two models on the most templates, in / out."""
    pair = [PAPER[name, MOST] for name in (SMALLER, LARGER)]
    parts = [
        f"{metric_of(m).header} "
        + " against ".join(" / ".join(f"{v:.{metric_of(m).digits}f}" for v in figures[m]) for figures in pair)
        for m in MEASURES
        if m in pair[0]
    ]
    return "; ".join([f"{PAPER_MODELS[SMALLER]} against {PAPER_MODELS[LARGER]}, in / out", *parts])
