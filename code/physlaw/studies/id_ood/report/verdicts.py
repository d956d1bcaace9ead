"""Claims C1 to C4, decided from metrics.csv alone.

C1 and C3 need slopes (report.scaling) of every scenario that has them. A run whose excess error is not positive has no
logarithm: it is named and left out. Leaving out the best runs makes slopes flatter, which speaks against C1 and, as the
gap shrinks, against C3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from physlaw.report.acceptance import LIMIT, PAPER
from physlaw.report.checks import (
    CLIPS,
    FEWEST_SEEDS,
    NOT_APPLICABLE,
    NOT_RUN,
    Estimate,
    Judgement,
    Part,
    judge,
    over_seeds,
    pooled,
)
from physlaw.report.compared import is_agent, lacking, trained, trained_gates
from physlaw.report.scaling import AXES, METHOD, Fit
from physlaw.report.verdicts import Difference, Verdict, verdict_of
from physlaw.studies.id_ood import study
from physlaw.studies.id_ood.report.fits import (
    WORDS,
    ScenarioFits,
    axis_text,
    of_regime,
    runs_table,
    scenario_fits,
    sides_of,
)
from physlaw.studies.id_ood.study import (
    FEWEST_FREE,
    ID_EFFECT,
    LOSSLESS,
    OOD_FALL,
    PAPER_ID_SLOPES,
    PAPER_OOD_SLOPES,
    PAPER_RATIOS,
    RATIO,
)

NOTHING: Mapping[str, pd.DataFrame] = MappingProxyType({})


def verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame] = NOTHING) -> list[Verdict]:
    """The study's claims in their order, each with what every scenario says.

    Args:
        metrics: the rows of a metrics.csv.
        others: of other studies; these claims need none.
    """
    metrics = trained(metrics)
    fits = scenario_fits(metrics)
    return [_falls(metrics, fits), _ratios(metrics), _gap(metrics, fits), _tokenizer(metrics)]


def _verdict(
    metrics: pd.DataFrame, claim: str, found: list[str], threshold: str, judged: Judgement, intervals: str, paper: str
) -> Verdict:
    return verdict_of(metrics, study, claim, judged, "; ".join(found), threshold, intervals, paper)


def _slope_parts(one: ScenarioFits, fit: Fit, **how: float | bool | None) -> list[Part]:
    """A part per slope of a fit. Seeds are not asked of a grid with enough residual degrees of freedom."""
    free = fit.runs - len(fit.slopes) - 1
    return [
        Part(f"{one.scenario}, {WORDS[axis]}", _estimate(slope, free), 0.0, exempt=free >= FEWEST_FREE, **how)  # type: ignore[arg-type]
        for axis, slope in fit.slopes.items()
    ]


def _estimate(slope: Difference, free: int) -> Estimate:
    return Estimate(slope.value, slope.low, slope.high, slope.seeds, max(free, 1))


def _described(one: ScenarioFits, fit: Fit) -> str:
    halves = ", ".join(f"{WORDS[axis]} {axis_text(fit, axis)}" for axis in AXES)
    notes = f", {one.notes()}" if one.notes() else ""
    return f"{one.scenario}: {halves}, runs: {fit.runs}{notes}"


def _falls(metrics: pd.DataFrame, fits: list[ScenarioFits]) -> Verdict:
    """C1: every slope of the excess ID error falls. A scenario with one model is judged on data alone."""
    parts = [part for one in fits for part in _slope_parts(one, one.inside, above=False, smallest=ID_EFFECT)]
    found = [_described(one, one.inside) for one in fits]
    alone = [one.scenario for one in fits if one.inside.slopes and len(one.inside.slopes) < len(AXES)]
    found += [f"judged on one axis alone: {', '.join(alone)}"] if alone else []
    threshold = f"every slope's upper 95 % bound < 0; not supported: a slope of {ID_EFFECT:g} or less is excluded"
    judged = judge(parts, agent=is_agent(metrics))
    paper = f"ID slopes: {_paper_slopes(PAPER_ID_SLOPES)}"
    return _verdict(metrics, "C1", found, threshold, judged, METHOD if parts else "", paper)


def _ratios(metrics: pd.DataFrame) -> Verdict:
    """C2: OOD over ID, per scenario; the geometric mean over its cells."""
    threshold = f"every scenario's lower 95 % bound >= {RATIO:g}; not supported: an upper bound < {RATIO:g}"
    paper = ", ".join(f"{scenario} {value:g}" for scenario, value in PAPER_RATIOS.items())
    chosen = of_regime(metrics)
    parts, found, bases, lost = [], [], [], 0
    for one in scenario_fits(metrics):
        runs = runs_table(chosen[chosen["scenario"] == one.scenario], one.error)
        known = runs[runs["ratio"].notna() & (runs["ratio"] > 0)]
        lost += len(runs) - len(known)
        if known.empty:
            continue
        ratio, exempt = _log_ratio(known)
        shown = ratio.map(math.exp)
        parts.append(Part(one.scenario, shown, RATIO, meets=True, exempt=exempt, digits=1))
        means = np.log(known["ratio"]).groupby([known["model"], known["size"]], sort=False).mean()
        cells = ", ".join(f"{m} {s} {math.exp(v):.1f}" for (m, s), v in means.items())
        found.append(f"{one.scenario}: {shown.text(1)} ({cells})")
        bases.append(f"{one.scenario} {ratio.basis if not exempt else f'over {len(means)} cells'}")
    found += [f"{lost} runs without an error left out"] if lost else []
    gates = trained_gates(chosen, sides_of(chosen, ("id",)), reversible=False)
    judged = judge(parts, gates, agent=is_agent(metrics))
    return _verdict(metrics, "C2", found or ["no run has both errors"], threshold, judged, ", ".join(bases), paper)


def _log_ratio(runs: pd.DataFrame) -> tuple[Estimate, bool]:
    """Mean of log(OOD / ID) over cells, and whether seeds are not asked for. With three seeds or more, the cells are
    what they are and seeds vary; with fewer, in a grid with enough cells, these are what varies; else seeds or clips.
    """
    logs = np.log(runs["ratio"])
    keys = [runs["model"], runs["size"]]
    seeds = runs.groupby(keys)["seed"].nunique()
    free = len(seeds) - 1
    if seeds.min() < FEWEST_SEEDS and free >= FEWEST_FREE:
        means = logs.groupby(keys).mean().to_numpy()
        found = over_seeds(pd.DataFrame({"seed": range(len(means)), "value": means, "low": np.nan, "high": np.nan}))
        return Estimate(found.value, found.low, found.high, int(seeds.min()), free), True
    return pooled([_of_cell(part) for _, part in runs.groupby(keys)]), False


def _of_cell(runs: pd.DataFrame) -> Estimate:
    """log(OOD / ID) of one cell over its seeds; of one seed, over its clips, both sides in quadrature."""
    if len(runs) > 1:
        empty = [math.nan] * len(runs)
        logs = np.log(runs["ratio"])
        return over_seeds(pd.DataFrame({"seed": runs["seed"], "value": logs, "low": empty, "high": empty}))
    row, value = runs.iloc[0], float(np.log(runs["ratio"]).iloc[0])
    down = math.hypot(math.log(row["ood"] / row["ood_low"]), math.log(row["id_high"] / row["id"]))
    up = math.hypot(math.log(row["ood_high"] / row["ood"]), math.log(row["id"] / row["id_low"]))
    return Estimate(value, value - down, value + up, 1, CLIPS)


def _gap(metrics: pd.DataFrame, fits: list[ScenarioFits]) -> Verdict:
    """C3: the OOD error falls less than the ID error, and does not fall itself."""
    parts, found = [], []
    for one in fits:
        parts += _slope_parts(one, one.gap)
        for part in _slope_parts(one, one.outside):  # has only to be above what counts as falling
            name = f"{part.name}, OOD itself"
            parts.append(Part(name, part.estimate, -math.inf, smallest=OOD_FALL, exempt=part.exempt))
        itself = ", ".join(f"{WORDS[axis]} {axis_text(one.outside, axis)}" for axis in AXES)
        kinds = [f"{study.KINDS[kind]} {_both(fit)}" for kind, fit in one.kinds.items() if fit.slopes]
        found.append(f"{_described(one, one.gap)}; OOD itself {itself}" + (f" ({', '.join(kinds)})" if kinds else ""))
    threshold = (
        "OOD slope minus ID slope: every lower 95 % bound > 0; not supported also: an OOD slope's upper bound < "
        f"{OOD_FALL:g}"
    )
    ours, theirs = _paper_slopes(PAPER_OOD_SLOPES), _paper_slopes(PAPER_ID_SLOPES)
    chosen = of_regime(metrics)
    gates = trained_gates(chosen, sides_of(chosen, ("id",)), reversible=False)
    judged = judge(parts, gates, agent=is_agent(metrics))
    paper = f"OOD slopes: {ours}; against ID slopes: {theirs}"
    return _verdict(metrics, "C3", found, threshold, judged, METHOD if parts else "", paper)


def _both(fit: Fit) -> str:
    return " / ".join(f"{fit.slopes[axis].value:+.2f}" for axis in AXES if axis in fit.slopes)


def _tokenizer(metrics: pd.DataFrame) -> Verdict:
    """C4: what the VAE alone costs, per scenario, paired by clip. Its limit is for 128 x 128 clips."""
    threshold = f"every scenario's upper 95 % bound <= {LIMIT:g}, at {study.TOKENIZER_SIDE} x {study.TOKENIZER_SIDE}"
    paper = ", ".join(f"{name} {b - a:.4f} ({a:.4f} to {b:.4f})" for name, (a, b) in PAPER.items())
    finished = metrics[metrics["kind"] != "missing"]
    learned = finished[~finished.get("tokenizer", pd.Series(LOSSLESS[0], finished.index)).isin(LOSSLESS)]
    if learned.empty:
        why = "the pixel tokenizer is lossless; no VAE at this scale" if len(finished) else "no run has finished"
        word = NOT_APPLICABLE if len(finished) else NOT_RUN
        return _verdict(metrics, "C4", [why], threshold, Judgement(word, why), "", paper)
    sides = set(learned["resolution"]) - {study.TOKENIZER_SIDE}
    if sides:
        why = f"clips of {', '.join(f'{side:.0f}' for side in sorted(sides))} pixels; the limit is for 128"
        return _verdict(metrics, "C4", [why], threshold, Judgement(NOT_APPLICABLE, why), "", paper)
    if why := lacking(learned, [study.COST]):
        return _verdict(metrics, "C4", [why], threshold, Judgement(NOT_RUN, why), "", paper)
    parts, found = [], [f"cells: {learned['cell'].nunique()}, tokenizers: {learned['tokenizer_digest'].nunique()}"]
    rows = learned[(learned["group"] == "id") & learned[study.COST].notna()]
    for scenario, part in rows.drop_duplicates(["scenario", "tokenizer_digest"]).groupby("scenario", sort=False):
        row = part.iloc[0]
        low, high = (float(row.get(f"{study.COST}_{end}", math.nan)) for end in ("low", "high"))
        cost = Estimate(float(row[study.COST]), low, high, seeds=1)
        found.append(f"{scenario} {cost.text(4, '+')}")
        # One VAE serves every cell; its clips are what varies.
        parts.append(Part(str(scenario), cost, LIMIT, above=False, meets=True, exempt=True, digits=4))
    judged = judge(parts, agent=is_agent(metrics))
    return _verdict(metrics, "C4", found, threshold, judged, "over clips, paired" if parts else "", paper)


def _paper_slopes(slopes: Mapping[str, tuple[float, float]]) -> str:
    return ", ".join(f"{name} data {d:+.2f} parameters {p:+.2f}" for name, (d, p) in slopes.items())
