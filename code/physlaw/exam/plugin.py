"""A stranger's model as a function: found by name, called in batches, what it returns checked."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError, unknown

GROUP = "physlaw.models"
SIGNATURE = "generate(frames (N, c, H, W, 3) uint8, num_frames, prompts, seed) -> (N, T, H, W, 3) uint8"
Frames = NDArray[np.uint8]
# frames, num_frames, prompts, seed, of which num_frames counts the condition frames too -> whole clips
Generate = Callable[[Frames, int, list[str], int], Any]


def load_model(name: str) -> Generate:
    """`package.module:function`, from PYTHONPATH or the current folder; or an entry point of the group physlaw.models.

    Raises:
        UserError: there is no such thing, or importing it fails (its own traceback is printed first).
    """
    if not name:
        raise UserError("model= is missing: package.module:generate, or a name of the entry point group physlaw.models")
    if ":" not in name:
        known = {point.name: point for point in metadata.entry_points(group=GROUP)}
        if name not in known:
            raise unknown("model", name, [*known, "package.module:generate"])
        place = known[name].value
    else:
        place = name
    module, _, attributes = place.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # behind all others: a file there must not stand for a library
    try:
        found: Any = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        if getattr(error, "name", None) not in (None, module, module.partition(".")[0], attributes):
            traceback.print_exc()
        raise UserError(
            f"model={name}: {error}; it is package.module:generate, searched in {os.getcwd()} too"
        ) from None
    except Exception as error:
        traceback.print_exc()
        raise UserError(f"model={name}: importing it failed ({type(error).__name__}: {error})") from None
    if not callable(found):
        raise UserError(f"model={name} is no function but {type(found).__name__}; needed: {SIGNATURE}")
    return found  # type: ignore[no-any-return]


def answers_of(generate: Generate, name: str, shown: Frames, frames: int, prompts: list[str], seed: int) -> Frames:
    """(N, c, W, W, 3) -> (N, T, H, W, 3) uint8: one call.

    Raises:
        UserError: it raised (its traceback is printed first), or returned something else.
    """
    try:
        found = generate(shown.copy(), frames, prompts, seed)
        values = np.asarray(found)
    except Exception as error:
        traceback.print_exc()
        raise UserError(f"model={name} raised {type(error).__name__}: {error}; finished answers are kept") from None
    if values.ndim != 5 or len(values) != len(shown) or values.dtype != np.uint8 or not values.size:
        raise UserError(
            f"model={name} returned {values.dtype} {list(values.shape)}; needed: uint8 "
            f"[{len(shown)}, {frames}, height, width, 3]"
        )
    return values
