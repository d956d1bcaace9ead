"""Section 5.4 and A.5.3, Fig. 11 and 14: the share of lawful clips, where they fail, C13."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.metric import by_column
from physlaw.report.checks import NOT_RUN, Gate, Judgement, Part, judge, over_seeds, paired
from physlaw.report.compared import is_agent, is_agent_row, one_model, share_gate, values_of
from physlaw.report.figures import IN_DIST, OOD, save
from physlaw.report.sections import Figure
from physlaw.report.study_report import StudyReport
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.attributes import study as attributes
from physlaw.studies.composition import score, study

THRESHOLD = (
    f"every share's lower bound > {study.THRESHOLD:g}; vanishing, without minus with the red ball: lower bound > 0, "
    f"not supported below {study.VANISHING:g}"
)
SPATIAL, TEMPORAL, PLAIN = study.NAMES
BESIDE = "attributes"


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C13. Every part is needed: a claim of which a part was not run is not run, with what was found."""
    model, size = one_model(metrics)
    cells = {name: {"scenario": name, "model": model, "size": size} for name in study.NAMES}
    parts, missing = [], []

    def share(rows: pd.DataFrame, name: str) -> None:
        if rows.empty:
            missing.append(name)
        else:
            parts.append(Part(name, over_seeds(rows), study.THRESHOLD, digits=3))

    gates = []
    for pair in attributes.COMBINE:
        rows, gate = _combining(others.get(BESIDE), pair, is_agent(metrics))
        share(rows, f"{attributes.NAMES[pair]}, keeps both")
        gates += gate
    for scenario in (SPATIAL, TEMPORAL):
        share(values_of(metrics, "lawful", **cells[scenario], group="both"), f"{study.NAMES[scenario]}, lawful")
    vanished = [values_of(metrics, "red_vanished", **cells[name], group="both") for name in (TEMPORAL, PLAIN)]
    if all(len(rows) for rows in vanished):
        name = "red ball vanishes, without minus with it"
        parts.append(Part(name, paired(*vanished), 0.0, smallest=study.VANISHING, digits=3))
    else:
        missing.append(study.NAMES[PLAIN])
    found = "; ".join([f"{model}, {size}", *(f"{part.name} {part.estimate.text(3)}" for part in parts)])
    if missing:
        why = f"not finished: {', '.join(missing)}"
        return [verdict_of(metrics, study, "C13", Judgement(NOT_RUN, why), f"{found}; {why}", THRESHOLD)]
    gates += [
        share_gate(metrics, cells[name], "lawful", f"{study.NAMES[name]}, trained kinds lawful") for name in study.NAMES
    ]
    judged = judge(parts, [gate for gate in gates if gate is not None], agent=is_agent(metrics))
    return [verdict_of(metrics, study, "C13", judged, found, THRESHOLD, parts[0].estimate.basis)]


def _combining(beside: pd.DataFrame | None, pair: str, agent: bool) -> tuple[pd.DataFrame, list[Gate | None]]:
    """The share of a pair's crossed clips that keep both attributes, with mirror images if that has finished, and
    whether the model keeps both where it was trained."""
    if beside is None or (beside := beside[is_agent_row(beside) == agent]).empty:
        return pd.DataFrame(), []
    model, size = one_model(beside)
    for scenario in (pair, pair + attributes.NO_FLIPS):
        cell = {"scenario": scenario, "model": model, "size": size}
        rows = values_of(beside, "keeps_both_share", **cell, group="crossed")
        if len(rows):
            return rows, [share_gate(beside, cell, "keeps_both_share", f"{scenario}, trained kept")]
    return pd.DataFrame(), []


BARS = [by_column(score.METRICS)[name] for name in ("lawful", "red_lawful", "blue_lawful", "red_vanished")]


def _bars(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Shares of clips per training set, in scenes of the trained kinds and in composed ones; a dot per seed."""
    done = metrics[metrics["kind"] == "block"]
    scenarios = [name for name in study.NAMES if name in set(done["scenario"])]
    figure, panels = plt.subplots(1, len(scenarios), figsize=(3.4 * len(scenarios), 3), squeeze=False, sharey=True)
    for axes, scenario in zip(panels[0], scenarios, strict=True):
        rows = done[done["scenario"] == scenario]
        for shift, group, colour, label in ((-0.2, "id", IN_DIST, "trained kinds"), (0.2, "both", OOD, "composed")):
            part = rows[rows["group"] == group]
            for place, metric in enumerate(BARS):
                axes.bar(
                    place + shift,
                    part[metric.column].mean(),
                    0.38,
                    color=colour,
                    alpha=0.6,
                    label=label if not place else "_",
                )
                axes.plot([place + shift] * len(part), part[metric.column], "k.", ms=4)
        axes.set_xticks(range(len(BARS)), [metric.header for metric in BARS], rotation=30, ha="right")
        axes.set(title=study.NAMES[scenario], ylim=(0, 1))
    panels[0][0].set_ylabel("share of clips")
    panels[0][0].legend(fontsize=7)
    save(figure, path)


REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    columns=(
        "lawful",
        "red_lawful",
        "blue_lawful",
        "red_vanished",
        "blue_vanished",
        "red_position_error",
        "blue_position_error",
        "truth_lawful",
        "reconstruction_lawful",
    ),
    groups={"id": "trained kinds", "both": "composed"},
    clip_columns=score.CLIP_COLUMNS,
    figures=(Figure("shares", "Lawful and vanishing objects. A dot per seed.", _bars),),
    decide=_verdicts,
    legend="An object is lawful if it did not vanish, its velocity between the true events is the law's within 0.5 "
    "world units per second or a fifth, and it is less than one world unit from its true place on average. It "
    "vanishes when less than a quarter of it is seen in three generated frames in a row in which all of it "
    "should be. Trained kinds: new scenes of the two training halves.",
    beside=(BESIDE,),
)
