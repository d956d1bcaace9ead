"""Section 5.1 of the paper, Fig. 5: uniform motion trained without some speeds. Does a model interpolate, or snap?

Cells: training set x model x seed; the sets are data.config.GAPS. Scored by the corrected velocity error in the trained
bands, in the gap and beyond the range, and by the snap index: 0 follows the conditioned speed, 1 copies the nearer
band's edge. Decides C8. No torch, no numpy. Source: released data section 5.2.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Velocity gaps"
QUESTION = "Asked for a speed that training left out, does a model interpolate, or snap to the nearest trained speed?"
SCENARIOS = dict.fromkeys(
    ("gap_125_375", "gap_150_350", "gap_175_325", "gap_200_300", "gap_one_island", "gap_two_islands"),
    ("300", "3k", "30k", "300k", "3m"),
)
CLAIMS = {
    "C8": Claim(
        words=(
            "Across a wide gap of velocities speeds snap to the nearer band; a narrow gap or islands are interpolated"
        ),
        check=(
            "A wide gap snaps, a narrow gap or islands interpolate: mean abs(v_generated - v_conditioned) in "
            "the gap falls from the widest gap to the narrower ones, and from it to one and to two islands"
        ),
        threshold="every difference > 0, its interval beyond 0",
        paper="a figure, no numbers",
        must_fail=("law", "clamp", "snapper", "nearest_case", "random_band"),
        must_pass=("interpolator",),
    ),
}
# Sets in the order of the claim: each should have a smaller error than the one before.
ORDERS = (
    ("gap_125_375", "gap_150_350", "gap_175_325"),
    ("gap_125_375", "gap_one_island", "gap_two_islands"),
)
NAMES = {
    "gap_125_375": "gap 1.25 to 3.75",
    "gap_150_350": "gap 1.5 to 3.5",
    "gap_175_325": "gap 1.75 to 3.25",
    "gap_200_300": "gap 2 to 3",
    "gap_one_island": "gap and one island",
    "gap_two_islands": "gap and two islands",
}
# Trained bands of speed, for the figure; worlds/variants.py has the rule at their ends.
BANDS = {
    "gap_125_375": ((1.0, 1.25), (3.75, 4.0)),
    "gap_150_350": ((1.0, 1.5), (3.5, 4.0)),
    "gap_175_325": ((1.0, 1.75), (3.25, 4.0)),
    "gap_200_300": ((1.0, 2.0), (3.0, 4.0)),
    "gap_one_island": ((1.0, 1.25), (2.375, 2.625), (3.75, 4.0)),
    "gap_two_islands": ((1.0, 1.25), (1.875, 2.125), (2.875, 3.125), (3.75, 4.0)),
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "snapper", "random_band", "interpolator", "nearest_case")
# The widest gap.
WIDEST = "gap_125_375"
PAPER = "Fig. 5, no figures: wide gaps snap, the narrowest and the islands interpolate"
