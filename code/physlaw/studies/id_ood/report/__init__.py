"""The report of section 3: velocity errors in and out of distribution."""

import sys

from physlaw.studies.id_ood.report.folders import gather
from physlaw.studies.id_ood.report.page import write
from physlaw.studies.id_ood.report.tables import compare
from physlaw.studies.id_ood.report.verdicts import verdicts

__all__ = ["REPORT", "compare", "gather", "verdicts", "write"]
REPORT = sys.modules[__name__]  # a module with these four functions is a Report
