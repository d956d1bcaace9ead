"""Sets of composed scenes by what they are for."""

from physlaw.worlds.composition import CompositionScenes


def training(name: str, size: str, seed: int = 0) -> CompositionScenes:
    return CompositionScenes(name, f"train/{size}", seed)


def both_events(name: str) -> CompositionScenes:
    """The test set: both events in every scene."""
    return CompositionScenes(name, "eval/both")
