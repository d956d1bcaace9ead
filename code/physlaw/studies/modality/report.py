"""Appendix A.5.1: the error out of distribution with numbers or text over that without, C14."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from physlaw.report.ratios import errors_of, log_ratio, no_help, percent, ratio_report, threshold_text
from physlaw.report.study_report import make_verdict, not_run
from physlaw.report.verdicts import Verdict, basis, mean_difference
from physlaw.studies.modality import score, study


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """Each modality's mean log ratio of the OOD error over the data sizes that both have."""
    models = [str(m) for m in metrics["model"].unique()]
    plain = [m for m in models if not m.endswith(tuple(f"_{name}" for name in study.MODALITIES))]
    texts, ratios = [], []
    for name in study.MODALITIES:
        found = {}
        for size in metrics["size"].unique():
            for model in plain:
                sides = (errors_of(metrics, "collision", m, str(size), "ood") for m in (model, f"{model}_{name}"))
                ratio = log_ratio(*sides)
                if ratio is not None:
                    found[str(size)] = ratio
        if not found:
            why = f"not finished: vision and {name} at the same data size"
            return [not_run(metrics, study, "C14", why, threshold_text(study.MARGIN))]
        ratios.append(mean_difference(list(found.values())))
        each = ", ".join(f"{size} {one.text(2)}" for size, one in found.items())
        texts.append(f"{name}: {percent(ratios[-1])}, by data size {each}")
    decided = no_help(ratios, study.MARGIN)
    text = f"log ratio of OOD error to {', '.join(plain)} without; " + "; ".join(texts)
    return [make_verdict(metrics, study, "C14", decided, text, threshold_text(study.MARGIN), basis(ratios))]


REPORT = ratio_report(
    study,
    score.METRICS,
    score.CLIP_COLUMNS,
    _verdicts,
    "Error by data size. Each dot is a cell; a model that is told more has its own sign.",
)
