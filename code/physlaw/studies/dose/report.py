"""The dose-response, the reach, and E2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.report.checks import NOT_RUN, Judgement, Part, judge, over_seeds, paired
from physlaw.report.compared import is_agent, lacking, one_model, trained_gates, values_of
from physlaw.report.figures import save
from physlaw.report.sections import Figure
from physlaw.report.study_report import StudyReport
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.dose import score, study

FOLLOW = "follow"
GROUPS = {
    "id": "trained speeds",
    "added": "the added speeds",
    "between": "between",
    "beyond": "beyond",
    "slower": "slower",
}


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """E2: the gain at the added speeds over as many clips of the trained ones, and the reach."""
    model, size = one_model(metrics)
    threshold = study.CLAIMS["E2"].threshold
    names = [
        next(name for name, count in kind.items() if count == study.DECIDING) for kind in (study.CONTROL, study.FAST)
    ]
    control, dosed = ({"scenario": name, "model": model, "size": size} for name in names)
    before, after = (values_of(metrics, FOLLOW, **cell, group="added") for cell in (control, dosed))
    far = values_of(metrics, study.REACH, **dosed, group="beyond")
    absent = [study.NAMES[name] for name, rows in zip(names, (before, after), strict=True) if rows.empty]
    if why := lacking(metrics, [FOLLOW, study.REACH]) or (f"not finished: {', '.join(absent)}" if absent else ""):
        return [verdict_of(metrics, study, "E2", Judgement(NOT_RUN, why), why, threshold)]
    gain, reach = paired(before, after), over_seeds(far)
    parts = [
        Part("gain in follow at the added speeds", gain, study.CURE),
        Part("reach beyond them", reach, study.FAR, above=False),
    ]
    curve = ", ".join(text for name in study.NAMES if (text := _described(metrics, name, model, size)))
    found = f"{model}, {size}; gain {gain.text(2, '+')}; reach {reach.text()}; follow at the added speeds: {curve}"
    judged = judge(parts, trained_gates(metrics, [control, dosed], reversible=False), agent=is_agent(metrics))
    return [verdict_of(metrics, study, "E2", judged, found, threshold, gain.basis)]


def _described(metrics: pd.DataFrame, name: str, model: str, size: str) -> str:
    rows = values_of(metrics, FOLLOW, scenario=name, model=model, size=size, group="added")
    return f"{study.NAMES[name]} {rows['value'].mean():.2f}" if len(rows) else ""


def _draw(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Follow against the dose, a panel per group of speeds; dots are seeds, lines their means."""
    model, size = one_model(metrics)
    groups = [group for group in GROUPS if group != "id"]
    figure, panels = plt.subplots(1, len(groups), figsize=(3 * len(groups), 3), sharey=True, layout="constrained")
    for axes, group in zip(panels, groups, strict=True):
        for kind, label in ((study.FAST, "fast clips"), (study.CONTROL, "more of the same")):
            found = [(0, study.NONE), *((count, name) for name, count in kind.items())]
            values = {
                n: values_of(metrics, FOLLOW, scenario=name, model=model, size=size, group=group) for n, name in found
            }
            known = {n: rows["value"] for n, rows in values.items() if len(rows)}
            (line,) = axes.plot(list(known), [rows.mean() for rows in known.values()], lw=1, label=label)
            for n, rows in known.items():
                axes.scatter([n] * len(rows), rows, s=10, color=line.get_color())
        axes.set_xscale("symlog", linthresh=1)
        axes.axhline(1, color="k", lw=0.5)
        axes.axhline(0, color="k", lw=0.5, ls=":")
        axes.set(title=GROUPS[group], xlabel="clips added")
    panels[0].set_ylabel("follow: 0 edge of the range, 1 the law")
    panels[0].legend(fontsize=7)
    save(figure, path)


REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    columns=("generated_corrected", "truth_corrected", FOLLOW, study.REACH, "nearer_to_case", "generated_missing"),
    groups=GROUPS,
    clip_columns=score.CLIP_COLUMNS,
    figures=(
        Figure("doses", "Dose and response: follow at each group of speeds against the number of clips added.", _draw),
    ),
    decide=_verdicts,
    legend="Velocity error: the corrected one, world units per second. Follow: how far generated speeds go from the "
    "edge of the trained range, 1 to 4, to the asked one. Reach: how far beyond the added speeds, 4.9 to 5.1, the mean "
    "error of bins 0.2 wide stays below 0.25.",
)
