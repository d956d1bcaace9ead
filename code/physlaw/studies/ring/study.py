"""Appendix A.5.2 of the paper, Fig. 13: colour against shape with a ball and a ring instead of a ball and a square.

Cells: with or without mirror images x model x seed. Training shows red balls and blue rings; asked for blue balls and
red rings. Decides C12, beside colour against shape of the study attributes. The page also measures the paper's
explanation, that the attribute is kept whose change costs more pixels. No torch, no numpy. The sets are ours:
the release has none.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Ball and ring"
QUESTION = "Does colour still win over shape when a change of shape changes more pixels?"
SCENARIOS = dict.fromkeys(("colour_ring", "colour_ring_noflip", "colour_ring_rgb"), ("300", "3k", "30k", "300k", "3m"))
CLAIMS = {
    "C12": Claim(
        words="With a ring colour no longer dominates shape",
        check=(
            "With a ring colour no longer dominates: of the crossed clips that keep one attribute, the share "
            "that keep colour is below one half, and smaller with ball and ring than with ball and square"
        ),
        threshold="share < 0.5 and difference (ring minus square) < 0, their intervals beyond",
        paper="examples, no figures",
        says={
            "whether": "colour stops winning against shape when the shapes are ball and ring",
            "supported": (
                "{scale}, with ball and ring colour is kept in less than half of the clips that keep one attribute, "
                "and less often than with ball and square; least certain is {part}: {value:+.2f} [{low:+.2f}, "
                "{high:+.2f}] as a share of the clips ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that colour stops winning with ball and ring: {part}, {value:+.2f} "
                "[{low:+.2f}, {high:+.2f}] as a share of the clips ({seeds})."
            ),
            "not supported (weakened)": (
                "{scale}, colour is kept less often with ball and ring than with ball and square, yet not in less "
                "than half of the clips: {part}, {value:.0%} [{low:.0%}, {high:.0%}] ({seeds})."
            ),
        },
        must_fail=("law", "colour_keeper"),
        must_pass=("priority",),
        also=("attributes",),
    ),
}
PAIRS = ("colour_ring",)
NO_FLIPS = "_noflip"
RING, SQUARE = "colour_ring", "colour_shape"  # the set that decides, and the one of the study attributes beside it
DOMINANT = 0.9  # a share from which colour dominates
NAMES = {
    "colour_ring": "colour against shape, ball and ring",
    "colour_ring_noflip": "colour against shape, ball and ring, no mirror images",
    "colour_ring_rgb": "colour against shape, ball and ring, pictures as RGB",
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "nearest_case", "priority", "colour_keeper", "random_attribute")
PAPER = "Fig. 13, no figures: colour no longer dominates; priority follows the amount of pixel change"
