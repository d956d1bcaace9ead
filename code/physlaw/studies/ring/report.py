"""Appendix A.5.2, Fig. 13: whether colour is kept as often with a ring as with a square, C12."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from physlaw.report.study_report import make_verdict, not_run, one_model
from physlaw.report.verdicts import NOT_RUN, Verdict, basis, decide, difference
from physlaw.studies.attributes.report import MIN_DECIDED, dominance, pair_report
from physlaw.studies.ring import study

SQUARES = "attributes"  # the study with ball and square


def _ring_verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """The share that keep colour, ball and ring, against ball and square of the study attributes at the same scale."""
    threshold = "difference (square minus ring) > 0, its interval beyond 0"
    model, size = one_model(metrics)
    beside = others.get(SQUARES)
    texts, falls = [], []
    for scenario, square in study.BESIDE.items():
        rows, clips = dominance(metrics, scenario, model, size)
        if rows.empty or clips < MIN_DECIDED:
            continue
        texts.append(f"{study.NAMES[scenario]}: colour kept {rows['value'].mean():.3f} of {clips}")
        if beside is None:
            continue
        other, count = dominance(beside, square, model, size)
        if len(other) and count >= MIN_DECIDED:
            falls.append(difference(rows, other))
            texts.append(f"ball and square {other['value'].mean():.3f} of {count}: {falls[-1].text(3)}")
    found = "; ".join([f"{model}, {size}, crossed clips", *(texts or ["no clips keep one attribute"])])
    if not falls:
        missing = "; colour against shape with ball and square (study attributes) is not here"
        return [not_run(metrics, study, "C12", found + missing, threshold)]
    verdict = decide(falls)
    assert verdict != NOT_RUN
    return [make_verdict(metrics, study, "C12", verdict, found, threshold, basis(falls))]


REPORT = pair_report(study, _ring_verdicts, (SQUARES,))
