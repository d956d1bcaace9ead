"""Section 5.1 of the paper, Fig. 6: collisions trained without some pairs of speeds, or of sizes.

Cells: hole x model x seed; the sets are those of sets.py, all with the older grids' 4 frames before the contact.
Scored by the corrected velocity error on the release's grid of speeds (of sizes for the mass hole): in what was
trained, in what was removed but lies in the convex hull of the rest, and outside the hull. Decides C9. No torch, no
numpy. Source: released data section 5.3.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Holes in the training set"
QUESTION = "Is a collision that training left out predicted well if it lies between trained ones, and badly if not?"
SCENARIOS = dict.fromkeys(
    (
        *("hole_200_300", "hole_175_325", "hole_150_350", "hole_125_375", "hole_110_390"),
        *("hole_several", "hole_all_but_rim", "hole_mass", "hole_none"),
    ),
    ("10k", "110k", "1.6m"),
)
CLAIMS = {
    "C9": Claim(
        words="Inside the hull of the training set errors are small, outside large",
        check=(
            "Trained on the L-shaped rim alone: the error outside its hull over that inside, in the range of speeds, "
            "over the same of a control trained on everything; and the error inside over that on trained pairs"
        ),
        threshold="lower bound of the ratio of ratios >= 2; inside at most twice the trained error",
        paper="a figure, no numbers",
        says={
            "whether": "collisions between trained ones are drawn well and others badly",
            "supported": (
                "{scale}, collisions between trained ones are drawn at most twice as badly as trained ones, and "
                "leaving the trained ones' hull costs at least twice as much as for a model that was trained on "
                "everything; least certain is {part}: {value:.2f} [{low:.2f}, {high:.2f}] ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that collisions between trained ones are drawn well and others badly: "
                "{part} is {value:.2f} [{low:.2f}, {high:.2f}], on the wrong side of 2 ({seeds})."
            ),
        },
        must_fail=("law", "nearest_case"),
        must_pass=("hull",),
    ),
}
RATIO, INSIDE = 2.0, 2.0  # ours, the paper has no figures
RIM, CONTROL, OUTSIDE = "hole_all_but_rim", "hole_none", "outside_in_range"
NAMES = {
    "hole_200_300": "both speeds in 2 to 3",
    "hole_175_325": "both in 1.75 to 3.25",
    "hole_150_350": "both in 1.5 to 3.5",
    "hole_125_375": "both in 1.25 to 3.75",
    "hole_110_390": "both in 1.1 to 3.9",
    "hole_several": "three rectangles",
    "hole_all_but_rim": "all but the L-shaped rim",
    "hole_mass": "both radii in 0.8 to 1.2",
    "hole_none": "nothing: the control",
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "nearest_case", "hull")
PAPER = "Fig. 6, no figures: holes inside the hull are predicted well, outside it errors are large"
