"""Section 5.4 and appendix A.5.3 of the paper, Fig. 11 and 14: events learned apart, asked for together.

Cells: composition_spatial (a square moves, or a ball bounces; asked for both), composition_temporal (two balls collide,
or one bounces off the wall; asked for a collision and then a bounce), composition_temporal_plain (the same, no red ball
in the bounce half) x model x seed. Scored by the share of clips in which each object moves lawfully and the share in
which it vanishes. Decides C13, beside two pairs of the study attributes. No torch, no numpy. The scenes are ours: the
release has none.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Composition"
QUESTION = "Do events that training shows apart happen lawfully together, at other places and one after the other?"
SCENARIOS = dict.fromkeys(
    ("composition_spatial", "composition_temporal", "composition_temporal_plain"), ("300", "3k", "30k", "300k", "3m")
)
CLAIMS = {
    "C13": Claim(
        words="Attribute, spatial and temporal compositions work; the last fails if the red ball was never at the wall",
        check=(
            "Attributes (size with velocity, colour with size), places and times combine; times do not "
            "without the red ball in the bounce half: share of crossed clips that keep both attributes, and "
            "of composed clips in which every object moves lawfully, at least half; the red ball vanishes "
            "more often without it than with it"
        ),
        threshold="every share >= 0.5, its interval beyond; difference > 0, its interval beyond 0",
        paper="examples, no figures",
        says={
            "whether": "what training shows apart is drawn lawfully together",
            "supported": (
                "{scale}, what training shows apart is drawn lawfully together in more than half of the clips, and "
                "a red ball that was never seen at the wall vanishes there more often; least certain is {part}: "
                "{value:.0%} [{low:.0%}, {high:.0%}] of the clips ({seeds})."
            ),
            "not supported": (
                "{scale}, not all of what training shows apart is combined as the paper says: {part}, {value:.0%} "
                "[{low:.0%}, {high:.0%}] of the clips ({seeds})."
            ),
        },
        must_fail=("nearest_case", "law"),
        must_pass=("composer",),
        also=("attributes",),
    ),
}
THRESHOLD, VANISHING = 0.5, 0.05  # of shares; the smallest difference of vanishing that counts
NAMES = {
    "composition_spatial": "spatial",
    "composition_temporal": "temporal",
    "composition_temporal_plain": "temporal, no red ball in the bounce half",
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "nearest_case", "composer")
# Training never shows the red ball at the wall.
NEVER_AT_WALL = "composition_temporal_plain"
PAPER = "Fig. 11, 14, no figures: both compositions are lawful; without the red ball it sometimes vanishes"
