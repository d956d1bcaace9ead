"""Section 3, in passing: the error at twice the side, and after three times the steps, over the plain one, C16."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from physlaw.report.ratios import errors_of, log_ratio, no_help, percent, ratio_report, threshold_text
from physlaw.report.study_report import make_verdict, not_run
from physlaw.report.verdicts import Verdict, basis
from physlaw.studies.resolution_and_length import score, study


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    texts, ratios = [], []
    for model, size in metrics[["model", "size"]].drop_duplicates().itertuples(index=False):
        base = errors_of(metrics, study.BASE, str(model), str(size), "id")
        for other in study.OTHERS:
            ratio = log_ratio(base, errors_of(metrics, other, str(model), str(size), "id"))
            if ratio is not None:
                ratios.append(ratio)
                texts.append(f"{model}, {size}, {study.NAMES[other]}: {percent(ratio)}")
    if len(ratios) < len(study.OTHERS):
        why = "not finished: " + ", ".join(study.NAMES[name] for name in (study.BASE, *study.OTHERS))
        return [not_run(metrics, study, "C16", why, threshold_text(study.MARGIN))]
    decided, found = no_help(ratios, study.MARGIN), "log ratio of ID error to the plain cell; " + "; ".join(texts)
    return [make_verdict(metrics, study, "C16", decided, found, threshold_text(study.MARGIN), basis(ratios))]


REPORT = ratio_report(
    study, score.METRICS, score.CLIP_COLUMNS, _verdicts, "Error by training set. Each dot is a cell, one per seed."
)
