"""The report of section 3: velocity errors in and out of distribution."""

from functools import partial

from physlaw.report.clips import gather_clips
from physlaw.report.front import Front
from physlaw.report.study_report import StudyReport
from physlaw.studies.id_ood import score, study
from physlaw.studies.id_ood.report import front, page
from physlaw.studies.id_ood.report.verdicts import verdicts

REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    columns=("generated_corrected", "truth_corrected", "reconstruction_corrected", "retrieved_corrected"),
    groups={"id": "in distribution", "ood": "out of distribution"},
    clip_columns=score.CLIP_COLUMNS,
    decide=verdicts,
    layout=page.LAYOUT,
    tex="grid",
    caption=page.CAPTION,
    gathering=partial(
        gather_clips,
        columns=score.CLIP_COLUMNS,
        where_there=score.OF_TWO_BALLS,
        blocks=study.SHOWN_BLOCKS,
    ),
    videos=page.shown_clips,
    compared=r"id|ood\d*",
    front=Front(front.answer, front.strips),
)
