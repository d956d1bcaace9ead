"""Uniform motion; of its evaluation blocks those in which nothing, or the speed alone, is out of distribution."""

from __future__ import annotations

from physlaw.studies.probe.study import SPEED_LEVEL
from physlaw.worlds.blocks import Block
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenarios import UNIFORM

SCENARIOS = {UNIFORM.name: UNIFORM}


def probed_blocks(scenario: Scenario, evaluation: str) -> list[Block]:
    """Of an evaluation set; the trained one first."""
    blocks = scenario.eval_blocks(evaluation).values()
    return sorted((block for block in blocks if block.level in (0, SPEED_LEVEL)), key=lambda block: block.level)
