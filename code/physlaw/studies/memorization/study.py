"""Section 5.2 of the paper, Fig. 7: uniform motion trained on fast balls only, with and without mirror images.

Cells: training set x model x seed; fast_right is the paper's Set-1, v in [2.5, 4] to the right, fast_flipped its Set-2,
mirrored clips added. Asked for slow balls, v in [1, 2.5], to the right. Decides C10. No torch, no numpy. The sets are
ours from the paper's description: the release has none.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Memorisation"
QUESTION = "Asked for a slower ball than any in training, does a model draw it, a fast one, or one that turns back?"
SCENARIOS = dict.fromkeys(("fast_right", "fast_flipped"), ("300", "3k", "30k", "300k", "3m"))
CLAIMS = {
    "C10": Claim(
        words="Flipped training clips cause reversed motion",
        check=(
            "Share of all slow clips in which the ball is seen in three quarters of the frames and moves to the left "
            "faster than 0.5: larger with mirror images than without, where it is below 2 %. Vanished is a class of "
            "its own"
        ),
        threshold="difference > 0, at least 2 points; without mirror images below 2 %",
        paper="none without flips; sometimes with",
        says={
            "whether": "mirror images in training make slow balls turn back",
            "supported": (
                "{scale}, slow balls turn back more often when training also showed mirror images, and without "
                "these in fewer than 2 clips of 100; least certain is {part}: {value:+.1%} [{low:+.1%}, "
                "{high:+.1%}] of the clips ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that mirror images make balls turn back, and nothing else does: {part}, "
                "{value:+.1%} [{low:+.1%}, {high:+.1%}] of the clips (at least 2 % more with mirror images, less "
                "than 2 % without, were needed; {seeds})."
            ),
        },
        must_fail=("law", "dissolver"),
        must_pass=("mirror",),
    ),
}
EFFECT, NEVER = 0.02, 0.02  # the smallest effect that counts; how seldom without mirror images
REVERSED, VANISHED = "reversed_of_all", "vanished"
PLAIN, FLIPPED = "fast_right", "fast_flipped"
NAMES = {PLAIN: "Set-1, to the right", FLIPPED: "Set-2, mirrored too"}
TRAINED_SPEEDS = (2.5, 4.0)
BANDS = dict.fromkeys(NAMES, (TRAINED_SPEEDS,))
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "nearest_case", "dissolver", "mirror")
PAPER = "Fig. 7, no figures: Set-1 positive speeds only, pulled up to the trained band; Set-2 sometimes reversed"
