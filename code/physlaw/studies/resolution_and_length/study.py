"""Section 3 of the paper, in passing: uniform motion at twice the resolution, and trained three times as long.

Cells: uniform, uniform_fine (the same clips with twice the side), uniform_long (three times the steps) x seed. Scored
as id_ood. Decides C16. No torch, no numpy.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Resolution and length of training"
QUESTION = "Does a model err less in distribution at twice the resolution, or when trained three times as long?"
SCENARIOS = dict.fromkeys(
    ("uniform", "uniform_fine", "uniform_long", "uniform_short"), ("300", "3k", "30k", "300k", "3m")
)
CLAIMS = {
    "C16": Claim(
        words="256 x 256 is not better than 128 x 128, three times the steps not better than once",
        plain="Neither twice the side nor three times the steps helps on motions like those in training",
        check=(
            "Twice the side or three times the steps are no better: log ratio of the ID error to the plain "
            "cell's; a help of more than a tenth must be excluded"
        ),
        threshold="lower 95 % bound of the log ratio > -0.1",
        paper="similar errors",
        says={
            "whether": "twice the side or three times the steps helps on motions like those in training",
            "supported": (
                "{scale}, neither twice the side nor three times the steps lowers the error on motions like those "
                "in training by a tenth; least certain is {part}: logarithm of the errors' ratio {value:+.2f} "
                "[{low:+.2f}, {high:+.2f}], below 0 helps ({seeds})."
            ),
            "not supported": (
                "{scale}, {part} lowers the error on motions like those in training by more than a tenth: logarithm "
                "of the errors' ratio {value:+.2f} [{low:+.2f}, {high:+.2f}] ({seeds})."
            ),
        },
        must_fail=("halving_law",),
        must_pass=("noisy_law",),
    ),
}
MARGIN = 0.1  # of the logarithm
BASE, OTHERS, HALF = "uniform", ("uniform_fine", "uniform_long"), "uniform_short"
NAMES = {
    "uniform": "plain",
    "uniform_fine": "twice the side",
    "uniform_long": "three times the steps",
    "uniform_short": "half the steps",
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "noisy_law", "halving_law")
PAPER = "256 x 256 gives similar error to 128 x 128; 300K steps similar error to 100K"
