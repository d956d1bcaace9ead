"""Claims that something does not help: modality (C14) and resolution_and_length (C16)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.report.deeper.report import Column, Decide, DeeperReport, Figure, make_verdict, not_run, values_of
from physlaw.report.figures import save
from physlaw.report.verdicts import (
    INCONCLUSIVE,
    NOT_SUPPORTED,
    SUPPORTED,
    Difference,
    Verdict,
    basis,
    logarithms,
    mean_difference,
    paired_difference,
)
from physlaw.studies import modality, resolution_and_length

ERROR = "generated_corrected"
COLUMNS = (
    Column(ERROR, "velocity error"),
    Column("truth_corrected", "GT floor"),
    Column("reconstruction_corrected", "tokenizer floor"),
    Column("nearer_to_case", "nearer to case", share=True, digits=2),
    Column("generated_missing", "frames missing", digits=0),
)
LEGEND = "Velocity error: the corrected one, world units per second, mean over clips."


def log_ratio(before: pd.DataFrame, after: pd.DataFrame) -> Difference | None:
    """log(after / before) of two cells' errors on the same clips, paired by seed; None where one has no positive
    value."""
    before, after = logarithms(before), logarithms(after)
    return paired_difference(before, after) if len(before) and len(after) else None


def no_help(ratios: list[Difference], margin: float) -> str:
    """NOT_SUPPORTED where one is a help beyond its interval and by more than the margin; SUPPORTED where such a help is
    excluded for all; else INCONCLUSIVE."""
    if any(one.high < -margin for one in ratios):
        return NOT_SUPPORTED
    return SUPPORTED if all(one.low > -margin for one in ratios) else INCONCLUSIVE


def _percent(ratio: Difference) -> str:
    return f"{ratio.text(2)} ({math.expm1(ratio.value):+.0%})"


def _threshold(margin: float) -> str:
    return f"lower bound of the log ratio > -{margin:g}"


def _errors(metrics: pd.DataFrame, scenario: str, model: str, size: str, group: str) -> pd.DataFrame:
    return values_of(metrics, ERROR, scenario=scenario, model=model, size=size, group=group)


def _modality_verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """Each modality's mean log ratio of the OOD error over the data sizes that both have."""
    study = modality
    models = [str(m) for m in metrics["model"].unique()]
    plain = [m for m in models if not m.endswith(tuple(f"_{name}" for name in study.MODALITIES))]
    texts, ratios = [], []
    for name in study.MODALITIES:
        found = {}
        for size in metrics["size"].unique():
            for model in plain:
                sides = (_errors(metrics, "collision", m, str(size), "ood") for m in (model, f"{model}_{name}"))
                ratio = log_ratio(*sides)
                if ratio is not None:
                    found[str(size)] = ratio
        if not found:
            why = f"not finished: vision and {name} at the same data size"
            return [not_run(metrics, study, "C14", why, _threshold(study.MARGIN))]
        ratios.append(mean_difference(list(found.values())))
        each = ", ".join(f"{size} {one.text(2)}" for size, one in found.items())
        texts.append(f"{name}: {_percent(ratios[-1])}, by data size {each}")
    decided = no_help(ratios, study.MARGIN)
    where = f"log ratio of OOD error to {', '.join(plain)} without; "
    return [
        make_verdict(metrics, study, "C14", decided, where + "; ".join(texts), _threshold(study.MARGIN), basis(ratios))
    ]


def _length_verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    study = resolution_and_length
    texts, ratios = [], []
    for model, size in metrics[["model", "size"]].drop_duplicates().itertuples(index=False):
        base = _errors(metrics, study.BASE, str(model), str(size), "id")
        for other in study.OTHERS:
            ratio = log_ratio(base, _errors(metrics, other, str(model), str(size), "id"))
            if ratio is not None:
                ratios.append(ratio)
                texts.append(f"{model}, {size}, {study.NAMES[other]}: {_percent(ratio)}")
    if len(ratios) < len(study.OTHERS):
        why = "not finished: " + ", ".join(study.NAMES[name] for name in (study.BASE, *study.OTHERS))
        return [not_run(metrics, study, "C16", why, _threshold(study.MARGIN))]
    decided, found = no_help(ratios, study.MARGIN), "log ratio of ID error to the plain cell; " + "; ".join(texts)
    return [make_verdict(metrics, study, "C16", decided, found, _threshold(study.MARGIN), basis(ratios))]


def _dots(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Errors of every cell in and out of distribution: a dot per seed, by data size and model, or by training set."""
    done = metrics[metrics["group"].isin(["id", "ood"])]
    by = "scenario" if done["scenario"].nunique() > 1 else "size"
    places = list(done[by].unique())
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for axes, (group, title) in zip(panels, (("id", "in distribution"), ("ood", "out of distribution")), strict=True):
        for number, (model, rows) in enumerate(done[done["group"] == group].groupby("model", sort=False)):
            x = [places.index(value) + 0.12 * number for value in rows[by]]
            axes.plot(x, rows[ERROR], "osd^v"[number % 5], ms=4, alpha=0.8, label=str(model))
        names = getattr(resolution_and_length, "NAMES", {})
        axes.set_xticks(range(len(places)), [names.get(place, str(place)) for place in places])
        axes.set(title=title, yscale="log")
    panels[0].set_ylabel("velocity error (world units / s)")
    panels[0].legend(fontsize=7)
    save(figure, path)


def _report(study: ModuleType, decide: Decide, caption: str) -> DeeperReport:
    return DeeperReport(
        study,
        columns=COLUMNS,
        groups={"id": "in distribution", "ood": "out of distribution"},
        clip_columns=("generated_corrected", "generated_missing"),
        figures=(Figure("errors", caption, _dots),),
        decide=decide,
        legend=LEGEND,
    )


MODALITY = _report(
    modality, _modality_verdicts, "Error by data size. Each dot is a cell; a model that is told more has its own sign."
)
RESOLUTION_AND_LENGTH = _report(
    resolution_and_length, _length_verdicts, "Error by training set. Each dot is a cell, one per seed."
)
