"""Sets of composed scenes by what they are for."""

from physlaw.studies.composition.scenes import CompositionScenes
from physlaw.studies.composition.sets import COMPOSITIONS


def composed(name: str, split: str, seed: int = 0, num_frames: int = 32) -> CompositionScenes:
    return CompositionScenes(COMPOSITIONS[name], split, seed, num_frames)


def training(name: str, size: str, seed: int = 0) -> CompositionScenes:
    return composed(name, f"train/{size}", seed)


def both_events(name: str) -> CompositionScenes:
    """The test set: both events in every scene."""
    return composed(name, "eval/both")
