"""Claims C5, C6, C7 and C15, decided from metrics.csv, and of one seed from the clips beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import pandas as pd

from physlaw.metric import HIGHER
from physlaw.report.checks import INCONCLUSIVE, NOT_RUN, Gate, Judgement, Part, judge, over_seeds, paired
from physlaw.report.compared import is_agent, lacking, trained
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.combinatorial import study
from physlaw.studies.combinatorial.ambiguity import ALL
from physlaw.studies.combinatorial.measures import RETRIEVED
from physlaw.studies.combinatorial.report.gains import Side, gain, point
from physlaw.studies.combinatorial.report.rows import (
    ABOVE,
    BELOW,
    MEASURES,
    Key,
    families,
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
    FEWEST_SCENES,
    IN_TEMPLATE,
    IN_TEMPLATE_QUALITY,
    OUT_OF_TEMPLATE,
    PAPER,
    PAPER_MODELS,
    RIGHT,
    SETS,
    SHOWN_ONLY,
    TEMPLATES,
    TRAINED_LEAST,
    WORSE,
    common_name,
)

NOTHING: Mapping[str, pd.DataFrame] = MappingProxyType({})
Figures = Mapping[str, tuple[float, float]]  # measure -> in template, out of template
LARGER, SMALLER = PAPER_MODELS
LEAST, MOST = TEMPLATES[0], TEMPLATES[-1]
COUNTED = tuple(name for name in MEASURES if name not in SHOWN_ONLY)
OLD = "to be run again: stored before"


def verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame] = NOTHING) -> list[Verdict]:
    """One per claim of the study."""
    metrics = trained(metrics)
    return [_more_templates(metrics), _in_template(metrics), _smaller_model(metrics), _ambiguity(metrics)]


def paper_judgements() -> dict[str, Judgement]:
    """What the checks of C5 and C7 say of the paper's own figures: point estimates, as if of enough seeds. It has no
    nearest case. The paper's in-template sets differ (C6), and it scores no ambiguous scenes (C15)."""
    by_size = [PAPER[LARGER, size] for size in TEMPLATES]
    pairs = [(by_size[0], by_size[-1], ""), *((a, b, " step") for a, b in pairwise(by_size))]
    more = [part for before, after, name in pairs for part in _paper_parts(before, after, name)]
    fewer = _paper_parts(PAPER[SMALLER, MOST], PAPER[LARGER, MOST], "")
    return {"C5": judge(more, agent=True), "C7": judge(fewer, agent=True)}


def _paper_parts(before: Figures, after: Figures, name: str) -> list[Part]:
    side, parts = SETS.index(OUT_OF_TEMPLATE), []
    for measure in (metric_of(one) for one in COUNTED if one in before):
        change = after[measure.name][side] - before[measure.name][side]
        parts.append(Part(measure.header + name, point(change if measure.better == HIGHER else -change), 0.0))
    return parts


def _not_run(metrics: pd.DataFrame, claim: str, why: str, paper: str = "") -> Verdict:
    return verdict_of(metrics, study, claim, Judgement(NOT_RUN, why), why, CLAIMS[claim].threshold, "", paper)


def _judged(
    metrics: pd.DataFrame, claim: str, parts: list[Part], gates: list[Gate], found: list[str], paper: str = ""
) -> Verdict:
    judged = judge(parts, gates, agent=is_agent(metrics))
    basis = "; ".join(dict.fromkeys(part.estimate.basis for part in parts))
    return verdict_of(metrics, study, claim, judged, "; ".join(found), CLAIMS[claim].threshold, basis, paper)


def _unfinished(metrics: pd.DataFrame, keys: list[Key]) -> str:
    """Which cells that a claim needs are not there; empty when all are."""
    missing = [f"{model}, {size} templates" for model, size in keys if not seeds_of(metrics, (model, size))[1]]
    return f"not finished: {'; '.join(missing)}" if missing else ""


def _absent(there: list[str], asked: tuple[str, ...]) -> list[str]:
    headers = [metric_of(name).header for name in asked if name not in there]
    return [f"no value: {', '.join(headers)}"] if headers else []


def gates_of(metrics: pd.DataFrame, keys: list[Key]) -> list[Gate]:
    """What every model must do in template, means over seeds: lose no object, and draw next to nothing abnormal."""
    gates = []
    for key in keys:
        for measure, name in (("matched", "objects matched"), ("abnormal", "normal clips")):
            values = known_values(metrics, key, IN_TEMPLATE, measure)["value"]
            if len(values):
                share = float(values.mean()) if measure == "matched" else 1 - float(values.mean())
                found = f"{share:.3f} (>= {TRAINED_LEAST:g})"
                gates.append(Gate(f"{', '.join(key)} templates: {name} in template", share >= TRAINED_LEAST, found))
    return gates


def _part(
    metrics: pd.DataFrame, measure: str, sides: tuple[Side, Side], name: str, beyond: bool = False, step: bool = False
) -> Part | None:
    found = gain(metrics, measure, *sides, beyond=beyond)
    if found is None:
        return None
    metric = metric_of(measure)
    return Part(f"{metric.header} {name}", found, 0.0, meets=step, point=step, digits=metric.digits + 1)


def _texts(parts: list[Part]) -> list[str]:
    return [f"{part.name} {part.estimate.text(part.digits, '+')}" for part in parts]


def _more_templates(metrics: pd.DataFrame) -> Verdict:
    """C5: from the fewest templates to the most better out of template, by more than the nearest case gains from them;
    the steps between in the same direction."""
    main, paper = main_model(metrics), _paper_by_templates(OUT_OF_TEMPLATE)
    if main is None:
        return _not_run(metrics, "C5", _no_main(), paper)
    keys = [(main, size) for size in TEMPLATES]
    if why := _unfinished(metrics, keys) or lacking(metrics, [f"{RETRIEVED}_ssim"]):
        return _not_run(metrics, "C5", why, paper)
    sides = [Side(key, OUT_OF_TEMPLATE) for key in keys]
    parts: list[Part] = []
    there = []
    for measure in COUNTED:
        asked = [((sides[0], sides[-1]), f"{LEAST} to {MOST}", beyond, False) for beyond in (False, True)]
        asked += [((a, b), f"{a.key[1]} to {b.key[1]}, step", False, True) for a, b in pairwise(sides)]
        known = [
            _part(metrics, measure, pair, f"{name}{', beyond the nearest case' if beyond else ''}", beyond, step)
            for pair, name, beyond, step in asked
        ]
        found = [part for part in known if part is not None]
        if len(found) == len(asked):
            parts += found
            there.append(measure)
    texts = [f"{main}, out of template, better by", *_texts(parts), *_absent(there, COUNTED)]
    return _judged(metrics, "C5", parts, gates_of(metrics, keys), texts, paper)


def _in_template(metrics: pd.DataFrame) -> Verdict:
    """C6: on the templates that two training sets have in common the fewest templates are better, by every measure. Its
    outcome is what was trained, so that it has no gate."""
    paper, main = _paper_by_templates(IN_TEMPLATE, IN_TEMPLATE_QUALITY), main_model(metrics)
    if main is None:
        return _not_run(metrics, "C6", _no_main(), paper)
    if why := _unfinished(metrics, [(main, size) for size in TEMPLATES]):
        return _not_run(metrics, "C6", why, paper)
    groups = {size: common_name(size) for size in TEMPLATES[1:]}
    if not set(groups.values()) <= set(metrics["group"]):
        return _not_run(metrics, "C6", f"{OLD} the templates that training sets have in common were scored", paper)
    parts, there = [], []
    for measure in IN_TEMPLATE_QUALITY:
        known = [
            _part(metrics, measure, (Side((main, size), group), Side((main, LEAST), group)), f"{LEAST} over {size}")
            for size, group in groups.items()
        ]
        found = [part for part in known if part is not None]
        if len(found) == len(groups):
            parts += found
            there.append(measure)
    texts = [f"{main}, templates in common, better by", *_texts(parts), *_absent(there, IN_TEMPLATE_QUALITY)]
    return _judged(metrics, "C6", parts, [], texts, paper)


def _smaller_model(metrics: pd.DataFrame) -> Verdict:
    """C7: out of template the larger model is better by every measure."""
    models, paper = [m for m in ranked_models(metrics) if seeds_of(metrics, (m, MOST))[0]], _paper_models()
    if len(models) < 2:
        return _not_run(metrics, "C7", f"one model has cells of {MOST} templates, two are needed", paper)
    keys = [(models[-1], MOST), (models[0], MOST)]
    if why := _unfinished(metrics, keys):
        return _not_run(metrics, "C7", why, paper)
    smaller, larger = (Side(key, OUT_OF_TEMPLATE) for key in keys)
    known = {name: _part(metrics, name, (smaller, larger), "out of template") for name in COUNTED}
    parts = [part for part in known.values() if part is not None]
    there = [name for name, part in known.items() if part is not None]
    texts = [f"{models[-1]} to {models[0]}, {MOST} templates, better by", *_texts(parts), *_absent(there, COUNTED)]
    return _judged(metrics, "C7", parts, gates_of(metrics, keys), texts, paper)


def _ambiguity(metrics: pd.DataFrame) -> Verdict:
    """C15: in every family accuracy below a pixel is lower than from one on, where it is high. Of the model that has
    every number of templates; without one of the largest."""
    main = main_model(metrics) or ranked_models(metrics)[0]
    if why := _unfinished(metrics, [(main, MOST)]):
        return _not_run(metrics, "C15", why)
    chosen = metrics[(metrics["model"] == main) & (metrics["size"] == MOST)]
    known = [name for name in families(chosen) if name != ALL]
    if not known:
        return _not_run(metrics, "C15", f"{main}, {MOST} templates: no ambiguous clips scored")
    parts, gates, texts = [], [], [f"{main}, {MOST} templates; accuracy below a pixel, from one on, difference"]
    for family in known:
        below, above = (_accuracies(chosen, f"{family} {name}") for name in (BELOW, ABOVE))
        if min(len(below), len(above)) == 0 or min(below["clips"].min(), above["clips"].min()) < FEWEST_SCENES:
            return _not_run(metrics, "C15", f"{OLD} every family had {FEWEST_SCENES} scenes on either side of a pixel")
        change, clear = paired(above, below), over_seeds(above)
        parts.append(Part(f"{family}, accuracy below a pixel minus from one on", change, 0.0, False, WORSE))
        parts.append(Part(f"{family}, accuracy from one pixel on", clear, RIGHT, meets=True))
        gates.append(Gate(family, clear.value >= RIGHT, f"{clear.value:.3f} (>= {RIGHT:g}) from one pixel on"))
        texts.append(f"{family} {over_seeds(below).text(2)}, {clear.text(2)}, {change.text(2, '+')}")
    found = _judged(metrics, "C15", parts, gates, texts)
    reason = found.reason.replace("fails where trained", "fails where nothing is ambiguous", 1)
    return replace(found, reason=reason) if found.verdict == INCONCLUSIVE else found


def _accuracies(rows: pd.DataFrame, group: str) -> pd.DataFrame:
    chosen = rows[(rows["kind"] == AMBIGUITY) & (rows["group"] == group)]
    return read_values(chosen, metric_of("accuracy")).dropna(subset="value")


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
