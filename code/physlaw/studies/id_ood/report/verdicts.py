"""Claims C1 to C4, decided from metrics.csv alone.

C1 and C3 need slopes (report.scaling) of every scenario that has them; the claim as a whole needs one scenario with
both, on data and on parameters. A run whose excess ID error is not positive has no logarithm: it is named and left out.
Leaving out the best runs makes slopes flatter, which speaks against C1 and, as the gap shrinks, against C3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from physlaw.report.acceptance import LIMIT, PAPER
from physlaw.report.metrics import trained
from physlaw.report.scaling import AXES, METHOD, Fit, mean_interval
from physlaw.report.verdicts import INCONCLUSIVE, NOT_RUN, NOT_SUPPORTED, SUPPORTED, Difference, Verdict, decide
from physlaw.studies.id_ood.report.fits import WORDS, ScenarioFits, axis_text, runs_table, scenario_fits
from physlaw.studies.id_ood.study import (
    CLAIMS,
    LOSSLESS,
    PAPER_ID_SLOPES,
    PAPER_OOD_SLOPES,
    PAPER_RATIOS,
    RATIO,
)

NOTHING: Mapping[str, pd.DataFrame] = MappingProxyType({})
FALLING = "every slope's upper 95 % bound < 0"
WIDER = "every difference's lower 95 % bound > 0"


def verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame] = NOTHING) -> list[Verdict]:
    """The study's claims in their order, each with what every scenario says.

    Args:
        metrics: the rows of a metrics.csv.
        others: of other studies; these claims need none.
    """
    metrics = trained(metrics)
    fits, runs = scenario_fits(metrics), runs_table(metrics)
    paper_id, paper_ood = _paper_slopes(PAPER_ID_SLOPES), _paper_slopes(PAPER_OOD_SLOPES)
    return [
        _slopes(metrics, "C1", fits, lambda one: one.inside, Difference.negated, FALLING, f"ID slopes: {paper_id}"),
        _ratios(metrics, runs),
        _slopes(
            metrics,
            "C3",
            fits,
            lambda one: one.gap,
            lambda slope: slope,
            WIDER,
            f"OOD slopes: {paper_ood}; against ID slopes: {paper_id}",
        ),
        _tokenizer(metrics),
    ]


def _verdict(
    metrics: pd.DataFrame, claim: str, found: list[str], threshold: str, verdict: str, intervals: str, paper: str
) -> Verdict:
    first = metrics.iloc[0]
    command = f"physlaw reproduce study={first['study']} profile={first['profile']} recipe={first['recipe']}"
    return Verdict(claim, verdict, CLAIMS[claim].check, "; ".join(found), threshold, intervals, paper, command)


def _slopes(
    metrics: pd.DataFrame,
    claim: str,
    fits: list[ScenarioFits],
    chosen: Callable[[ScenarioFits], Fit],
    improvement: Callable[[Difference], Difference],
    threshold: str,
    paper: str,
) -> Verdict:
    """A claim that every slope of the chosen fits has the right sign beyond its interval."""
    found, every, complete = [], [], False
    for one in fits:
        fit = chosen(one)
        known = [improvement(slope) for slope in fit.slopes.values()]
        halves = ", ".join(f"{WORDS[axis]} {axis_text(fit, axis)}" for axis in AXES)
        notes = f", {one.notes()}" if one.notes() else ""
        found.append(f"{one.scenario} {decide(known)}: {halves}, runs: {fit.runs}{notes}")
        every += known
        complete |= len(known) == len(AXES)
    decided = decide(every) if complete else NOT_RUN
    if not complete:
        found.append("no scenario has slopes on both data and parameters")
    return _verdict(metrics, claim, found, threshold, decided, METHOD if every else "", paper)


def _ratios(metrics: pd.DataFrame, runs: pd.DataFrame) -> Verdict:
    """Cells are the units: the mean over seeds of log(OOD / ID), then a t interval over cells. A single cell has an
    interval over its seeds, and with one seed that of its clips, ID and OOD in quadrature on the logarithm."""
    threshold = f"lower 95 % bound >= {RATIO:g}; not supported: upper bound < {RATIO:g}"
    paper = ", ".join(f"{scenario} {value:g}" for scenario, value in PAPER_RATIOS.items())
    known = runs[runs["ratio"].notna() & (runs["ratio"] > 0)]
    if known.empty:
        return _verdict(metrics, "C2", ["no run has both errors"], threshold, NOT_RUN, "", paper)
    parts, bases = [], []
    for scenario, part in [*known.groupby("scenario", sort=False), ("all", known)]:
        logs, basis = _log_ratio(part)
        value, low, high = (math.exp(end) for end in logs)
        ends = "no interval" if math.isnan(low) else f"{low:.1f}, {high:.1f}"
        decided = INCONCLUSIVE if math.isnan(low) else _about(low, high)
        cells = ""
        if scenario != "all":
            means = np.log(part["ratio"]).groupby([part["model"], part["size"]], sort=False).mean()
            cells = " (" + ", ".join(f"{m} {s} {math.exp(v):.1f}" for (m, s), v in means.items()) + ")"
        parts.append(f"{scenario} {decided}: {value:.1f} [{ends}]{cells}")
        bases.append(f"{scenario} {basis}")
    if (lost := len(runs) - len(known)) > 0:
        parts.append(f"{lost} runs without an error left out")
    return _verdict(metrics, "C2", parts, threshold, decided, ", ".join(bases), paper)


def _about(low: float, high: float) -> str:
    return SUPPORTED if low >= RATIO else NOT_SUPPORTED if high < RATIO else INCONCLUSIVE


def _log_ratio(runs: pd.DataFrame) -> tuple[tuple[float, float, float], str]:
    """Mean of log(OOD / ID) with its interval, and what that is taken over."""
    logs = np.log(runs["ratio"])
    cells = logs.groupby([runs["scenario"], runs["model"], runs["size"]]).mean()
    if len(cells) > 1:
        return mean_interval(cells.to_numpy()), f"over {len(cells)} cells"
    if len(runs) > 1:
        return mean_interval(logs.to_numpy()), f"over {len(runs)} seeds of one cell"
    row = runs.iloc[0]
    value = float(logs.iloc[0])
    down = math.hypot(math.log(row["ood"] / row["ood_low"]), math.log(row["id_high"] / row["id"]))
    up = math.hypot(math.log(row["ood_high"] / row["ood"]), math.log(row["id"] / row["id_low"]))
    return (value, value - down, value + up), "over clips of one run"


def _tokenizer(metrics: pd.DataFrame) -> Verdict:
    """Every group of true clips is one value per tokenizer, since cells share it. In distribution a scenario has one
    group, so the interval is over scenarios; out of distribution over all blocks of clips."""
    threshold = f"upper 95 % bound <= {LIMIT:g} in and out of distribution; not supported: a lower one above"
    paper = ", ".join(f"{name} {b - a:.4f} ({a:.4f} to {b:.4f})" for name, (a, b) in PAPER.items())
    finished = metrics[metrics["kind"] != "missing"]
    if "tokenizer" not in finished or finished.empty:
        return _verdict(metrics, "C4", ["no run has finished"], threshold, NOT_RUN, "", paper)
    learned = finished[~finished["tokenizer"].isin(LOSSLESS)]
    if learned.empty:
        found = ["the pixel tokenizer is lossless; no VAE at this scale"]
        return _verdict(metrics, "C4", found, threshold, NOT_RUN, "", paper)
    once = learned.drop_duplicates(["scenario", "tokenizer_digest", "group"])
    once = once.assign(cost=once["reconstruction_paper_code"] - once["truth_paper_code"])
    once = once[once["cost"].notna()]
    inside, outside = once[once["group"] == "id"], once[once["group"] == "ood"]
    blocks = once[(once["kind"] == "block") & (once["level"] != 0)]
    tokenizers = learned["tokenizer_digest"].nunique()
    sharing = "all share one tokenizer" if tokenizers == 1 else f"tokenizers: {tokenizers}"
    found = [f"cells: {learned['cell'].nunique()}, {sharing}"]
    checks = []
    for name, rows, values in (("ID", inside, inside), ("OOD", blocks, outside)):
        if rows.empty:
            found.append(f"{name} no value")
            continue
        mean, low, high = mean_interval(rows["cost"].to_numpy(dtype=float))
        unit = "scenarios" if name == "ID" else "blocks"
        each = ", ".join(f"{s} {c:+.4f}" for s, c in zip(values["scenario"], values["cost"], strict=True))
        change = Difference(mean, low, high, 1)
        found.append(f"{name} mean of {len(rows)} {unit} {change.text(4)} (over all clips: {each})")
        checks.append(Difference(LIMIT - mean, LIMIT - high, LIMIT - low, 1))
    found.append("intervals over clips: `physlaw tokenizer`, tokenizer.csv")
    decided = decide(checks)
    if decided == SUPPORTED and len(checks) < 2:
        decided = INCONCLUSIVE
    intervals = "ID t interval over scenarios, OOD over blocks of clips"
    return _verdict(metrics, "C4", found, threshold, decided, intervals if checks else "", paper)


def _paper_slopes(slopes: Mapping[str, tuple[float, float]]) -> str:
    return ", ".join(f"{name} data {d:+.2f} parameters {p:+.2f}" for name, (d, p) in slopes.items())
