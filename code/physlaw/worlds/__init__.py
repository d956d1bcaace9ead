"""State and laws of the 2D worlds: regions of initial values, grids, placement, motion. No pixels, no torch.

Other programs find here what physlaw/public_worlds.py documents: it stands above all layers, and is loaded when one of
its names is asked for.
"""

from typing import Any

PUBLIC = ("FRAME_S", "Clips", "Place", "block_names", "clips", "factors", "scenario_names", "sizes", "where")


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("physlaw.public_worlds"), name)
