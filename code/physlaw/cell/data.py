"""A cell's training data: which scenes, where their clips come from, and a tokenizer that learns nothing. No torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from physlaw.config import CellConfig, digest_of
from physlaw.data.clips import ClipSource, WithMirrored
from physlaw.data.world import TrainingClips, World
from physlaw.studies import registry


def world_of(cell: CellConfig) -> World:
    """The cell's scenario."""
    return registry.world(cell.scenario)


def mirrored(cell: CellConfig) -> bool:
    """The cell trains on mirror images too: its scenario says so, or data.flips."""
    return world_of(cell).flips or cell.data.flips


def training_clips(cell: CellConfig) -> TrainingClips:
    """The cell's training clips: rendered on the fly, or read from the files that data.files names.

    Raises:
        UserError: the files are malformed, or hold other clips than the cell's training set.
    """
    return world_of(cell).training_clips(cell.size, replace(cell.data, seed=cell.training_draw))


def with_mirrored(cell: CellConfig, clips: ClipSource) -> ClipSource:
    """The clips, and their mirror images where the cell trains on them."""
    return WithMirrored(clips) if mirrored(cell) else clips


def pixels_card(cell: CellConfig) -> dict[str, Any]:
    """What is known of a tokenizer without learned parts: {"digest", "seconds"}."""
    return {"digest": digest_of([cell.tokenizer.name, cell.tokenizer.scale]), "seconds": 0.0}
