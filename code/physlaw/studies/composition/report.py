"""Section 5.4 and A.5.3, Fig. 11 and 14: the share of lawful clips, where they fail, C13."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from physlaw.metric import by_column
from physlaw.report.figures import IN_DIST, OOD, save
from physlaw.report.sections import Figure
from physlaw.report.study_report import StudyReport, make_verdict, not_run, one_model, values_of
from physlaw.report.verdicts import Difference, Verdict, basis, decide, difference
from physlaw.studies.attributes import study as attributes
from physlaw.studies.composition import score, study

THRESHOLD = f"every share >= {study.THRESHOLD:g} and the difference > 0, intervals beyond"
SPATIAL, TEMPORAL, PLAIN = study.NAMES
BESIDE = "attributes"


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """Every part is needed: a claim of which a part was not run is not run, with what was found."""
    model, size = one_model(metrics)
    texts, missing = [], []
    parts: list[Difference] = []

    def share(rows: pd.DataFrame, name: str) -> None:
        if rows.empty:
            missing.append(name)
            return
        bound = rows.assign(value=study.THRESHOLD, low=study.THRESHOLD, high=study.THRESHOLD)
        parts.append(difference(bound, rows))
        texts.append(f"{name} {_value(rows)}")

    for pair in attributes.COMBINE:
        rows = _combining(others.get(BESIDE), pair)
        share(rows, f"{attributes.NAMES[pair]}, keeps both")
    for scenario in (SPATIAL, TEMPORAL):
        rows = values_of(metrics, "lawful", scenario=scenario, model=model, size=size, group="both")
        share(rows, f"{study.NAMES[scenario]}, lawful")
    vanished = [
        values_of(metrics, "red_vanished", scenario=scenario, model=model, size=size, group="both")
        for scenario in (TEMPORAL, PLAIN)
    ]
    if all(len(rows) for rows in vanished):
        parts.append(difference(*vanished))
        texts.append(f"red ball vanishes: with it {_value(vanished[0])}, without it {_value(vanished[1])}")
    else:
        missing.append(study.NAMES[PLAIN])
    found = "; ".join([f"{model}, {size}", *texts])
    if missing:
        return [not_run(metrics, study, "C13", f"{found}; not finished: {', '.join(missing)}", THRESHOLD)]
    return [make_verdict(metrics, study, "C13", decide(parts), found, THRESHOLD, basis(parts))]


def _combining(beside: pd.DataFrame | None, pair: str) -> pd.DataFrame:
    """The share of a pair's crossed clips that keep both attributes, with mirror images if that has finished."""
    if beside is None:
        return pd.DataFrame()
    model, size = one_model(beside)
    names = (pair, pair + attributes.NO_FLIPS)
    found = [
        values_of(beside, "keeps_both_share", scenario=name, model=model, size=size, group="crossed") for name in names
    ]
    return next((rows for rows in found if len(rows)), pd.DataFrame())


def _value(rows: pd.DataFrame) -> str:
    if len(rows) > 1:
        return f"{rows['value'].mean():.3f} ({len(rows)} seeds)"
    row = rows.iloc[0]
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


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
