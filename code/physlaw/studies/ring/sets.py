"""Colour against shape with a ball and a ring. Ours, from the paper's appendix A.5.2."""

from __future__ import annotations

from physlaw.studies.attributes.sets import COLOUR, AttributePair, pair_scenario
from physlaw.studies.ring.study import NO_FLIPS
from physlaw.studies.ring.study import SCENARIOS as NAMES

PAIR = AttributePair(COLOUR, ("circle", "ring"), (11, 31))
SCENARIOS = {name: pair_scenario(name, PAIR, flips=not name.endswith(NO_FLIPS)) for name in NAMES}
