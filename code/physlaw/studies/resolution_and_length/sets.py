"""Uniform motion three times: the same clips, seen finer or trained longer; the profile says how much."""

from __future__ import annotations

from physlaw.studies.resolution_and_length import study
from physlaw.worlds.scenarios import UNIFORM

SCENARIOS = dict.fromkeys(study.SCENARIOS, UNIFORM)
