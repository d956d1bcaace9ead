"""Reference agents of numbers and text beside pictures."""

from __future__ import annotations

from physlaw.agents.balls import CLAMP, LAW, Array, Asked, clamp, from_values


def told_law(asked: Asked) -> Array:
    """The law when told numbers or a sentence, else held to the training set's range."""
    return clamp(asked) if asked.cell.model.modality == "vision" else asked.init


MAKERS = {"law": LAW, "clamp": CLAMP, "told_law": from_values(told_law)}
