"""Section 5.3 of the paper, Fig. 8 and 9: pairs of attributes of which training shows two combinations of four.

Cells: pair, with or without mirror images x model x seed, and colour against velocity with one colour alone. Asked for
the other two combinations; each generated clip keeps both attributes, the first (the second moves to what was trained
with it), the second, or cannot be decided. The first of a pair's name is the one that the paper finds kept. Decides
C11. No torch, no numpy. Source: released data section 5.1; colour against shape is ours, the release has none.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Attribute pairs"
QUESTION = "Where training shows red slow and blue fast balls, what does a slow blue one keep?"
CLAIMS = {
    "C11": Claim(
        words="Which attribute is kept: colour > size > velocity > shape",
        check=(
            "Colour > size > velocity > shape: for each pair, of the crossed clips that keep one attribute "
            "and change the other, more than half keep the one that comes first in this order"
        ),
        threshold="every share > 0.5, its interval beyond",
        paper="colour against shape: no exception in 1,400 tests",
        says={
            "whether": "of two attributes never shown together the earlier of colour, size, velocity, shape is kept",
            "supported": (
                "{scale}, of two attributes that training never showed together models more often keep the earlier "
                "of colour, size, velocity, shape; least certain is {part}: {value:.0%} [{low:.0%}, {high:.0%}] of "
                "the clips ({seeds})."
            ),
            "not supported": (
                "{scale}, the order colour, size, velocity, shape does not hold for every pair of attributes: "
                "{part}, {value:.0%} [{low:.0%}, {high:.0%}] of the clips ({seeds})."
            ),
        },
        must_fail=("law", "random_attribute"),
        must_pass=("priority",),
    ),
}
PAIRS = ("colour_size", "colour_velocity", "colour_shape", "size_velocity", "size_shape", "velocity_shape")
NO_FLIPS = "_noflip"
SCENARIOS = dict.fromkeys(
    (
        *(pair + flips for pair in PAIRS for flips in ("", NO_FLIPS)),
        *("colour_velocity_red", "colour_velocity_blue"),
    ),
    ("300", "3k", "30k", "300k", "3m"),
)
COMBINE = ("size_velocity", "colour_size")  # pairs that the paper finds to combine well (C13)
_NAMES = {name: " against ".join(name.split("_")) for name in PAIRS}
NAMES = {
    **_NAMES,
    **{name + NO_FLIPS: f"{words}, no mirror images" for name, words in _NAMES.items()},
    "colour_velocity_red": "red slow balls alone",
    "colour_velocity_blue": "blue fast balls alone",
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = ("law", "clamp", "nearest_case", "composer", "priority", "colour_keeper", "random_attribute")
PAPER = "order colour > size > velocity > shape; colour against shape: no exception in 1,400 tests"
