"""Appendix A.5.1 of the paper: collisions, conditioned also on the initial state as numbers or as a sentence.

Cells: vision, + numbers, + text x data size x seed, one size of model (the paper's is DiT-B). Scored as id_ood. Decides
C14. No torch, no numpy.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Numbers and text beside pictures"
QUESTION = "Does a model err less out of distribution when it is told the initial state as numbers or in words too?"
SCENARIOS = {"collision": ("300", "3k", "30k", "300k", "3m", "24m", "10k", "110k", "1.6m")}
CLAIMS = {
    "C14": Claim(
        words="Numbers or text as further conditions do not help OOD",
        plain="Telling a model the start in numbers or in words does not help on motions unlike those in training",
        check=(
            "Numbers or text do not help out of distribution: log ratio of the OOD error to vision only, "
            "mean over data sizes; a help of more than a tenth must be excluded"
        ),
        threshold="lower 95 % bound of the log ratio > -0.1",
        paper="slightly worse with numbers, clearly worse with text",
        says={
            "whether": "telling a model the start in numbers or in words helps on motions unlike those in training",
            "supported": (
                "{scale}, telling a model the start in numbers or in words lowers its error on motions unlike those "
                "in training by less than a tenth; least certain is {part}: logarithm of the errors' ratio "
                "{value:+.2f} [{low:+.2f}, {high:+.2f}], below 0 helps ({seeds})."
            ),
            "not supported": (
                "{scale}, telling a model the start helps on motions unlike those in training, by more than a tenth "
                "with {part}: logarithm of the errors' ratio {value:+.2f} [{low:+.2f}, {high:+.2f}] ({seeds})."
            ),
        },
        must_fail=("told_law",),
        must_pass=("clamp",),
    ),
}
MARGIN = 0.1  # of the logarithm: a tenth less error would be a help
SCENARIO = "collision"
MODALITIES = ("numbers", "text")
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "told_law", "told_law_numbers", "told_law_text")
AGENT_MODELS = ("", *MODALITIES)  # an agent without a modality is all of these
PAPER = "no help in distribution; out of it slightly worse with numbers, clearly worse with text"
