"""A sentence for every item, for models that want one. It says what kind of event goes on, and no initial value."""

from __future__ import annotations

from physlaw.worlds.scenario import Scenario

SETTING = "White background, fixed camera, no friction."
LOOKS = ("colour", "shape")  # factors that the picture alone tells


def prompt_of(scenario: Scenario) -> str:
    """The scenario's sentence without numbers, and the setting."""
    if any(factor in scenario.factors for factor in LOOKS):
        event = "One object goes on as it moves, at constant velocity, and keeps its colour, shape and size."
    else:
        plain = scenario.sentence.replace(" of radius {r1}", "").replace(" of radius {r2}", "")
        event = plain.format(motion1="goes on as it moves", motion2="comes towards it")
    return f"{event} {SETTING}"
