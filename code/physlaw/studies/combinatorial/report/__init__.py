"""The report of section 4: quality in and out of template against the number of templates trained on."""

import sys

from physlaw.studies.combinatorial.report.comparison import compare
from physlaw.studies.combinatorial.report.folders import gather
from physlaw.studies.combinatorial.report.page import write
from physlaw.studies.combinatorial.report.verdicts import verdicts

__all__ = ["REPORT", "compare", "gather", "verdicts", "write"]
REPORT = sys.modules[__name__]  # a module with these four functions is a Report
