"""Section 5.1 of the paper, Fig. 5: uniform motion trained without some speeds. Does a model interpolate, or snap?

Cells: training set x model x seed; the sets are those of BANDS. Scored by the corrected velocity error in the trained
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
            "Sum over the gap's clips of abs(v_generated - v_conditioned), over the same of a snapper, who takes the "
            "nearest trained speed: above one half in the widest gap, where most speeds are trained ones too; below "
            "one half in the narrow gap and between two islands. Training sets of equal clip counts"
        ),
        threshold="lower bounds > 0.5 in the widest gap, upper bounds < 0.5 in the narrow one and with islands",
        paper="a figure, no numbers",
        says={
            "whether": "models copy trained speeds across a wide gap, and follow the asked ones in narrow gaps",
            "supported": (
                "{scale}, asked for a speed in the wide gap models mostly draw a trained one instead; in the narrow "
                "gap and between islands they err less than half as much as a copier would; least certain is "
                "{part}: {value:.2f} [{low:.2f}, {high:.2f}], limit 0.5 ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that speeds are copied across a wide gap and followed in narrow ones: "
                "{part} is {value:.2f} [{low:.2f}, {high:.2f}], on the wrong side of 0.5 ({seeds})."
            ),
        },
        must_fail=("law", "clamp", "snapper", "nearest_case", "random_band"),
        must_pass=("interpolator",),
    ),
}
HALF = 0.5  # of the way from following the law (0) to copying the nearest trained speed (1)
EDGE, EDGE_IMPUTED = "edge_ratio", "edge_ratio_imputed"  # error / snapper's error over the gap's clips
WIDE = "gap_125_375"
DECIDING = (WIDE, "gap_175_325", "gap_two_islands")  # the widest gap snaps, these two interpolate
NAMES = {
    "gap_125_375": "gap 1.25 to 3.75",
    "gap_150_350": "gap 1.5 to 3.5",
    "gap_175_325": "gap 1.75 to 3.25",
    "gap_200_300": "gap 2 to 3",
    "gap_one_island": "gap and one island",
    "gap_two_islands": "gap and two islands",
}
# Trained bands of speed; sets.py has the rule at their ends.
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
PAPER = "Fig. 5, no figures: wide gaps snap, the narrowest and the islands interpolate"
