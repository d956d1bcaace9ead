"""Section 3, in passing: the error at twice the side, and after three times the steps, over the plain one, C16."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from physlaw.report.checks import NOT_RUN, Gate, Judgement, judge
from physlaw.report.compared import is_agent, judged_error, one_model
from physlaw.report.ratios import log_ratio, no_help, percent, ratio_report, threshold_text
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.resolution_and_length import score, study


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C16. Before a plateau everything that trains longer is better: half the steps must have been nearly enough."""
    model, size = one_model(metrics)
    cells = {name: {"scenario": name, "model": model, "size": size, "group": "id"} for name in study.NAMES}
    error = judged_error(metrics, list(cells.values()))
    base = cells[study.BASE]
    ratios = {name: log_ratio(metrics, error, base, cells[name]) for name in study.OTHERS}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    found = [f"{model}, {size}; log ratio of ID error to the plain cell"]
    found += [f"{study.NAMES[name]} {percent(ratio)}" for name, ratio in known.items()]
    threshold = f"{threshold_text(study.MARGIN)}; half the steps: at most a tenth worse"
    if missing := [study.NAMES[name] for name in study.OTHERS if name not in known]:
        why = f"not finished: {', '.join([*missing, study.NAMES[study.BASE]])}"
        return [verdict_of(metrics, study, "C16", Judgement(NOT_RUN, why), "; ".join([*found, why]), threshold)]
    half = log_ratio(metrics, error, base, cells[study.HALF])
    worse = math.nan if half is None else math.exp(half.value)
    gates = [Gate("half the steps", worse <= 1 + study.MARGIN, f"error x {worse:.2f} (<= {1 + study.MARGIN:g})")]
    parts = [no_help(study.NAMES[name], ratio, study.MARGIN) for name, ratio in known.items()]
    judged = judge(parts, gates, agent=is_agent(metrics))
    return [verdict_of(metrics, study, "C16", judged, "; ".join(found), threshold, parts[0].estimate.basis)]


REPORT = ratio_report(
    study, score.METRICS, score.CLIP_COLUMNS, _verdicts, "Error by training set. Each dot is a cell, one per seed."
)
