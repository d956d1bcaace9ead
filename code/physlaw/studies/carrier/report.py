"""Beyond the paper: follow and the ratio of errors by arm, each beside the plain one, E3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.report.checks import NOT_RUN, Estimate, Judgement, Part, judge, over_seeds, paired
from physlaw.report.compared import is_agent, one_model, trained, trained_gates, values_of
from physlaw.report.figures import IN_DIST, OOD, save
from physlaw.report.ratios import log_ratio, percent
from physlaw.report.sections import Figure, Results, Section, Shown, TablePart
from physlaw.report.study_report import StudyReport
from physlaw.report.tables import MISSING
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.carrier import score, study

FOLLOW, RATIO, RATIO_IMPUTED = "follow", score.RATIO.column, score.RATIO_IMPUTED.column
THRESHOLD = study.CLAIMS["E3"].threshold
Cells = dict[str, dict[str, str]]


def _sides(metrics: pd.DataFrame) -> Cells:
    """Arm -> what its rows out of distribution are known by."""
    model, size = one_model(metrics)
    return {name: {"scenario": name, "model": model, "size": size, "group": "ood"} for name in study.NAMES}


def _changes(metrics: pd.DataFrame, sides: Cells) -> dict[str, Estimate]:
    """Other arm -> its follow minus the plain one's, of those that have finished."""
    follow = {name: values_of(metrics, FOLLOW, **side) for name, side in sides.items()}
    known = [name for name in study.OTHERS if len(follow[name]) and len(follow[study.BASE])]
    return {name: paired(follow[study.BASE], follow[name]) for name in known}


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """E3: the plain arm fails, and no other arm cures it."""
    sides = _sides(metrics)
    model, size = one_model(metrics)
    changes = _changes(metrics, sides)
    plain = values_of(metrics, FOLLOW, **sides[study.BASE])
    missing = [text for name, text in study.NAMES.items() if name not in changes and name != study.BASE]
    if plain.empty or missing:
        why = f"not finished: {', '.join([*([] if len(plain) else [study.NAMES[study.BASE]]), *missing])}"
        return [verdict_of(metrics, study, "E3", Judgement(NOT_RUN, why), why, THRESHOLD)]
    base = over_seeds(plain)
    parts = [Part(f"{study.NAMES[study.BASE]}, follow", base, study.HALF, above=False)]
    for name, change in changes.items():
        parts.append(Part(f"{study.NAMES[name]} minus plain", change, study.CURE, above=False))
    found = [f"{model}, {size}, OOD; follow {base.text()} in the plain arm"]
    found += [f"{study.NAMES[name]} {change.text(2, '+')}" for name, change in changes.items()]
    ratios = {name: values_of(metrics, RATIO, **side)["value"].mean() for name, side in sides.items()}
    found += [f"error / ID error {', '.join(f'{study.NAMES[name]} {one:.1f}' for name, one in ratios.items())}"]
    judged = judge(parts, trained_gates(metrics, list(sides.values()), reversible=False), agent=is_agent(metrics))
    return [verdict_of(metrics, study, "E3", judged, "; ".join(found), THRESHOLD, base.basis)]


def _arms(results: Results) -> Shown:
    """A row per arm: follow and ratio, and both beside the plain arm's, paired by seed."""
    metrics = trained(results.metrics)
    sides = _sides(metrics)
    changes = _changes(metrics, sides)
    header = ["arm", "follow", "minus plain", "error / ID error", "log ratio to plain", "standing still", "seeds"]
    body = []
    for name, side in sides.items():
        follow, ratio, imputed = (values_of(metrics, column, **side) for column in (FOLLOW, RATIO, RATIO_IMPUTED))
        against = log_ratio(metrics, RATIO, sides[study.BASE], side) if name != study.BASE else None
        body.append(
            [
                study.NAMES[name],
                over_seeds(follow).text() if len(follow) else MISSING,
                changes[name].text(2, "+") if name in changes else MISSING,
                over_seeds(ratio).text(1) if len(ratio) else MISSING,
                percent(against) if against is not None else MISSING,
                over_seeds(imputed).text(1) if len(imputed) else MISSING,
                str(len(follow)),
            ]
        )
    return Shown(
        (header, body),
        "Arms out of distribution, intervals over seeds. Standing still: the ratio if vanished balls do:",
    )


def _draw(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """A dot per seed and arm: follow, and the ratio of errors."""
    done = trained(metrics[metrics["kind"] != "missing"])
    done = done[done["group"] == "ood"]
    figure, panels = plt.subplots(1, 2, figsize=(8.0, 3.2), layout="constrained", sharey=True)
    for axes, column, label in zip(panels, (FOLLOW, RATIO), ("follow", "error / ID error"), strict=True):
        for place, name in enumerate(study.NAMES):
            values = done.loc[done["scenario"] == name, column]
            axes.plot(values, [place] * len(values), "o", ms=4, color=IN_DIST if name == study.BASE else OOD, alpha=0.8)
        axes.set_yticks(range(len(study.NAMES)), list(study.NAMES.values()))
        axes.set_xlabel(label)
    panels[0].axvline(1.0, color="k", lw=0.8, ls=":")
    panels[0].invert_yaxis()
    save(figure, path)


_NUMBERS = StudyReport(
    study,
    metrics=score.METRICS,
    columns=(
        *("generated_corrected", "truth_corrected", "reconstruction_corrected", FOLLOW, RATIO, RATIO_IMPUTED),
        *("measured_share", "generated_missing"),
    ),
    groups={"id": "in distribution", "ood": "out of distribution", "fast": "fast", "slow": "slow"},
    clip_columns=score.CLIP_COLUMNS,
    figures=(
        Figure(
            "arms",
            "Follow and ratio by arm. Each dot is a cell out of distribution. At the dotted line a model follows the "
            "law, at 0 it stays at the edge of what was trained.",
            _draw,
        ),
    ),
    decide=_verdicts,
    legend="Velocity error: the corrected one, world units per second, mean over clips. Follow: 0 at the trained edge, "
    "1 at the law.",
)
REPORT = replace(_NUMBERS, layout=(*_NUMBERS.sections, Section("Arms", (TablePart("arms", _arms),))))
