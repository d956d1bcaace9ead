"""Section 5.2, Fig. 7: the scatter over all speeds, the share reversed, C10."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from physlaw.report.sections import Figure
from physlaw.report.speeds import speed_panels
from physlaw.report.study_report import StudyReport, make_verdict, not_run, one_model, values_of
from physlaw.report.verdicts import Verdict, decide, difference
from physlaw.studies.memorization import score, study

THRESHOLD = "difference > 0, its interval beyond 0"


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    model, size = one_model(metrics)
    plain, flipped = (
        values_of(metrics, "reversed", scenario=name, model=model, size=size, group="slow")
        for name in (study.PLAIN, study.FLIPPED)
    )
    if plain.empty or flipped.empty:
        missing = [study.NAMES[n] for n, rows in ((study.PLAIN, plain), (study.FLIPPED, flipped)) if rows.empty]
        return [not_run(metrics, study, "C10", f"not finished: {', '.join(missing)}", THRESHOLD)]
    change = difference(plain, flipped)
    found = (
        f"{model}, {size}, slow clips; reversed without mirror images {_share(plain)}; with them {_share(flipped)}; "
        f"difference {change.text(3)}"
    )
    return [make_verdict(metrics, study, "C10", decide([change]), found, THRESHOLD, change.basis)]


def _share(rows: pd.DataFrame) -> str:
    if len(rows) > 1:
        return f"{rows['value'].mean():.3f} ({', '.join(f'{value:.3f}' for value in rows['value'])} by seed)"
    row = rows.iloc[0]
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


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
