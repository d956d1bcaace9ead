"""Section 5.2, Fig. 7: the scatter over all speeds, the share reversed, C10."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from physlaw.report.checks import NOT_RUN, Judgement, Part, judge, over_seeds, paired
from physlaw.report.compared import is_agent, lacking, one_model, trained_gates, values_of
from physlaw.report.sections import Figure
from physlaw.report.speeds import speed_panels
from physlaw.report.study_report import StudyReport
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.memorization import score, study

THRESHOLD = (
    f"with mirror images minus without: lower bound > 0, not supported below {study.EFFECT:g}; without: upper bound < "
    f"{study.NEVER:g}"
)


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C10: a reversed ball is seen and moves to the left; one that vanishes is no reversed one. Of all clips."""
    model, size = one_model(metrics)
    cells = {name: {"scenario": name, "model": model, "size": size} for name in study.NAMES}
    plain, flipped = (values_of(metrics, study.REVERSED, **cell, group="slow") for cell in cells.values())
    missing = [study.NAMES[n] for n, rows in zip(cells, (plain, flipped), strict=True) if rows.empty]
    if why := lacking(metrics, [study.REVERSED]) or (f"not finished: {', '.join(missing)}" if missing else ""):
        return [verdict_of(metrics, study, "C10", Judgement(NOT_RUN, why), why, THRESHOLD)]
    change, never = paired(plain, flipped), over_seeds(plain)
    parts = [
        Part("with mirror images minus without", change, 0.0, smallest=study.EFFECT, digits=3),
        Part("without", never, study.NEVER, above=False, digits=3),
    ]
    vanished = [values_of(metrics, study.VANISHED, **cell, group="slow")["value"].mean() for cell in cells.values()]
    found = (
        f"{model}, {size}, slow clips; reversed without mirror images {never.text(3)}; with them "
        f"{over_seeds(flipped).text(3)}; difference {change.text(3, '+')}; vanished {vanished[0]:.3f} and "
        f"{vanished[1]:.3f}"
    )
    judged = judge(parts, trained_gates(metrics, list(cells.values()), reversible=False), agent=is_agent(metrics))
    return [verdict_of(metrics, study, "C10", judged, found, THRESHOLD, change.basis)]


def _draw(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    speed_panels(metrics, clips, path, study.NAMES, study.BANDS, (1.0, 4.0))


REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    columns=(
        "generated_corrected",
        "truth_corrected",
        "reversed",
        "in_band",
        "snap",
        "nearer_to_case",
        "generated_missing",
    ),
    groups={"id": "fast (trained)", "slow": "slow"},
    clip_columns=score.CLIP_COLUMNS,
    figures=(
        Figure(
            "speeds",
            "Generated against conditioned speed. Each dot is a clip; the grey band was trained, to the right in both "
            "sets and in the second to the left too. A ball that turns back is below 0.",
            _draw,
        ),
    ),
    decide=_verdicts,
    legend="Velocity error: the corrected one, world units per second. Reversed: the generated ball moves to the left. "
    "At a trained speed: within 0.05 of 2.5 to 4, either way. Snap index: 0 follows the conditioned speed, 1 is pulled "
    "up to 2.5.",
)
