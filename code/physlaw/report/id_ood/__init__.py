"""The report of section 3: velocity errors in and out of distribution."""

from physlaw.report.id_ood.claims import verdicts
from physlaw.report.id_ood.folders import gather
from physlaw.report.id_ood.page import write
from physlaw.report.id_ood.tables import compare

__all__ = ["compare", "gather", "verdicts", "write"]
