"""What a study's report is, and which studies have one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pandas as pd

from physlaw.config import CellConfig
from physlaw.errors import unknown
from physlaw.report import combinatorial, id_ood
from physlaw.report.deeper import attributes, composition, memorization, ratios, square_out, velocity_gap
from physlaw.report.tables import Compared
from physlaw.report.verdicts import Verdict


class StudyReport(Protocol):
    """One study's part of a results folder, as a module with these four functions."""

    def gather(self, cells: list[CellConfig], out: Path) -> None:
        """Copy from finished cells' folders what tables, figures and page need beside metrics.csv."""
        ...

    def write(self, folder: Path, metrics: pd.DataFrame, notes: str) -> Path:
        """Draw table.md, table.tex, figures/ and report.html from what lies in the folder; returns the page's path."""
        ...

    def compare(self, here: pd.DataFrame, there: pd.DataFrame, tolerance: float) -> list[Compared]:
        """Numbers of one metrics.csv beside those of another; `tolerance` as a fraction, for what was trained."""
        ...

    def verdicts(self, metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
        """The claims that the study decides (DECIDED_BY), from its metrics.csv and, where a claim needs them, those of
        other studies at the same scale: study -> rows, for reading only. A claim without what it needs is NOT_RUN."""
        ...


REPORTS: dict[str, StudyReport] = {
    "id_ood": id_ood,
    "combinatorial": combinatorial,
    "velocity_gap": velocity_gap.REPORT,
    "square_out": square_out.REPORT,
    "memorization": memorization.REPORT,
    "attributes": attributes.ATTRIBUTES,
    "ring": attributes.RING,
    "composition": composition.REPORT,
    "modality": ratios.MODALITY,
    "resolution_and_length": ratios.RESOLUTION_AND_LENGTH,
}

# Claim -> the study whose report decides it. A study without a report yet decides nothing: its claims are not run.
DECIDED_BY: dict[str, str] = {
    **dict.fromkeys(("C1", "C2", "C3", "C4"), "id_ood"),
    **dict.fromkeys(("C5", "C6", "C7"), "combinatorial"),
    "C8": "velocity_gap",
    "C9": "square_out",
    "C10": "memorization",
    "C11": "attributes",
    "C12": "ring",
    "C13": "composition",
    "C14": "modality",
    "C15": "combinatorial",
    "C16": "resolution_and_length",
}


def study_report(study: str) -> StudyReport:
    """Raises UserError for a study that has no report."""
    if study not in REPORTS:
        raise unknown("study", study, REPORTS)
    return REPORTS[study]


def report_of(metrics: pd.DataFrame) -> StudyReport:
    """The report that the rows of a metrics.csv belong to."""
    return study_report(str(metrics["study"].iloc[0]))
