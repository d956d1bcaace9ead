"""Appendix A.5.1: the error out of distribution with numbers or text over that without, C14."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from physlaw.report.checks import NOT_RUN, Judgement, judge, pooled
from physlaw.report.compared import is_agent, judged_error, trained_gates
from physlaw.report.ratios import log_ratio, no_help, percent, ratio_report, threshold_text
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.modality import score, study


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C14: each modality's log ratio of the OOD error to vision, over the models and data sizes that both have."""
    models = [str(m) for m in metrics["model"].unique()]
    plain = [m for m in models if not m.endswith(tuple(f"_{name}" for name in study.MODALITIES))]
    pairs = [(m, str(size)) for size in metrics["size"].unique() for m in plain]

    def side(model: str, size: str, group: str = "ood") -> dict[str, str]:
        return {"scenario": study.SCENARIO, "model": model, "size": size, "group": group}

    every = [side(f"{m}{end}", size) for m, size in pairs for end in ("", *(f"_{n}" for n in study.MODALITIES))]
    error = judged_error(metrics, every)
    parts, texts, missing = [], [], []
    for name in study.MODALITIES:
        known = {f"{m} {n}": log_ratio(metrics, error, side(m, n), side(f"{m}_{name}", n)) for m, n in pairs}
        ratios = {key: ratio for key, ratio in known.items() if ratio is not None}
        if not ratios:
            missing.append(name)
            continue
        parts.append(no_help(name, pooled(list(ratios.values())), study.MARGIN))
        each = ", ".join(f"{key} {one.text(2, '+')}" for key, one in ratios.items())
        texts.append(f"{name}: {percent(parts[-1].estimate)}; {each}")
    found, threshold = "; ".join(["log ratio of OOD error to vision alone", *texts]), threshold_text(study.MARGIN)
    if missing:
        why = f"not finished: vision and {', '.join(missing)} at the same data size"
        return [verdict_of(metrics, study, "C14", Judgement(NOT_RUN, why), f"{found}; {why}", threshold)]
    gates = trained_gates(metrics, [side(m, size, "id") for m, size in pairs], reversible=False)
    judged = judge(parts, gates, agent=is_agent(metrics))
    return [verdict_of(metrics, study, "C14", judged, found, threshold, parts[0].estimate.basis)]


REPORT = ratio_report(
    study,
    score.METRICS,
    score.CLIP_COLUMNS,
    _verdicts,
    "Error by data size. Each dot is a cell; a model that is told more has its own sign.",
)
