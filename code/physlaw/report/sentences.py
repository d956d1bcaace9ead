"""A verdict as one sentence of plain English, made from its numbers, for who has not read the paper.

What a decided verdict says is its study's business (Claim.says); why nothing is decided is said here, for all studies.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from physlaw.report.checks import INCONCLUSIVE, NOT_APPLICABLE, NOT_RUN
from physlaw.report.verdicts import Verdict

SCALES = {
    "smoke": "In the smallest runs",
    "mini": "In small runs",
    "paper": "At the paper's size",
    "exam": "In this exam",
}
GENERAL = {
    INCONCLUSIVE: "{scale}, it is open whether {whether}: {reason}.",
    NOT_RUN: "{scale}, it is not known yet whether {whether}: {reason}.",
    NOT_APPLICABLE: "{scale}, it cannot be asked whether {whether}: {reason}.",
}
# What a reason of report.checks and of the studies begins with -> what it means; the first that fits.
REASONS = (
    (r"fails where trained", "a model does badly what it was trained on, so that its errors elsewhere say little"),
    (
        r"fails where nothing is ambiguous",
        "clear outcomes are drawn wrong too, so that errors on unclear ones say little",
    ),
    (r"(\d+) seeds?: open", "{0} of at least 3 random starts, and the numbers so far point neither way"),
    (r"(\d+) seeds?: (for|against)", "{0} of at least 3 random starts, so far {1} the claim"),
    (r"crosses", "{part}, {value:.3g} [{low:.3g}, {high:.3g}], has its limit within the interval"),
    (r"to be run again", "the runs were stored before all that is now asked was measured, and have to be run again"),
    (r"not finished", "not all that has to be compared has been run"),
    (r"nothing to compare", "there is only one size of model and of training set, and so nothing to compare"),
    (r"no results of", "nobody has run it"),
    (r"(\S+) has no profile", "{0} is not run at this scale"),
)
SO_FAR = " (least in favour so far is {part}: {value:.3g} [{low:.3g}, {high:.3g}])"


def sentence(one: Verdict, says: Mapping[str, str], scale: str) -> str:
    """What the verdict says, with the number that decided it.

    Args:
        says: the claim's words (studies.claim). scale: a profile's name.
    """
    numbers = {"value": one.value, "low": one.low, "high": one.high}
    known: dict[str, str | float] = {
        "scale": SCALES.get(scale, f"In the runs {scale.replace('_', ' ')}"),
        "seeds": f"{one.seeds} random start{'' if one.seeds == 1 else 's'}",
        "part": one.part or "the number that decides",
        **numbers,
    }
    template, numbered = says.get(one.verdict), all(map(math.isfinite, numbers.values()))
    if template and numbered:
        return template.format(**known)
    reason = _reason(one.reason or one.found, known)
    if one.verdict == INCONCLUSIVE and numbered and not one.reason.startswith("crosses"):
        reason += SO_FAR.format(**known)
    general = GENERAL.get(one.verdict, f"{{scale}}, {one.verdict} that {{whether}}: {{reason}}.")
    return general.format(reason=reason, whether=says["whether"], **known)


def with_sentence(one: Verdict, says: Mapping[str, str], scale: str) -> Verdict:
    """The verdict with its sentence."""
    return replace(one, sentence=sentence(one, says, scale))


def _reason(text: str, known: dict[str, str | float]) -> str:
    """Why nothing is decided, in words; what is not known of REASONS as it is."""
    for pattern, words in REASONS:
        found = re.match(pattern, text)
        lacks = "{value" in words and not math.isfinite(float(known["low"]) + float(known["high"]))
        if found and lacks:
            return "the numbers have no interval yet"
        if found:
            return words.format(*found.groups(), **known)
    return text.replace("; ", ", ")
