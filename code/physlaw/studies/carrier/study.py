"""Beyond the paper: what carries the failure out of distribution, the pixels, the objective or the position code?

Cells: uniform motion in six arms x seed: one network, one budget, the same clips, one thing changed at a time; the
profile says what (grid.per_scenario). Scored as id_ood. Decides E3. No torch, no numpy.

Fixed before a cell was run. Hypothesis: nothing of it carries the failure, the network does. In the plain arm follow
out of distribution is below one half, and in no other arm is it higher by a quarter. Follow decides: the ratio of
errors, which is shown beside it, also falls where an arm errs more in distribution. Budget at mini: 18 cells of 8,000
steps of 16 clips, at most 11 core-minutes each.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "What carries the failure"
QUESTION = "Does a model follow speeds beyond training without pixels, without denoising, or without rotary positions?"
BASE = "uniform"
OTHERS = ("uniform_regression", "uniform_v", "uniform_differences", "uniform_states", "uniform_added")
SCENARIOS = dict.fromkeys((BASE, *OTHERS), ("300", "3k", "30k", "300k", "3m"))
CLAIMS = {
    "E3": Claim(
        words="Neither pixels, nor denoising, nor rotary positions carry the failure: it stays without any of them",
        plain="Models fail beyond the trained speeds whatever they draw, however they are trained",
        check=(
            "Follow of all clips out of distribution, 0 at the trained range's edge and 1 at the law: below one half "
            "in the plain arm (recipe fast, pixels, rotary positions), and in every other arm (one-step regression, "
            "v-prediction, frame differences, state tokens, added positions) less than a quarter higher, paired by seed"
        ),
        threshold="upper bounds: plain arm < 0.5; every other arm minus the plain one < 0.25",
        paper="not asked",
        says={
            "whether": "what carries the failure beyond training is the pixels, the objective or the position code",
            "supported": (
                "{scale}, models fail beyond training with and without pixels, denoising and rotary positions; least "
                "certain is {part}: {value:+.2f} [{low:+.2f}, {high:+.2f}] of the way to the law ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that models fail beyond training in every arm alike: {part} is {value:+.2f} "
                "[{low:+.2f}, {high:+.2f}] of the way to the law (the plain arm below 0.5, a change of less than 0.25 "
                "were needed; {seeds})."
            ),
        },
        must_fail=("law", "states_law", "objective_law"),
        must_pass=("clamp", "states_nudge"),
    ),
}
HALF, CURE = 0.5, 0.25  # follow of the plain arm; what another arm must add to it to carry the failure
STATES, OBJECTIVES = "uniform_states", ("uniform_regression", "uniform_v")
NAMES = {
    "uniform": "plain",
    "uniform_regression": "one-step regression",
    "uniform_v": "v-prediction",
    "uniform_differences": "frame differences",
    "uniform_states": "state tokens",
    "uniform_added": "added positions",
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "states_law", "objective_law", "states_nudge")
PAPER = "not asked"
