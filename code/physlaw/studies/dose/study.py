"""Beyond the paper: how many fast clips cure fast balls, and how far does the cure reach?

Cells: dose x kind x seed. To a uniform training set 1, 4, 16, 64 or 256 clips are added, either fast ones (ADDED) or,
as control, as many of the trained speeds; dose_0 has none. Asked for speeds at, between, beyond the added ones and
below the trained ones. Decides E2. No torch, no numpy.

Written before any cell ran (27 November 2026): the hypothesis is the claim, the budget that of the profile mini (33
cells, 8,000 steps of 16 clips each), thresholds and the deciding dose are the constants below.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Dose and cure"
QUESTION = "How many fast clips among slower ones does a model need to draw fast balls, and how far does that reach?"
DOSES = (1, 4, 16, 64, 256)
NONE = "dose_0"
FAST = {f"dose_fast_{count}": count for count in DOSES}
CONTROL = {f"dose_id_{count}": count for count in DOSES}
NAMES = {
    NONE: "no clip added",
    **{name: f"{count} fast added" for name, count in FAST.items()},
    **{name: f"{count} more of the same" for name, count in CONTROL.items()},
}
SCENARIOS = dict.fromkeys(NAMES, ("300", "3k"))
DECIDING = 64  # clips, 2 % of 3,000
CURE = 0.5  # share of the way from the trained range's edge to the asked speed, at the added speeds
FAR = 0.5  # world units / s beyond the added speeds
CLAIMS = {
    "E2": Claim(
        words="Sixty-four fast clips among 3,000 cure fast balls at their own speed, but not half a unit beyond it",
        check=(
            "With 64 fast clips added (4.9 to 5.1) against as many of the trained speeds, same seeds: share of the way "
            "from 4, the fastest trained speed, to the asked one that generated balls go, at the added speeds "
            "(follow), by how much more; and how far beyond 5.1 the mean speed error of bins 0.2 wide stays below 0.25"
        ),
        threshold=f"follow: lower bound of the gain > {CURE:g}; reach: upper bound < {FAR:g}",
        paper="not asked",
        says={
            "whether": "64 fast clips among 3,000 are enough for balls as fast as these, and not for faster ones",
            "supported": (
                "{scale}, 64 fast clips among 3,000 are enough for balls as fast as these, and do not reach half "
                "a unit of speed beyond; least certain is {part}: {value:.2f} [{low:.2f}, {high:.2f}] ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that 64 fast clips are enough for balls as fast as these and not for faster "
                "ones: {part} is {value:.2f} [{low:.2f}, {high:.2f}], on the wrong side of 0.50 ({seeds})."
            ),
        },
        must_fail=("law", "held", "generaliser"),
        must_pass=("clamp",),
    ),
}
RANGE = (1.0, 4.0)  # trained speeds
ADDED, BETWEEN, BEYOND, SLOWER = (4.9, 5.1), (4.1, 4.8), (5.15, 6.15), (0.2, 0.8)
BIN, CLOSE = 0.2, 0.25  # of the reach: width of a bin of speed; mean speed error, world units / s
REACH = "reach"
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "nearest_case", "held", "generaliser")
