"""The card of a written clip set: what it holds, by which law, how many, from what, and digests of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from physlaw.files import sha256_file
from physlaw.provenance import provenance
from physlaw.worlds.grids import Grid
from physlaw.worlds.scenes import SceneSet


def card_path(path: Path) -> Path:
    """card.json in a folder of clips, <file>.card.json beside a single file."""
    return path.with_name(path.name + ".card.json") if path.suffix else path / "card.json"


def card_of(world: dict[str, Any], settings: dict[str, Any], files: list[Path]) -> dict[str, Any]:
    """The card as plain data.

    Args:
        world: its first part: what the clips show, by which law.
        settings: what was asked for, the digest of the scenes included.
        files: of the set, for their digests.
    """
    return {
        **world,
        "settings": settings,
        "files": {file.name: sha256_file(file) for file in files},
        "provenance": provenance(),
    }


def ball_card(scenes: SceneSet, written: int) -> dict[str, Any]:
    """The first part of the card for a scene set of the balls."""
    scenario, grid = scenes.scenario, scenes.grid
    if isinstance(grid, Grid):
        axes, in_grid = list(grid.axes), grid.size_before_drops
    else:  # a set of which something is left out, or of several grids
        axes, in_grid = [np.unique(column) for column in grid.values(np.arange(len(grid))).T], len(grid)
    return {
        "name": f"{scenario.name} {scenes.split}",
        "law": list(scenario.equations),
        "units": "world units (the picture is 10 wide, origin bottom-left, y up) and seconds",
        "factors": {
            factor: {"lowest": float(axis.min()), "highest": float(axis.max()), "values": len(axis)}
            for factor, axis in zip(scenario.factors, axes, strict=True)
        },
        "scenes": {
            "in_grid": in_grid,
            "infeasible_dropped": in_grid - len(grid),
            "in_set": len(grid),
            "written": written,
        },
        "frames_per_clip": scenes.num_frames,
        "seconds_between_frames": 0.1,
    }
