"""The report of section 4: quality in and out of template against the number of templates trained on."""

from physlaw.report.combinatorial.claims import verdicts
from physlaw.report.combinatorial.comparison import compare
from physlaw.report.combinatorial.folders import gather
from physlaw.report.combinatorial.page import write

__all__ = ["compare", "gather", "verdicts", "write"]
