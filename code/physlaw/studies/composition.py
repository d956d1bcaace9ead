"""Section 5.4 and appendix A.5.3 of the paper, Fig. 11 and 14: events learned apart, asked for together.

Cells: composition_spatial (a square moves, or a ball bounces; asked for both), composition_temporal (two balls collide,
or one bounces off the wall; asked for a collision and then a bounce), composition_temporal_plain (the same, no red ball
in the bounce half) x model x seed. Scored by the share of clips in which each object moves lawfully and the share in
which it vanishes. Decides C13, beside two pairs of the study attributes. No torch, no numpy. The scenes are ours: the
release has none.
"""

TITLE = "Composition"
QUESTION = "Do events that training shows apart happen lawfully together, at other places and one after the other?"
CLAIMS = {
    "C13": "Attributes (size with velocity, colour with size), places and times combine; times do not without the red "
    "ball in the bounce half: share of crossed clips that keep both attributes, and of composed clips in which every "
    "object moves lawfully, at least half; the red ball vanishes more often without it than with it",
}
THRESHOLD = 0.5
NAMES = {
    "composition_spatial": "spatial",
    "composition_temporal": "temporal",
    "composition_temporal_plain": "temporal, no red ball in the bounce half",
}
PAPER = "Fig. 11, 14, no figures: both compositions are lawful; without the red ball it sometimes vanishes"
