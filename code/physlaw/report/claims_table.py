"""The paper's claims C1 to C16 in words: headings, and what the row of a claim says that no study has decided."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from physlaw.report.study import DECIDED_BY


@dataclass(frozen=True)
class Claim:
    """One claim. threshold: in short, while no scale has results (then theirs is shown everywhere). also: studies that
    it needs beside the one that decides it."""

    words: str
    threshold: str
    paper: str
    also: tuple[str, ...] = ()


EXAMPLES = "examples, no figures"
# Paper, sections 3 to 5 and appendix A.5.
CLAIMS: dict[str, Claim] = {
    "C1": Claim(
        "ID error falls with data and with model size",
        "every slope's upper 95 % bound < 0",
        "ID slopes on data -.18, -.06, -.20, on parameters -.31, -.25, -.32 (uniform, parabola, collision)",
    ),
    "C2": Claim(
        "OOD error is about ten times ID error",
        "lower 95 % bound >= 5",
        "uniform 24, parabola 7.8, collision 9",
    ),
    "C3": Claim(
        "Scaling does not reduce OOD error",
        "every difference's lower 95 % bound > 0",
        "OOD slopes on data -.04, .00, -.06, on parameters +.07, +.04, +.03 (uniform, parabola, collision)",
    ),
    "C4": Claim(
        "The VAE is not the bottleneck",
        "upper 95 % bound <= 0.0015",
        ".0006, .0002, .0014 (uniform, parabola, collision)",
    ),
    "C5": Claim(
        "Out-of-template quality and abnormal ratio improve with the number of templates",
        "every difference beyond its interval",
        "abnormal .67, .18, .10",
    ),
    "C6": Claim(
        "In-template quality is best with 6 templates",
        "none better after rounding",
        "SSIM .973, .973, .972",
    ),
    "C7": Claim(
        "A smaller model is worse on 60 templates",
        "every difference beyond its interval",
        "abnormal .24 against .10 out of template",
    ),
    "C8": Claim(
        "Across a wide gap of velocities speeds snap to the nearer band; a narrow gap or islands are interpolated",
        "every difference > 0, its interval beyond 0",
        "a figure, no numbers",
    ),
    "C9": Claim(
        "Inside the hull of the training set errors are small, outside large",
        "lower 95 % bound of the geometric mean >= 2",
        "a figure, no numbers",
    ),
    "C10": Claim(
        "Flipped training clips cause reversed motion",
        "difference > 0, its interval beyond 0",
        "none without flips; sometimes with",
    ),
    "C11": Claim(
        "Which attribute is kept: colour > size > velocity > shape",
        "every share > 0.5, its interval beyond",
        "colour against shape: no exception in 1,400 tests",
    ),
    "C12": Claim(
        "With a ring colour no longer dominates shape",
        "difference (square minus ring) > 0, its interval beyond 0",
        EXAMPLES,
        also=("attributes",),
    ),
    "C13": Claim(
        "Attribute, spatial and temporal compositions work; the last fails if the red ball was never at the wall",
        "every share >= 0.5, its interval beyond; difference > 0, its interval beyond 0",
        EXAMPLES,
        also=("attributes",),
    ),
    "C14": Claim(
        "Numbers or text as further conditions do not help OOD",
        "lower 95 % bound of the log ratio > -0.1",
        "slightly worse with numbers, clearly worse with text",
    ),
    "C15": Claim(
        "Ambiguity below a pixel yields wrong outcomes",
        "difference > 0, its interval beyond 0",
        EXAMPLES,
    ),
    "C16": Claim(
        "256 x 256 is not better than 128 x 128, three times the steps not better than once",
        "lower 95 % bound of the log ratio > -0.1",
        "similar errors",
    ),
}


def commands(claim: str, profile: str) -> str:
    """What makes the results that a claim needs at a scale."""
    studies = (DECIDED_BY[claim], *CLAIMS[claim].also)
    return " && ".join(f"physlaw reproduce study={study} profile={profile}" for study in studies)


def check_of(claim: str) -> str:
    """How a claim is decided, in the words of its study: physlaw.studies.<study>.CLAIMS."""
    return str(importlib.import_module(f"physlaw.studies.{DECIDED_BY[claim]}").CLAIMS[claim])
