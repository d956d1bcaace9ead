"""The numbers of two runs beside each other: which of them differ by more than another machine may make them."""

from __future__ import annotations

import math

import pandas as pd

from physlaw.report.tables import Compared
from physlaw.studies.combinatorial.report.rows import ABOVE, BELOW, finished

DETECTOR_TOLERANCE = 0.05  # absolute: the detector is tuned and tested on simulated clips, no model is involved
SHARES = ("abnormal", "matched", BELOW, ABOVE)
SMALLEST_SHARE = 0.1  # a smaller committed share is held to what is allowed at this one: it is a handful of clips
KEY = ["cell", "kind", "group", "source", "measure"]


def compare(here: pd.DataFrame, there: pd.DataFrame, tolerance: float) -> list[Compared]:
    """Every set's measures, the accuracies at both sides of one pixel, and the detector's shares; in `here`'s order.

    A measure agrees within the fraction `tolerance` of the committed value, a share within that fraction of itself or
    of SMALLEST_SHARE, whichever is more, a detector's share within DETECTOR_TOLERANCE. Left out: what one side could
    not measure and says why (no weights), and shares of few clips (causes, single ranges of margins).
    """
    compared = []
    pairs = _compared_rows(here).merge(_compared_rows(there), on=KEY, suffixes=("", "_there"))
    for row in pairs.to_dict("records"):
        ours, theirs = float(row["value"]), float(row["value_there"])
        if _unmeasured(ours, row["note"]) or _unmeasured(theirs, row["note_there"]):
            continue
        if row["kind"] == "detector":
            bound, shown = DETECTOR_TOLERANCE, f"{DETECTOR_TOLERANCE:g}"
        elif row["measure"] in SHARES:
            bound = tolerance * max(abs(theirs), SMALLEST_SHARE)
            shown = f"{bound:.2g}"
        else:
            bound, shown = tolerance * abs(theirs), f"{tolerance:.0%}"
        agree = abs(ours - theirs) <= bound or (math.isnan(ours) and math.isnan(theirs))
        name = f"{row['group']} {row['source']} {row['measure']}"
        compared.append(Compared(str(row["cell"]), name, ours, theirs, shown, agree))
    return compared


def _compared_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    rows = finished(metrics)
    halves = (rows["kind"] == "ambiguity") & (rows["group"] == "all") & rows["measure"].isin([BELOW, ABOVE])
    return rows.loc[rows["kind"].isin(["set", "detector"]) | halves, [*KEY, "value", "note"]]


def _unmeasured(value: float, note: object) -> bool:
    return math.isnan(value) and isinstance(note, str) and bool(note)
