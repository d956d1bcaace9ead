"""Collisions as they are; what a model is told of them differs."""

from __future__ import annotations

from physlaw.worlds.scenarios import COLLISION

SCENARIOS = {COLLISION.name: COLLISION}
