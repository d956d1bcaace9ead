"""The three fundamental scenarios, with the release's evaluation blocks and the paper's."""

from __future__ import annotations

from physlaw.worlds.scenarios import SCENARIOS

__all__ = ["SCENARIOS"]
