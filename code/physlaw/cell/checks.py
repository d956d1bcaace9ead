"""What is checked of a cell before anything is computed. No torch."""

from __future__ import annotations

import os

from physlaw.cell.data import mirrored, world_of
from physlaw.config import CellConfig
from physlaw.errors import UserError


def check_configuration(cell: CellConfig) -> None:
    """Raises UserError when this code composes another cell than its launcher (PHYSLAW_EXPECT_CONFIG): its results
    would count for nothing there."""
    expected = os.environ.get("PHYSLAW_EXPECT_CONFIG")
    if expected and expected != cell.digest():
        raise UserError(
            f"the configuration of {cell.name} here ({cell.digest()[:10]}) is not the launcher's ({expected[:10]}): "
            "the image holds other code or configs/ than the checkout that launched; build it again, or launch from it"
        )


def check_scale(cell: CellConfig) -> None:
    """Raises UserError for settings that cannot work together, before anything is computed."""
    time, space = cell.tokenizer.strides
    if cell.data.num_frames % time or cell.data.resolution % space:
        raise UserError(
            f"data.num_frames={cell.data.num_frames} and data.resolution={cell.data.resolution} must be multiples of "
            f"the tokenizer's strides {time} and {space}"
        )
    if cell.data.num_frames < 6:
        raise UserError(f"data.num_frames must be at least 6 to measure a velocity, got {cell.data.num_frames}")
    world = world_of(cell)
    for key, valid in world.needs.items():
        section, name = key.split(".")
        value = getattr(getattr(cell, section), name)
        if value != valid:
            raise UserError(f"scenario={cell.scenario} needs {key}={str(valid).lower()}, got {value!r}")
    world.check_clips(cell.data.resolution, cell.data.num_frames)
    if cell.model.modality != "vision" and mirrored(cell):
        raise UserError(f"data.flips=true mirrors clips, not what model.modality={cell.model.modality} tells of them")
    for key, value, plain in (("draw", cell.data.draw, "fixed"), ("clips", cell.data.clips, 0)):
        if value != plain and (cell.data.files or cell.data.placement == "released"):
            raise UserError(
                f"data.{key}={value} chooses among rendered clips with data.placement=per_sample, without data.files"
            )
    if cell.data.placement == "released" and cell.eval.blocks != "released":
        raise UserError(f"data.placement=released needs eval.blocks=released, got {cell.eval.blocks!r}")
