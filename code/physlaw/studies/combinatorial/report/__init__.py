"""The report of section 4: quality in and out of template against the number of templates trained on."""

from physlaw.metric import COUNT
from physlaw.report.study_report import StudyReport
from physlaw.studies.combinatorial import score, study
from physlaw.studies.combinatorial.abnormal import CAUSES
from physlaw.studies.combinatorial.detector import DETECTOR
from physlaw.studies.combinatorial.report import page
from physlaw.studies.combinatorial.report.folders import gather
from physlaw.studies.combinatorial.report.rows import SET_NAMES
from physlaw.studies.combinatorial.report.verdicts import verdicts

REPORT = StudyReport(
    study,
    metrics=score.METRICS,
    # All but causes and counts: shares of few clips.
    columns=tuple(one.column for one in score.METRICS if one.interval != COUNT and one.name not in CAUSES),
    groups=SET_NAMES,
    clip_columns=(),
    decide=verdicts,
    layout=page.LAYOUT,
    tex="headline",
    caption=page.CAPTION,
    about_verdicts=page.ABOUT_VERDICTS,
    about_clips=page.ABOUT_CLIPS,
    gathering=gather,
    videos=page.shown_clips,
    compared="in_template|out_of_template|false positives|found: .*|all (0 to 1|1 to inf) px",
    # The detector is tuned and tested on simulated clips, no model is involved.
    allowed=((DETECTOR, 0.05),),
)
