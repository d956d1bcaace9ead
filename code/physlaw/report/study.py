"""What a study's report is, and which studies have one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pandas as pd

from physlaw.config import CellConfig
from physlaw.errors import unknown
from physlaw.report import combinatorial, id_ood
from physlaw.report.tables import Compared


class StudyReport(Protocol):
    """One study's part of a results folder, as a module with these three functions."""

    def gather(self, cells: list[CellConfig], out: Path) -> None:
        """Copy from finished cells' folders what tables, figures and page need beside metrics.csv."""
        ...

    def write(self, folder: Path, metrics: pd.DataFrame, notes: str) -> Path:
        """Draw table.md, table.tex, figures/ and report.html from what lies in the folder; returns the page's path."""
        ...

    def compare(self, here: pd.DataFrame, there: pd.DataFrame, tolerance: float) -> list[Compared]:
        """Numbers of one metrics.csv beside those of another; `tolerance` as a fraction, for what was trained."""
        ...


REPORTS: dict[str, StudyReport] = {"id_ood": id_ood, "combinatorial": combinatorial}


def study_report(study: str) -> StudyReport:
    """Raises UserError for a study that has no report."""
    if study not in REPORTS:
        raise unknown("study", study, REPORTS)
    return REPORTS[study]


def report_of(metrics: pd.DataFrame) -> StudyReport:
    """The report that the rows of a metrics.csv belong to."""
    return study_report(str(metrics["study"].iloc[0]))
