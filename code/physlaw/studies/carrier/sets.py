"""Uniform motion once per arm: the same clips; the profile says what differs in the model or its training."""

from __future__ import annotations

from physlaw.studies.carrier import study
from physlaw.worlds.scenarios import UNIFORM

SCENARIOS = dict.fromkeys(study.SCENARIOS, UNIFORM)
