"""Appendix A.5.2, Fig. 13: whether colour is kept as often with a ring as with a square, C12."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from physlaw.report.checks import NOT_RUN, NOT_SUPPORTED, WEAKENED, Estimate, Judgement, Part, judge, over_seeds, paired
from physlaw.report.compared import is_agent, is_agent_row, one_model, values_of
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.attributes.report import CROSSED, EVEN, MIN_DECIDED, dominance, pair_gates, pair_report
from physlaw.studies.ring import study

SQUARES = "attributes"  # the study with ball and square


THRESHOLD = (
    f"share that keeps colour with the ring: upper bound < {EVEN:g}, and below the square's; not supported: more than "
    f"half keep both; weakened: below the square's and below {study.DOMINANT:g}"
)


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C12, of the sets with mirror images, as the paper's, beside ball and square of the study attributes at the same
    scale."""
    model, size = one_model(metrics)
    cell = {"scenario": study.RING, "model": model, "size": size}
    rows, clips = dominance(metrics, study.RING, model, size)
    both = values_of(metrics, "keeps_both_share", **cell, group=CROSSED)
    beside = others.get(SQUARES)
    square = pd.DataFrame()
    if beside is not None and len(beside := beside[is_agent_row(beside) == is_agent(metrics)]):
        square, _ = dominance(beside, study.SQUARE, *one_model(beside))
    found = [f"{model}, {size}, crossed clips", *_texts(metrics, model, size)]
    if both.empty or (square.empty and float(both["value"].mean()) <= EVEN):
        why = "not finished: " + (study.NAMES[study.RING] if both.empty else "ball and square (study attributes)")
        return [verdict_of(metrics, study, "C12", Judgement(NOT_RUN, why), "; ".join([*found, why]), THRESHOLD)]
    gates = pair_gates(metrics, cell)
    if float(both["value"].mean()) > EVEN:
        parts = [Part("keeps both", over_seeds(both), EVEN, above=False, digits=3)]
    else:
        if len(square):
            found.append(f"ball and square {square['value'].mean():.3f}")
        kept = over_seeds(rows) if clips >= MIN_DECIDED else Estimate(math.nan, math.nan, math.nan, len(both))
        less = paired(square, rows) if len(rows) else kept
        parts = [
            Part("colour kept with the ring", kept, EVEN, above=False, digits=3),
            Part("ring minus square", less, 0.0, above=False, digits=3),
        ]
    judged = judge(parts, gates, agent=is_agent(metrics))
    if judged.verdict == NOT_SUPPORTED and len(parts) > 1 and parts[1].holds and kept.high < study.DOMINANT:
        judged = replace(judged, verdict=WEAKENED)
    return [verdict_of(metrics, study, "C12", judged, "; ".join(found), THRESHOLD, parts[0].estimate.basis)]


def _texts(metrics: pd.DataFrame, model: str, size: str) -> list[str]:
    """What every set keeps."""
    texts = []
    for scenario, name in study.NAMES.items():
        rows, clips = dominance(metrics, scenario, model, size)
        both = values_of(metrics, "keeps_both_share", scenario=scenario, model=model, size=size, group=CROSSED)
        if len(both):
            kept = f"{rows['value'].mean():.3f} of {clips}" if len(rows) else "none keeps one"
            texts.append(f"{name}: colour kept {kept}, both {both['value'].mean():.3f}")
    return texts


REPORT = pair_report(study, _verdicts, (SQUARES,))
